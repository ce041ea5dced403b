import type { Run, RunVerdict, Variation, Winner } from '../core/contract';
import { landingLines } from './landing';
import { fit, pad, paint, plain, type Screen } from './screen';
import { checkWords, cost, diffStat, duration, elapsed, exitWord, marks, over, statusWord } from './words';

/**
 * A run's state for reading: each variation's outcome, its diff in numbers, and what the checks said.
 * @param ways where to go from here, if anywhere: see `waysOn` and `waysBack`
 */
export function printRun(screen: Screen, run: Run, ways: readonly string[]): void {
  const { mark, tone } = marks[run.status];
  const took = elapsed(run);
  const facts = [
    `${paint(screen, tone, `${mark} ${statusWord(run.status)}`)}${took === null ? '' : ` in ${duration(took)}`}`,
    cost(run.usage.cost_usd),
    ...(run.base_sha ? [`base ${run.base_sha.slice(0, 10)}`] : []),
  ];
  const lines = [
    `${paint(screen, 'strong', `Run ${run.id}`)}  ${fit(plain(run.name), 90)}`,
    facts.join('  '),
    ...(run.error && over(run.status) && run.variations.every((one) => one.error === null)
      ? [plain(`${run.error.code}: ${run.error.message}`)]
      : []),
    ...run.base_checks.map(
      (check) =>
        `On the base: ${plain(check.name)} ${check.result.replaceAll('_', ' ')} (exit ${exitWord(check)})`,
    ),
    ...outcomeLines(run),
    '',
    ...run.variations.flatMap((variation) => [...variationLines(screen, run, variation), '']),
    ...ways,
  ];
  screen.write(`${lines.join('\n')}\n`);
}

/** Which part of a flow it is, what the verdict says, who won, and what becomes of the winner. */
function outcomeLines({ flow, verdict, winner, landing }: Run): string[] {
  return [
    ...(flow === null
      ? []
      : [`Part ${flow.place} of ${flow.runs.length} of a flow: runs ${flow.runs.join(', ')}`]),
    ...summaryOf(verdict).map((line, i) => `${i === 0 ? 'Verdict: ' : '     '}${fit(plain(line), 300)}`),
    ...(winner === null ? [] : [`Winner: ${winnerWords(winner)}`]),
    ...(landing === null ? [] : landingLines(landing)),
  ];
}

/** `variation 2, picked by a person: the smaller change`. */
export function winnerWords({ position, by, note }: Winner): string {
  const said = note === null ? '' : `: ${fit(plain(note), 200)}`;
  return `variation ${position}, picked by ${by === 'person' ? 'a person' : 'the verdict'}${said}`;
}

/** What a verdict says of itself, the headline first; at most ten lines. */
function summaryOf(verdict: RunVerdict | null): string[] {
  return verdict === null ? [] : [verdict.summary.headline, ...verdict.summary.sentences].slice(0, 10);
}

/**
 * The ways to a run's page and diffs at a service that goes on running.
 * @param settings what `./bakeoff diff` needs in its environment to reach this service
 */
export function waysOn(run: Run, url: string, settings = ''): string[] {
  return [
    `Page:  ${url}/runs/${run.id}${run.verdict === null ? '' : `    (side by side: ${url}/runs/${run.id}/compare)`}`,
    `Diff:  ${settings}./bakeoff diff ${run.id} <variation>    (apply it with: git apply)`,
    ...nextWay(run).map((way) => `${way.label}${settings}${way.command}`),
    ...(over(run.status) && run.status !== 'completed'
      ? [`Again: ${settings}./bakeoff retry ${run.id}    (from where it was; or --from start)`]
      : []),
  ];
}

/** What a completed run with a change waits for, if anything: its winner, then that one's landing. */
function nextWay({
  id,
  status,
  options,
  variations,
  winner,
  landing,
}: Run): { label: string; command: string }[] {
  const results = variations.filter((one) => one.status === 'completed' && one.branch !== null);
  if (status !== 'completed' || options.dry_run || results.length === 0) return [];
  if (winner === null && (results.length > 1 || options.land !== null))
    return [{ label: 'Pick:  ', command: `./bakeoff pick ${id} <variation>` }];
  const open = landing === null || landing.status === 'failed' || landing.status === 'undone';
  return winner !== null && open
    ? [{ label: 'Land:  ', command: `./bakeoff land ${id} --mode branch|pull_request|merge` }]
    : [];
}

/** The same where the service ends with the run: all is kept, and there once it is started again. */
export function waysBack(run: Run): string[] {
  return [
    'The service that was started for this run ends now, and keeps it. To read it: ./bakeoff up, then',
    `Page:  the link that it prints, with &to=/runs/${run.id} at its end`,
    `Diff:  ./bakeoff diff ${run.id} <variation>    (apply it with: git apply)`,
  ];
}

function variationLines(screen: Screen, run: Run, variation: Variation): string[] {
  const { mark, tone } = marks[variation.status];
  const took = elapsed(variation);
  const head = [
    paint(
      screen,
      tone,
      `${mark} ${variation.position}  ${pad(plain(variation.agent.name), 12)} ${statusWord(variation.status)}`,
    ),
    pad(diffStat(variation.patch), 16),
    ...(took === null ? [] : [duration(took)]),
    `${variation.usage.model_calls} model calls`,
    cost(variation.usage.cost_usd),
  ].join('  ');
  const checks = variation.checks.map((check) => {
    const { text, tone: colour } = checkWords(check, run.base_checks);
    return `     ${paint(screen, colour, plain(text))}  ${plain(check.command)}`;
  });
  return [
    head,
    ...checks,
    ...(variation.flags.length > 0 ? [`     ${paint(screen, 'warn', flagWords(variation.flags))}`] : []),
    ...(variation.error
      ? [`     ${fit(plain(`${variation.error.code}: ${variation.error.message}`), 300)}`]
      : []),
    ...(variation.held ? [`     waits: ${heldWords[variation.held]}`] : []),
    ...(variation.wanted === 'pause' ? ['     pauses at its next boundary'] : []),
    ...(variation.result ? [`     It says: ${fit(plain(variation.result), 160)}`] : []),
  ];
}

/** Flags that are named; the page has all of them. */
const mostFlags = 5;

/** `edits what judges it: tests/a.test.ts (modified)`: a check that passes says less then. */
function flagWords(flags: Variation['flags']): string {
  const named = flags.slice(0, mostFlags).map(({ path, change }) => `${fit(plain(path), 80)} (${change})`);
  const more = flags.length - named.length;
  return `edits what judges it: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const heldWords: Record<NonNullable<Variation['held']>, string> = {
  all: 'as many run as the settings allow',
  project: 'as many of its project run as the settings allow',
  agent: 'as many of its agent run as the settings allow',
  provider: 'as many of its model’s provider run as the settings allow',
  suspect: 'it has lost a worker, and runs alone among such',
};
