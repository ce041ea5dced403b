import { Html } from '@kitajs/html';
import type { VariationStatus } from '../../drizzle/schema';
import type { Level } from '../core/contract';
import { plural, words } from './format';
import { iconOf } from './sprite';

/** Results of checks have shapes of their own; every other state is a status. */
const results = new Set(['fixed', 'passes', 'still_fails', 'broken', 'could_not_run']);

/** A base's own results, drawn as what they mean for a reader. */
const drawnAs: Record<string, string> = { passed: 'passes', failed_check: 'still_fails' };

/** The mark of a status or a check's result: colour and shape. Its word has to stand beside it. */
export function Mark({ s }: { s: string }) {
  const shown = drawnAs[s] ?? s;
  return (
    <svg class="mark" data-s={shown} aria-hidden="true">
      <use href={`#${results.has(shown) ? 'r' : 's'}-${shown}`} />
    </svg>
  );
}

/** Mark and word of a status or result. `word` where another says more, such as `exit 1`. */
export function State({ s, word }: { s: string; word?: string }) {
  const shown = drawnAs[s] ?? s;
  return (
    <span class="state" data-s={shown}>
      <Mark s={s} />
      {Html.escapeHtml(word ?? words(s))}
    </span>
  );
}

export function LevelMark({ l }: { l: Level }) {
  return (
    <svg class="mark" data-l={l} aria-hidden="true">
      <use href={`#l-${l}`} />
    </svg>
  );
}

export function Icon({ i }: { i: string }) {
  return (
    <svg class="i" aria-hidden="true">
      <use href={`#i-${i}`} />
    </svg>
  );
}

/** A row of marks, one for each variation in order; nothing for a single one. */
export function Marks({ statuses }: { statuses: readonly VariationStatus[] }) {
  if (statuses.length < 2) return '';
  const counts = new Map<string, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  const said = [...counts].map(([status, n]) => `${n} ${words(status)}`).join(', ');
  return (
    <>
      <span class="marks" title={said}>
        {statuses.map((status) => (
          <Mark s={status} />
        ))}
      </span>
      <span class="vh" safe>{`${plural(statuses.length, 'variation')}: ${said}`}</span>
    </>
  );
}

/** The favicon that goes with a status, in the middle tone that reads on light and dark tabs. */
export function favicon(status: string | null): string {
  return status === null ? iconOf('brand', '#4f63d2') : iconOf(`s-${status}`, tabColours[status] ?? '#777');
}

const tabColours: Record<string, string> = {
  running: '#4f63d2',
  completed: '#23834a',
  failed: '#c93a34',
  needs_review: '#a86400',
  awaiting_approval: '#a86400',
};
