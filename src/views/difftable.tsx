import { Html } from '@kitajs/html';
import type { FileChange, Hunk } from './diff';
import { unifiedRows } from './diffrows';
import { plural } from './format';
import { visible } from './visible';

/** One file's changes: its name, its counts, and its hunks up to `maxRows` rows. */
export function FileDiff({
  file,
  id,
  maxRows = 400,
  raw,
}: {
  file: FileChange;
  id?: string;
  maxRows?: number;
  raw?: string;
}) {
  let left = maxRows;
  const shown = file.hunks.map((hunk) => {
    const rows = hunk.rows.slice(0, Math.max(0, left));
    left -= hunk.rows.length;
    return { ...hunk, rows };
  });
  return (
    <div class="file" id={id}>
      <header>
        <code safe>{visible(file.from === null ? file.path : `${file.from} → ${file.path}`)}</code>
        <span>
          <span class="plus" safe>{`+${file.additions}`}</span>{' '}
          <span class="minus" safe>{`−${file.deletions}`}</span>
        </span>
        {file.kind === 'changed' ? '' : <small>{Html.escapeHtml(file.kind)}</small>}
        {file.mode === null ? '' : <small safe>{modes[file.mode] ?? `mode ${file.mode}`}</small>}
      </header>
      {file.binary ? <p class="pad muted">A binary file.</p> : ''}
      {file.hunks.length > 0 ? (
        <table class="diff" aria-label={Html.escapeHtml(`Changes to ${file.path}`)}>
          {shown
            .filter((hunk) => hunk.rows.length > 0)
            .map((hunk, i) => (
              <tbody>
                {i > 0 || hunk.context !== '' ? <HunkHead hunk={hunk} /> : ''}
                {unifiedRows(hunk.rows, file.path) as 'safe'}
              </tbody>
            ))}
        </table>
      ) : (
        ''
      )}
      {left < 0 ? (
        <p class="pad muted">
          <span safe>{`${plural(-left, 'more line')} not shown.`}</span>{' '}
          {raw === undefined ? '' : <a href={raw}>Show all as text</a>}
        </p>
      ) : (
        ''
      )}
    </div>
  );
}

/** Modes that are worth a word. */
export const modes: Record<string, string> = {
  '100755': 'executable',
  '120000': 'link',
  '160000': 'submodule',
};

function HunkHead({ hunk }: { hunk: Hunk }) {
  return (
    <tr class="hunk">
      <th colspan="3">
        <div>
          <small safe>{`line ${hunk.now}`}</small>
          <code safe>{visible(hunk.context)}</code>
        </div>
      </th>
    </tr>
  );
}

/** A whole patch, at most `maxRows` rows a file and `maxFiles` files; `raw` is where all of it is. */
export function Diff({
  files,
  raw,
  maxFiles = 100,
}: {
  files: readonly FileChange[];
  raw: string;
  maxFiles?: number;
}) {
  const shown: [FileChange, number][] = [];
  let room = 3000;
  for (const file of files.slice(0, maxFiles)) {
    const rows = Math.min(400, Math.max(0, room));
    shown.push([file, rows]);
    room -= Math.min(
      rows,
      file.hunks.reduce((sum, hunk) => sum + hunk.rows.length, 0),
    );
  }
  return (
    <>
      {shown.map(([file, rows], i) => (
        <FileDiff file={file} id={`f${i + 1}`} maxRows={rows} raw={raw} />
      ))}
      {files.length > maxFiles ? (
        <p class="muted">
          {Html.escapeHtml(plural(files.length - maxFiles, 'more file'))} not shown.{' '}
          <a href={raw}>Show all as text</a>
        </p>
      ) : (
        ''
      )}
    </>
  );
}
