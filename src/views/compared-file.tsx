import { Html } from '@kitajs/html';
import { CommentForm, CommentRow, type CommentTyped, CommentVoice } from './comment';
import { type CompareQuery, compareAddress, fileValue, hunkValue } from './compare-address';
import type { Comment } from './compare-facts';
import type { FileChange, Hunk, Row } from './diff';
import { splitRows, unifiedRows } from './diffrows';
import { modes } from './difftable';
import { plural } from './format';
import { columnsOf, type Gap, GapLines, GapRow } from './gap';
import { Icon, Mark } from './marks';
import { type Clash, partWord } from './tray';
import { visible } from './visible';

export interface FileProps {
  run: number;
  query: CompareQuery;
  file: FileChange;
  /** Of the article: `f1`. */
  id: string;
  /** Taken whole or not at all, for it changes its kind; this is the second half of it when `rest`. */
  whole?: 'first' | 'rest' | undefined;
  maxRows: number;
  /** Lines that the file has on the right side; null: not known. */
  total: number | null;
  /** Its first lines on the right side, where folded ones are to be shown. */
  lines: readonly string[];
  clashes: readonly Clash[];
  comments: readonly Comment[];
  token: string;
  /** A comment on it that could not be sent. */
  typed?: CommentTyped | undefined;
  now: Date;
}

/** One file's changes between the two sides: hunks to take, folded lines between them, comments below their lines. */
export function ComparedFile(props: FileProps) {
  const { run, query, file, id, whole } = props;
  const { from, to } = query;
  const cut = cutTo(file.hunks, props.maxRows);
  const placed = new Set<Comment>();
  const sections = cut.shown.map((hunk, i) => (
    <>
      <Between {...props} before={cut.shown[i - 1]} after={hunk} />
      <HunkBody {...props} hunk={hunk} number={i + 1} placed={placed} />
    </>
  ));
  const end = cut.left > 0 ? '' : <Between {...props} before={cut.shown.at(-1)} after={undefined} />;
  const others = props.comments.filter((one) => !placed.has(one));
  const raw = patchAddress(run, query, file.path);
  return (
    <article class="file" id={id}>
      <header>
        <code safe>{visible(file.path)}</code>
        {file.binary ? (
          ''
        ) : (
          <span>
            <span class="plus" safe>{`+${file.additions}`}</span>{' '}
            <span class="minus" safe>{`−${file.deletions}`}</span>
          </span>
        )}
        <span class="muted" safe>
          {sidesWord(query)}
        </span>
        {file.kind === 'changed' ? '' : <small safe>{kindWord(query, file)}</small>}
        {file.mode === null ? '' : <small safe>{modes[file.mode] ?? `mode ${file.mode}`}</small>}
        <span class="btns end">
          {whole === 'rest' ? '' : <TakeFile query={query} path={file.path} />}
          <a
            class="btn small quiet icon"
            href={Html.escapeHtml(raw)}
            aria-label="Patch of this file"
            title="Patch of this file"
          >
            <Icon i="save" />
          </a>
        </span>
      </header>
      {file.binary ? <p class="pad muted">A binary file: it can be taken whole.</p> : ''}
      {sections.length === 0 ? (
        ''
      ) : (
        <table
          class={query.split ? 'diff split' : 'diff'}
          aria-label={Html.escapeHtml(
            visible(`${file.path}, from ${from === 0 ? 'the base' : from} to ${to}`),
          )}
        >
          {sections as 'safe'[]}
          {end as 'safe'}
        </table>
      )}
      {cut.left > 0 ? (
        <p class="pad muted">
          <span safe>{`${plural(cut.left, 'more line')} that differ.`}</span>{' '}
          <a
            href={Html.escapeHtml(
              query.path === null ? compareAddress(run, query, { path: file.path }) : raw,
            )}
          >
            {query.path === null ? 'Show this file alone' : 'Show all as text'}
          </a>
        </p>
      ) : (
        ''
      )}
      <div class="notes" id={`${id}-notes`}>
        {others.map((comment) => (
          <CommentVoice comment={comment} now={props.now} />
        ))}
      </div>
      {file.binary ? (
        ''
      ) : (
        <CommentForm
          run={run}
          id={id}
          path={file.path}
          sides={from === 0 ? [to] : [to, from]}
          token={`${props.token}-${id}`}
          back={compareAddress(run, query, { path: query.path })}
          highest={props.total}
          typed={props.typed}
        />
      )}
    </article>
  );
}

function sidesWord({ from, to, split }: CompareQuery): string {
  const left = from === 0 ? 'base' : String(from);
  return split ? `${left} left, ${to} right` : `− is ${left}, + is ${to}`;
}

function kindWord({ from, to }: CompareQuery, { kind }: FileChange): string {
  if (kind === 'added') return from === 0 ? 'new' : `only in ${to}`;
  if (kind === 'deleted') return from === 0 ? 'gone' : `only in ${from}`;
  return kind;
}

/** The patch that leads from one side to the other, of one file or of all. */
export function patchAddress(run: number, { from, to }: CompareQuery, path?: string): string {
  const search = new URLSearchParams();
  if (from !== 0) search.set('against', String(from));
  if (path !== undefined) search.set('path', path);
  const text = search.toString();
  return `/api/v1/runs/${run}/variations/${to}/diff${text === '' ? '' : `?${text}`}`;
}

function TakeFile({ query, path }: { query: CompareQuery; path: string }) {
  const { to, taken } = query;
  const checked = taken.some((one) => one.variation === to && one.path === path && one.hunk === null);
  const value = fileValue({ variation: to, path });
  return (
    <label class="btn small quiet tick">
      <input type="checkbox" form="graft" name="file" value={Html.escapeHtml(value)} checked={checked} />
      Take the file
    </label>
  );
}

interface BodyProps extends FileProps {
  hunk: Hunk;
  number: number;
  /** Comments that have found their line. */
  placed: Set<Comment>;
}

function HunkBody({
  run: _run,
  query,
  file,
  id,
  whole,
  hunk,
  number,
  placed,
  comments,
  clashes,
  now,
}: BodyProps) {
  const { from, to, split, taken } = query;
  const columns = columnsOf(query);
  const after = (row: Row): string =>
    comments
      .filter((one) => !placed.has(one) && isOn(one, row, from, to))
      .map((comment) => {
        placed.add(comment);
        return (<CommentRow comment={comment} now={now} columns={columns} />) as string;
      })
      .join('');
  const rows = (split ? splitRows : unifiedRows)(hunk.rows, file.path, after);
  const pick = { variation: to, path: file.path, hunk: number };
  const checked = taken.some((one) => hunkValue(one) === hunkValue(pick));
  return (
    <tbody id={`${id}-h${number}`}>
      <tr class="hunk">
        <th colspan={columns} scope="rowgroup">
          <div>
            {whole === undefined ? (
              <label class="tick">
                <input
                  type="checkbox"
                  form="graft"
                  name="hunk"
                  value={Html.escapeHtml(hunkValue(pick))}
                  checked={checked}
                />{' '}
                {Html.escapeHtml(`Take hunk ${number} of variation ${to}`)}
              </label>
            ) : (
              <small>changes its kind: take the file</small>
            )}
            <ClashMark clashes={clashes} pick={pick} />
            <code safe>{visible(rangeOf(file.hunks[number - 1] ?? hunk))}</code>
          </div>
        </th>
      </tr>
      {rows as 'safe'}
    </tbody>
  );
}

/** On the right side's lines for those who are told of that, on the left side's for the others. */
function isOn({ position, line }: Comment, row: Row, from: number, to: number): boolean {
  if (line === null) return false;
  return position === to ? row.now === line : position === from && row.old === line;
}

function ClashMark({
  clashes,
  pick,
}: {
  clashes: readonly Clash[];
  pick: { variation: number; path: string; hunk: number };
}) {
  const mine = (one: Clash['parts'][number]) => one.variation === pick.variation && one.hunk === pick.hunk;
  const clash = clashes.find((one) => one.path === pick.path && one.parts.some(mine));
  if (!clash) return '';
  const others = clash.parts.filter((one) => !mine(one)).map(partWord);
  return (
    <span class="state clash" data-s="needs_review" title={Html.escapeHtml(visible(clash.reason))}>
      <Mark s="needs_review" />
      {Html.escapeHtml(others.length === 0 ? 'has no place there' : `conflicts with ${others.join(' and ')}`)}
    </span>
  );
}

/** `@@ −9,5 +8,9 @@ exportCsv` */
function rangeOf({ old, now, rows, context }: Hunk): string {
  const olds = rows.filter((row) => row.kind !== 'add').length;
  const news = rows.filter((row) => row.kind !== 'del').length;
  return `@@ −${old},${olds} +${now},${news} @@ ${context}`;
}

/** The lines between two hunks, before the first or after the last: folded, or shown where they are at hand. */
function Between({
  run,
  query,
  file,
  total,
  lines,
  before,
  after,
}: FileProps & { before: Hunk | undefined; after: Hunk | undefined }) {
  if (file.kind === 'added' || file.kind === 'deleted') return '';
  const old = before ? before.old + before.rows.filter((row) => row.kind !== 'add').length : 1;
  const now = before ? before.now + before.rows.filter((row) => row.kind !== 'del').length : 1;
  const next = after ? after.now : total === null ? now : total + 1;
  const gap: Gap = { path: file.path, old, now, count: next - now, toEnd: after === undefined };
  if (gap.count <= 0) return '';
  const ready = lines.slice(now - 1, now - 1 + gap.count);
  return ready.length > 0 ? (
    <GapLines run={run} query={query} gap={gap} lines={ready} />
  ) : (
    <GapRow run={run} query={query} gap={gap} />
  );
}

/** Hunks up to so many rows; the last one may be cut. */
export function cutTo(hunks: readonly Hunk[], maxRows: number): { shown: Hunk[]; left: number } {
  let room = maxRows;
  let left = 0;
  const shown = hunks.flatMap((hunk) => {
    const rows = hunk.rows.slice(0, Math.max(0, room));
    left += hunk.rows.length - rows.length;
    room -= rows.length;
    return rows.length === 0 ? [] : [{ ...hunk, rows }];
  });
  return { shown, left };
}
