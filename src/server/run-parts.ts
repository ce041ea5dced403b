import { escapeHtml } from '@kitajs/html';
import { listCheckpoints } from '../core/checkpoint';
import type { Checkpoint, Run, Variation } from '../core/contract';
import type { Database } from '../core/db';
import type { FileChange } from '../views/diff';
import { favicon } from '../views/marks';
import { Mend } from '../views/mend';
import { RunHead, StopDialog } from '../views/runhead';
import { titleOf } from '../views/runpage';
import { Short } from '../views/short';
import { Tabs, Views } from '../views/tabs';
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

/** The places of a run's page that its state decides, each with its content; the title has no place but itself. */
export async function runParts(
  run: Run,
  variation: Variation,
  tab: 'events' | 'changes',
  { files, checkpoints }: Matter,
  now: Date,
): Promise<[place: string, html: string][]> {
  const { position } = variation;
  return [
    ['title', `<title>${escapeHtml(`${titleOf(run)} · Bakeoff`)}</title>`],
    ['#icon', `<link id="icon" rel="icon" href="${escapeHtml(favicon(run.status))}">`],
    ['#run-head', await RunHead({ run, now })],
    ['#stop', await StopDialog({ run })],
    ['#tabs', await Tabs({ run, current: position, tab })],
    ['#views', await Views({ run, variation, tab })],
    ['#mend', await Mend({ run, variation })],
    ['#short', await Short({ run, variation, files, checkpoints, now })],
  ];
}
