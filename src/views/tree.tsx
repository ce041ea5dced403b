import { Html } from '@kitajs/html';
import { type CompareQuery, compareAddress } from './compare-address';
import { plural } from './format';
import { visible } from './visible';

/** A file that differs between the two sides. */
export interface ChangedFile {
  path: string;
  status: 'added' | 'modified' | 'deleted' | 'mode';
  additions: number;
  deletions: number;
  binary: boolean;
}

interface Props {
  run: number;
  query: CompareQuery;
  changes: readonly ChangedFile[];
  /** How many there are, with those that are not listed. */
  total: number;
  /** Ids of the files that are on this page, by their paths. */
  shown: ReadonlyMap<string, string>;
  /** Files that both sides changed to the same. */
  same: readonly string[];
}

/** The files that differ, folder by folder, each with what was taken of it, or how it differs. */
export function ChangesTree({ run, query, changes, total, shown, same }: Props) {
  const files = [
    ...changes.map((change) => ({ path: change.path, change })),
    ...same.map((path) => ({ path, change: null })),
  ].sort((a, b) =>
    folderOf(a.path) === folderOf(b.path) ? 0 : folderOf(a.path) < folderOf(b.path) ? -1 : 1,
  );
  let folder: string | null = null;
  return (
    <nav class="tree" aria-label="Files">
      <ul>
        {files.map(({ path, change }) => {
          const here = folderOf(path);
          const head =
            here === folder || here === '' ? (
              ''
            ) : (
              <li class="dir" safe>
                {visible(here)}
              </li>
            );
          folder = here;
          const id = shown.get(path);
          const address = id === undefined ? compareAddress(run, query, { path }) : `#${id}`;
          return (
            <>
              {head as 'safe'}
              <li>
                {change === null ? (
                  <span class="leaf">
                    <span safe>{visible(nameOf(path))}</span>
                    <small>same</small>
                  </span>
                ) : (
                  <a href={Html.escapeHtml(address)} aria-current={path === query.path ? 'true' : undefined}>
                    <span safe>{visible(nameOf(path))}</span>
                    <small>
                      <About query={query} change={change} />
                    </small>
                  </a>
                )}
              </li>
            </>
          );
        })}
      </ul>
      {total > changes.length ? (
        <p class="muted">{Html.escapeHtml(plural(total - changes.length, 'more file'))} in the patch.</p>
      ) : (
        ''
      )}
    </nav>
  );
}

function About({ query: { from, to, taken }, change }: { query: CompareQuery; change: ChangedFile }) {
  const own = taken.filter((one) => one.variation === to && one.path === change.path);
  if (own.some((one) => one.hunk === null)) return 'taken';
  if (own.length > 0) return Html.escapeHtml(`${own.length} taken`);
  if (change.status === 'added') return Html.escapeHtml(from === 0 ? 'new' : `only in ${to}`);
  if (change.status === 'deleted') return Html.escapeHtml(from === 0 ? 'gone' : `only in ${from}`);
  if (change.binary) return 'binary';
  if (change.status === 'mode') return 'mode';
  return (
    <>
      <span class="plus" safe>{`+${change.additions}`}</span>{' '}
      <span class="minus" safe>{`−${change.deletions}`}</span>
    </>
  );
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
