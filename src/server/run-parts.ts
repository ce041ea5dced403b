import { escapeHtml } from '@kitajs/html';
import { listCheckpoints } from '../core/checkpoint';
import type { Checkpoint, Run, Variation } from '../core/contract';
import type { Database } from '../core/db';
import { landingFailures } from '../core/landing-failure';
import type { VerdictEvents } from '../views/compare-facts';
import type { FileChange } from '../views/diff';
import { Landed } from '../views/landing';
import { favicon } from '../views/marks';
import { Mend } from '../views/mend';
import { PickChoices, PickOthers } from '../views/pick';
import { RunHead, StopDialog } from '../views/runhead';
import { titleOf } from '../views/runpage';
import { Short } from '../views/short';
import { Tabs, Views } from '../views/tabs';
import { RunVerdict } from '../views/verdict';
import { changedFiles } from './run-view';

/** What of a variation is read besides the run's object. */
export interface Matter {
  files: FileChange[];
  checkpoints: Checkpoint[];
}

export async function loadMatter(
  database: Pick<Database, 'sql'>,
  runId: number,
  position: number,
): Promise<Matter> {
  const [files, checkpoints] = await Promise.all([
    changedFiles(database, runId, position),
    listCheckpoints(database, runId, position),
  ]);
  return { files, checkpoints };
}

/** How a run's winner stands on its way out, with what can be done where it did not get there. */
export function landedOf(run: Run, now: Date): JSX.Element | undefined {
  const code = run.landing?.error?.code;
  const remedy = Object.entries(landingFailures).find(([one]) => one === code)?.[1] ?? null;
  return Landed({ run, remedy, now });
}

/** The places that tell of a run's choice, on its page as on its compare page, but for the verdict's own. */
export async function pickParts(run: Run): Promise<[place: string, html: string][]> {
  const { verdict } = run;
  return [
    ['#pick-choices', await PickChoices({ run, verdict })],
    ['#pick-others', await PickOthers({ run, chosen: false })],
  ];
}

/** The places of a run's page that its state decides, each with its content; the title has no place but itself. */
export async function runParts(
  run: Run,
  variation: Variation,
  tab: 'events' | 'changes',
  { files, checkpoints }: Matter,
  now: Date,
  events: VerdictEvents | null,
): Promise<[place: string, html: string][]> {
  const { position } = variation;
  return [
    ['title', `<title>${escapeHtml(`${titleOf(run)} · Bakeoff`)}</title>`],
    ['#icon', `<link id="icon" rel="icon" href="${escapeHtml(favicon(run.status))}">`],
    ['#run-head', await RunHead({ run, now })],
    ['#verdict', await RunVerdict({ run, events, now, landing: landedOf(run, now) })],
    ...(await pickParts(run)),
    ['#stop', await StopDialog({ run })],
    ['#tabs', await Tabs({ run, current: position, tab })],
    ['#views', await Views({ run, variation, tab })],
    ['#mend', await Mend({ run, variation })],
    ['#short', await Short({ run, variation, files, checkpoints, now })],
  ];
}
