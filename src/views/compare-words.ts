import type { GraftPart } from '../../drizzle/schema';
import type { CheckOutcome, Run, Variation } from '../core/contract';
import type { JudgedPair } from '../core/opinion';
import type { LevelState, Place, RankLevel, Verdict } from '../core/verdict-contract';
import { plural } from './format';
import { visible } from './visible';

/** `3 Opus careful`, `5 Graft`. */
export function nameOf({ position, kind, agent }: Variation): string {
  return visible(`${position} ${kind === 'graft' ? 'Graft' : agent.name}`);
}

/** Positions as a side of a comparison; 0 is the base. */
export function sideOf(position: number): string {
  return position === 0 ? 'the base' : String(position);
}

/** `1st`, `2nd, tied`. */
export function placeWord({ rank, tied_with }: Place): string {
  const tens = rank % 100;
  const suffix = tens > 10 && tens < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][rank % 10] ?? 'th');
  return `${rank}${suffix}${tied_with.length > 0 ? ', tied' : ''}`;
}

/** The variations in the order of the verdict; those without a place come last, as they were started. */
export function inOrder(run: Run, verdict: Verdict | null): Variation[] {
  const places = new Map((verdict?.ranking ?? []).map((place, i) => [place.position, i]));
  const at = ({ position }: Variation) => places.get(position) ?? 100 + position;
  return [...run.variations].sort((a, b) => at(a) - at(b));
}

/** `3 and 1`, `3, 1 and 2`. */
export function listed(names: readonly (string | number)[]): string {
  const last = String(names.at(-1) ?? '');
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

export const levelNames: Record<RankLevel, string> = {
  applies: 'Applies',
  broken: 'Nothing required broken',
  fixed: 'More fixed',
  criteria: 'Criteria met',
  judged: 'Blind judging',
  size: 'Smaller diff',
  cost: 'Cost',
};

/** What a level is, or why it told nothing; null where its name says all. */
export function levelNote(level: RankLevel, state: LevelState, target: string): string | null {
  switch (state) {
    case 'not_needed':
      return 'not needed';
    case 'incomplete':
      return 'not known of all, so it tells none apart';
    case 'not_asked':
      return 'nobody was asked';
    case 'no_judge':
      return 'no judge is configured';
    case 'too_many':
      return 'too many tie to be judged';
    case 'no_answer':
      return 'no answer that counts was had';
    case 'compared':
      if (level === 'applies') return `to the base and to ${target} as it is now`;
      if (level === 'criteria') return 'an opinion, with quotations';
      return level === 'judged' ? 'an opinion; names removed, both orders' : null;
  }
}

/** What a judge made of a pair, in words. */
export function pairWords({ pair, winner, why }: JudgedPair): string {
  const [a, b] = pair;
  const both = `${a} and ${b}`;
  switch (why) {
    case 'agreed':
      return `${both}: ${winner} is better, in both orders.`;
    case 'even':
      return `${both}: no difference, in both orders.`;
    case 'disagreed':
      return `${both}: the judge contradicted itself when the order was swapped, so this is a tie.`;
    case 'same':
      return `${both}: the same text, so nobody was asked.`;
    case 'no_answer':
      return `${both}: no answer that counts.`;
  }
}

/** `324 of 324`, `4 findings`; null where the runner's format is not known. */
export function countsWord({ counts }: Pick<CheckOutcome, 'counts'>): string | null {
  if (!counts) return null;
  if ('findings' in counts) return plural(counts.findings, 'finding');
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  return `${counts.passed} of ${counts.total}${skipped}`;
}

/** `2 hunks of variation 1 in 1 file, 1 file of variation 2`. */
export function partsWord(parts: readonly GraftPart[]): string {
  const said: string[] = [];
  const by = [...Map.groupBy(parts, (part) => part.variation)].sort(([a], [b]) => a - b);
  for (const [variation, own] of by) {
    const hunked = own.filter((part) => part.hunks !== undefined);
    const hunks = hunked.reduce((sum, part) => sum + (part.hunks?.length ?? 0), 0);
    const files = new Set(hunked.map((part) => part.path)).size;
    if (hunks > 0)
      said.push(`${plural(hunks, 'hunk')} of variation ${variation} in ${plural(files, 'file')}`);
    if (own.length > hunked.length)
      said.push(`${plural(own.length - hunked.length, 'file')} of variation ${variation}`);
  }
  return said.join(', ');
}

/** What a file is that a variation touched although it judges it. */
export function flagWord(kind: string): string {
  return flagWords[kind] ?? 'touches what judges it';
}

const flagWords: Record<string, string> = { test: 'edits a test', runner: 'edits how checks run' };
