import { Html } from '@kitajs/html';
import {
  type CompareQuery,
  compareAddress,
  fileValue,
  hunkValue,
  partsOf,
  type Taken,
} from './compare-address';
import { partsWord, sideOf } from './compare-words';
import { plural } from './format';
import { Icon, Mark, State } from './marks';
import { visible } from './visible';

/** Two parts or more that want different things of one place. */
export interface Clash {
  path: string;
  parts: { variation: number; hunk: number | null }[];
  reason: string;
}

/** What would become of what was taken; null where nobody has looked. */
export type Composed =
  | { ok: true }
  /** `says`: what else is in the way. */
  | { ok: false; clashes: readonly Clash[]; says?: string }
  | null;

interface Props {
  run: number;
  query: CompareQuery;
  composed: Composed;
  /** The position that the graft will have. */
  next: number;
  /** Boxes that are on this page: those are not repeated here. */
  here: ReadonlySet<string>;
  /** Names the graft, so that sent twice it is one. */
  token: string;
}

/**
 * What was taken so far, and the button that makes a variation of it. Boxes all over the page belong to this form; it
 * also goes back to the page, by itself or by a button, so that nothing that was taken is lost on the way.
 */
export function Tray({ run, query, composed, next, here, token }: Props) {
  const { taken, from } = query;
  const elsewhere = taken.filter((one) => !here.has(boxValue(one)));
  const why =
    taken.length === 0
      ? 'Take a hunk or a file first'
      : composed?.ok === false
        ? (composed.says ?? 'Solve the conflicts first')
        : null;
  return (
    <form
      class="tray"
      id="graft"
      action={`/runs/${run}/grafts`}
      method="post"
      hx-get={`/runs/${run}/graft`}
      hx-trigger="taken"
      hx-target="this"
      hx-swap="outerMorph"
      aria-label="Graft"
    >
      <input type="hidden" name="on" value={String(from)} />
      <input type="hidden" name="token" value={Html.escapeHtml(token)} />
      <b safe>{`Graft on ${sideOf(from)}`}</b>
      <span safe>{taken.length === 0 ? 'nothing taken yet' : partsWord(partsOf(taken))}</span>
      <Applies composed={composed} taken={taken} />
      {query.dropped ? (
        <small class="muted">What was taken before was for another start, and is let go.</small>
      ) : (
        ''
      )}
      <div class="btns end">
        {taken.length === 0 ? (
          ''
        ) : (
          <a class="btn quiet" href={Html.escapeHtml(compareAddress(run, { ...query, taken: [] }))}>
            Clear
          </a>
        )}
        <button
          class="btn primary"
          type="submit"
          aria-disabled={why === null ? undefined : 'true'}
          title={why === null ? undefined : Html.escapeHtml(visible(why))}
        >
          <Icon i="fork" />
          {Html.escapeHtml(`Make variation ${next}`)}
        </button>
      </div>
      <Clashes composed={composed} />
      {elsewhere.length === 0 ? '' : <Elsewhere taken={elsewhere} />}
    </form>
  );
}

function Applies({ composed, taken }: { composed: Composed; taken: readonly Taken[] }) {
  if (composed === null || taken.length === 0) return '';
  if (composed.ok) return <State s="passes" word="applies" />;
  if (composed.says !== undefined)
    return (
      <small class="muted" safe>
        {visible(composed.says)}
      </small>
    );
  const { length } = composed.clashes;
  return (
    <span class="state clash" data-s="needs_review">
      <Mark s="needs_review" />
      {Html.escapeHtml(length === 1 ? 'one conflict' : `${length} conflicts`)}
    </span>
  );
}

const maxClashes = 20;

function Clashes({ composed }: { composed: Composed }) {
  if (composed === null || composed.ok || composed.clashes.length === 0) return '';
  return (
    <ul class="clashes">
      {composed.clashes.slice(0, maxClashes).map(({ path, parts, reason }) => (
        <li>
          <code safe>{visible(path)}</code> <span safe>{parts.map(partWord).join(' and ')}</span>{' '}
          <small class="muted" safe>
            {visible(reason)}
          </small>
        </li>
      ))}
      {composed.clashes.length > maxClashes ? (
        <li class="muted" safe>{`and ${plural(composed.clashes.length - maxClashes, 'more conflict')}`}</li>
      ) : (
        ''
      )}
    </ul>
  );
}

/** `hunk 2 of variation 1`, `the file of variation 3`. */
export function partWord({ variation, hunk }: Clash['parts'][number]): string {
  return hunk === null ? `the file of variation ${variation}` : `hunk ${hunk} of variation ${variation}`;
}

/** What was taken of other variations, or of files that are not on this page: can be put back here. */
function Elsewhere({ taken }: { taken: readonly Taken[] }) {
  return (
    <details class="elsewhere">
      <summary safe>{`${taken.length} of it taken elsewhere`}</summary>
      <ul>
        {taken.map((one) => (
          <li>
            <label class="tick">
              <input
                type="checkbox"
                name={one.hunk === null ? 'file' : 'hunk'}
                value={Html.escapeHtml(boxValue(one))}
                checked
              />
              <code safe>{visible(one.path)}</code>
              <small class="muted" safe>
                {partWord(one)}
              </small>
            </label>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What the box says that takes it. */
export function boxValue(taken: Taken): string {
  return taken.hunk === null ? fileValue(taken) : hunkValue(taken);
}
