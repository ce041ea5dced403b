import type { Candidate, Field } from './ranking';
import { isEvidence, mostJudged } from './refine';
import type { RankLevel, Verdict } from './verdict-contract';

type Ranked = Omit<Verdict, 'summary'>;

/**
 * The verdict in plain short sentences: a headline, then what the leaders share, what put them first, what could not be
 * asked, and who is nearly the same; who chooses is `choiceWords`. Only positions and numbers: nothing foreign gets in.
 */
export function summarise(verdict: Ranked, field: Field): Verdict['summary'] {
  const [first] = verdict.leaders;
  const leader = field.candidates.find((one) => one.position === first);
  if (!leader) return { headline: 'There is nothing to rank', sentences: [] };
  return {
    headline: headlineOf(verdict, leader),
    sentences: [
      ...ranOn(field),
      ...(verdict.tie || verdict.decided_by !== null
        ? comparison(verdict, leader, field)
        : soundness(leader)),
      ...conflict(verdict, leader),
      ...nearlySame(verdict),
    ],
  };
}

const margins: Record<RankLevel, string> = {
  applies: 'clearly ahead',
  broken: 'clearly ahead',
  fixed: 'clearly ahead',
  criteria: 'ahead, as a model reads the criteria',
  judged: 'ahead, in a judge’s opinion',
  size: 'ahead, by a small margin',
  cost: 'ahead, by a small margin',
};

function headlineOf({ ranking, leaders, tie, decided_by }: Ranked, leader: Candidate): string {
  const who = named(leaders);
  if (ranking.length === 1) return `${who} is the only one${flaw(leader)}`;
  if (tie) {
    const all = leaders.length === ranking.length && leaders.length > 2;
    return `${all ? `All ${count(leaders.length)}` : who} tie${flaw(leader, true)}`;
  }
  if (decided_by === null) {
    return `${named(ranking.map((one) => one.position))} are nearly the same${flaw(leader, true)}`;
  }
  if (leaders.length === 1) return `${who} is ${margins[decided_by]}${flaw(leader)}`;
  return `${who}, nearly the same, are ${margins[decided_by]}${flaw(leader, true)}`;
}

/** First is not good: said at once where it is not. */
function flaw(leader: Candidate, several = false): string {
  if (!leader.applies.base) return several ? ', but none applies' : ', but does not apply';
  if (leader.broken > 0)
    return `, but ${several ? 'break' : 'breaks'} ${counted(leader.broken, 'required check')}`;
  if (leader.unmet > 0) return `, but ${several ? 'do' : 'does'} not pass everything required`;
  return '';
}

function ranOn({ candidates }: Field): string[] {
  if (candidates.some((one) => one.executed)) return [];
  return candidates.some((one) => one.inconclusive)
    ? ['No check came to a result that counts: each wavers, or could not be run.']
    : ['No check was run, so there is no evidence of that kind.'];
}

/** Of one that has no rival. */
function soundness({ position, executed, broken, fixed, total_failing_on_base: of }: Candidate): string[] {
  if (!executed || broken > 0) return [];
  return [
    `${position} breaks nothing required${of > 0 ? `, and fixes ${fixed} of ${of} that failed before` : ''}.`,
  ];
}

function conflict({ leaders }: Ranked, { applies }: Candidate): string[] {
  if (!applies.base || applies.target !== 'conflict') return [];
  return [`${named(leaders)} ${leaders.length > 1 ? 'conflict' : 'conflicts'} with the target as it is now.`];
}

function comparison(verdict: Ranked, leader: Candidate, field: Field): string[] {
  const { decided_by, tie, leaders, ranking } = verdict;
  const next = ranking.find(
    (one) => one.fell_at === decided_by && !alikeIn(verdict, one.position, leader.position),
  );
  const rival = field.candidates.find((one) => one.position === next?.position);
  const level = decided_by ?? 'cost';
  const among = tie || !rival ? leaders : [leader.position, rival.position];
  return [
    ...(isEvidence(level) ? [] : shared(verdict, among, field, level)),
    ...(tie || !rival ? [`${named(among)} tie on every level.`] : [reason(verdict, level, leader, rival)]),
    ...(decided_by === 'judged' ? family(field) : []),
  ];
}

/** Levels on which they are level, up to the one that decides. */
function shared(verdict: Ranked, among: readonly number[], field: Field, until: RankLevel): string[] {
  const state = (level: RankLevel) => verdict.levels.find((one) => one.level === level)?.state;
  const members = field.candidates.filter((one) => among.includes(one.position));
  const said: string[] = [];
  if (members.some((one) => one.executed)) said.push(`${named(among)} tie on everything that was run.`);
  if (until === 'criteria') return said;
  const of = members.find((one) => one.criteria)?.criteria?.of;
  if (state('criteria') === 'compared' && among[0] !== undefined)
    said.push(`They meet as many criteria, ${met(verdict, among[0])} of ${of}.`);
  if (state('criteria') === 'incomplete')
    said.push('Not all have an answer to the criteria, so these decide nothing.');
  if (until === 'judged') return said;
  return [
    ...said,
    ...judgedWords(verdict, among, field),
    ...(state('cost') === 'incomplete' ? [noCost] : []),
  ];
}

const noCost = 'What one of them cost is not known, so the cost decides nothing.';

function judgedWords(verdict: Ranked, among: readonly number[], field: Field): string[] {
  switch (verdict.levels.find((one) => one.level === 'judged')?.state) {
    case 'no_judge':
      return ['No judge is configured: the levels that remain decide.'];
    case 'too_many':
      return [`More than ${count(mostJudged)} tie, so they were not judged.`];
    case 'no_answer':
      return ['The judge gave no answer that counts.'];
    case 'compared':
      return [evenWords(verdict, among), ...family(field)];
    default:
      return [];
  }
}

function evenWords({ levels, pairs }: Ranked, among: readonly number[]): string {
  const judged = levels.find((one) => one.level === 'judged')?.values;
  const spoken = among.map((one) => judged?.[one]?.as ?? one);
  const own = pairs.filter(({ pair }) => pair.every((one) => spoken.includes(one)));
  if (own.some((one) => one.why === 'disagreed'))
    return 'The judge contradicted itself when the order was swapped, so that is a tie too.';
  if (own.some((one) => one.why === 'agreed'))
    return 'The judge’s preferences cancel out, so that is a tie too.';
  return 'The judge sees no difference.';
}

function family({ judging }: Field): string[] {
  return judging?.same_family ? ['The judge is of the same family as one of the authors.'] : [];
}

function reason(verdict: Ranked, level: RankLevel, leader: Candidate, rival: Candidate): string {
  const [a, b] = [leader.position, rival.position];
  switch (level) {
    case 'applies':
      return rival.applies.base
        ? `${b} conflicts with the target as it is now.`
        : `${b} does not apply to its base.`;
    case 'broken':
      return `${b} breaks ${counted(rival.broken, 'required check')}, ${a} ${leader.broken === 0 ? 'none' : `breaks ${leader.broken}`}.`;
    case 'fixed':
      return `${a} fixes ${leader.fixed} of what failed before, ${b} fixes ${rival.fixed === 0 ? 'none' : rival.fixed}.`;
    case 'criteria':
      return `${a} meets ${met(verdict, a)} of ${leader.criteria?.of ?? rival.criteria?.of} criteria, ${b} meets ${met(verdict, b)}.`;
    case 'judged':
      return `A blind judge, asked in both orders, puts ${a} first.`;
    case 'size':
      return `${a} is ahead because its diff is ${counted(rival.size - leader.size, 'line')} smaller.`;
    case 'cost':
      return `${a} is ahead because it cost ${money((rival.cost_usd ?? 0) - (leader.cost_usd ?? 0))} less.`;
  }
}

/** Criteria that count as met, those of its near-identical ones included. */
function met({ levels }: Ranked, position: number): number {
  return levels.find((one) => one.level === 'criteria')?.values[position]?.score ?? 0;
}

function nearlySame({ groups }: Ranked): string[] {
  return groups.map(
    (group) =>
      `${named(group)} are nearly the same: opinions of one hold for ${group.length === 2 ? 'both' : 'all'}, and only size and cost tell them apart.`,
  );
}

/** The run that is judged, as it stands when the verdict is given. */
export interface Standing {
  pick: 'person' | 'verdict';
  winner: { position: number | null; by: 'person' | 'verdict' | null };
  /** Something of it has landed, or is about to. */
  landed: boolean;
}

/** Who chooses, in a sentence. */
export function choiceWords(
  { executed_decided, leaders: [first] }: Pick<Verdict, 'executed_decided' | 'leaders'>,
  { pick, winner, landed }: Standing,
): string {
  if (winner.by === 'person') return `A person has picked ${winner.position}, and that stays.`;
  if (pick === 'person') return 'You asked to pick yourself.';
  if (landed && winner.position === first) return `${first} was picked before, as you asked, and stays.`;
  if (landed) return 'Something of this run has landed, so a person is asked.';
  if (executed_decided) return `What was run decides, so ${first} is picked, as you asked.`;
  if (winner.position === first)
    return `What was run does not decide any more; ${first}, picked before, stays.`;
  return 'You asked the verdict to pick, but what was run does not decide: a person is asked.';
}

function alikeIn({ groups }: Ranked, a: number, b: number): boolean {
  return groups.some((group) => group.includes(a) && group.includes(b));
}

/** `3`, `3 and 1`, `3, 1 and 2`. */
function named(positions: readonly number[]): string {
  const last = positions.at(-1);
  return positions.length < 2 ? `${last}` : `${positions.slice(0, -1).join(', ')} and ${last}`;
}

function counted(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? '' : 's'}`;
}

const small = ['no', 'one', 'two', 'three', 'four', 'five', 'six'];
/** In letters up to six: a bare number is a position here. */
function count(n: number): string {
  return small[n] ?? String(n);
}

function money(usd: number): string {
  if (usd < 0.0001) return 'a trifle';
  return usd < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}
