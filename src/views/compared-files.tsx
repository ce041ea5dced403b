import { Html } from '@kitajs/html';
import type { Run } from '../core/contract';
import { type CommentTyped, CommentVoice } from './comment';
import { type CompareQuery, compareAddress, fileValue, hunkValue } from './compare-address';
import type { Comment } from './compare-facts';
import { ComparedFile, cutTo } from './compared-file';
import type { FileChange } from './diff';
import { plural } from './format';
import type { Shell } from './shell';
import type { Clash, Composed } from './tray';
import { visible } from './visible';

const maxFiles = 100;
const maxRows = 3000;
const maxRowsOfFile = 400;

/** A file on its page. */
export interface Shown {
  file: FileChange;
  id: string;
  whole: 'first' | 'rest' | undefined;
  maxRows: number;
}

/** As many files as a page bears, each with as many rows. A file that changes its kind is told in two halves. */
export function shownFiles(files: readonly FileChange[], { path }: CompareQuery): Shown[] {
  let room = maxRows;
  return files.slice(0, maxFiles).map((file, i) => {
    const rows = Math.min(path === null ? maxRowsOfFile : maxRows, Math.max(0, room));
    room -= Math.min(
      rows,
      file.hunks.reduce((sum, hunk) => sum + hunk.rows.length, 0),
    );
    const rest = files[i - 1]?.path === file.path;
    const whole = rest ? 'rest' : files[i + 1]?.path === file.path ? 'first' : undefined;
    return { file, id: `f${i + 1}`, whole, maxRows: rows };
  });
}

/** What the boxes say that are on this page. */
export function boxesOf(shown: readonly Shown[], { to }: CompareQuery): Set<string> {
  const boxes = new Set<string>();
  for (const { file, maxRows } of shown) {
    boxes.add(fileValue({ variation: to, path: file.path }));
    for (const i of cutTo(file.hunks, maxRows).shown.keys())
      boxes.add(hunkValue({ variation: to, path: file.path, hunk: i + 1 }));
  }
  return boxes;
}

interface Props {
  shell: Shell;
  run: Run;
  query: CompareQuery;
  /** Null: too large to be shown. */
  files: readonly FileChange[] | null;
  texts?: ReadonlyMap<string, { total: number; lines: readonly string[] }> | undefined;
  /** Why there is nothing to compare. */
  missing?: string | null | undefined;
  composed: Composed;
  comments: readonly Comment[];
  commented?: CommentTyped | undefined;
  token: string;
  shown: readonly Shown[];
}

/** What differs between the two sides, file by file. */
export function Files(props: Props) {
  const { shell, run, query, files, texts, composed, comments, commented, token, shown } = props;
  const { from, to, path } = query;
  if (props.missing)
    return (
      <>
        <Empty title="Nothing to compare yet" says={visible(props.missing)} />
        <div class="notes">
          {comments
            .filter((one) => one.position === to || one.position === from)
            .map((comment) => (
              <CommentVoice comment={comment} now={shell.now} />
            ))}
        </div>
      </>
    );
  if (files === null)
    return (
      <Empty
        title="Too large to be shown"
        says="The patch has all of it, and single files are in the list."
      />
    );
  if (files.length === 0)
    return (
      <Empty
        title="No difference"
        says={
          from === to
            ? 'That is one and the same.'
            : `${from === 0 ? `Variation ${to} changes nothing` : `${from} and ${to} are the same`}${path === null ? '' : ' in this file'}.`
        }
      />
    );
  const clashes: readonly Clash[] = composed?.ok === false ? composed.clashes : [];
  return (
    <>
      {path === null ? (
        ''
      ) : (
        <p class="alone">
          <code safe>{visible(path)}</code> alone.{' '}
          <a href={Html.escapeHtml(compareAddress(run.id, query))} data-keeps="true">
            All files
          </a>
        </p>
      )}
      {shown.map((one) => (
        <ComparedFile
          run={run.id}
          query={query}
          {...one}
          total={texts?.get(one.file.path)?.total ?? null}
          lines={texts?.get(one.file.path)?.lines ?? []}
          clashes={clashes}
          comments={comments.filter(
            (comment) =>
              comment.path === one.file.path && (comment.position === to || comment.position === from),
          )}
          token={token}
          typed={commented?.path === one.file.path ? commented : undefined}
          now={shell.now}
        />
      ))}
      {files.length > shown.length ? (
        <p
          class="muted"
          safe
        >{`${plural(files.length - shown.length, 'more file')} in the list, each by itself.`}</p>
      ) : (
        ''
      )}
    </>
  );
}

function Empty({ title, says }: { title: string; says: string }) {
  return (
    <div class="panel empty tight">
      <h3 safe>{title}</h3>
      <p safe>{says}</p>
    </div>
  );
}
