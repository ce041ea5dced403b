import type { Landing, Run } from '../core/contract';
import type { Client } from './client';
import type { Context } from './context';
import { Exit } from './exit';
import { wait } from './follow';
import { plain } from './screen';
import { moment } from './words';

const lookMs = 500;
/** A landing that the forge keeps waiting goes on in the service; we do not wait with it for ever. */
const landingMs = 5 * 60_000;
/** A verdict may ask several models, one after the other. */
const verdictMs = 10 * 60_000;

const underWay: ReadonlySet<Landing['status']> = new Set<Landing['status']>([
  ...(['wanted', 'landing', 'undo_wanted', 'undoing'] as const),
]);

/**
 * Waits for a landing, or its being undone, to come to its end; says once why it is tried again.
 * @throws Exit 1 after five minutes: it goes on without us
 */
export async function landed(context: Context, client: Client, run: number): Promise<Landing> {
  let said: string | null = null;
  for (const until = Date.now() + landingMs; ; ) {
    const landing = await client.call<Landing>('GET', `/runs/${run}/landing`);
    if (!underWay.has(landing.status)) return landing;
    const why = landing.error && plain(`${landing.error.code}: ${landing.error.message}`);
    if (why !== null && why !== said) context.err.write(`${againWords(landing, why)}\n`);
    said = why ?? said;
    if (Date.now() > until)
      throw new Exit(1, `it is still under way, and goes on: ./bakeoff show ${run} tells how it ends`);
    await wait(lookMs, context.interrupted);
  }
}

/**
 * Waits for what follows a completed run's end by itself: the winner that its verdict picks, and the winner's landing.
 * @returns the run as it is then; as it is after the time that this may take, if that was not enough
 */
export async function settled(context: Context, client: Client, run: Run): Promise<Run> {
  const { pick, land } = run.options;
  const again = async (until: number, waits: (run: Run) => boolean): Promise<void> => {
    while (waits(run) && Date.now() < until) {
      await wait(lookMs, context.interrupted);
      run = await client.run(run.id);
    }
  };
  if (run.status === 'completed' && pick === 'verdict')
    await again(Date.now() + verdictMs, ({ status, winner, verdict }) => {
      // Somebody may have started it again meanwhile.
      return status === 'completed' && winner === null && verdict === null;
    });
  if (run.winner !== null && land !== null)
    await again(Date.now() + landingMs, ({ landing }) => landing === null || underWay.has(landing.status));
  return run;
}

/** What became of a landing, for reading; the first line says it all. */
export function landingLines(landing: Landing): string[] {
  const { status, mode, branch, target, commit, pull_request, error } = landing;
  const why = error && plain(`${error.code}: ${error.message}`);
  const paths = (error?.paths ?? []).slice(0, 40).map((path) => `     ${plain(path)}`);
  switch (status) {
    case 'landed': {
      const where = mode === 'merge' ? `merged into ${target}` : `branch ${branch} for ${target}`;
      return [
        plain(`Landed: ${where}${commit === null ? '' : `, commit ${commit.slice(0, 10)}`}`),
        ...(pull_request
          ? [
              plain(
                `Pull request: ${pull_request.url} (${pull_request.state}, ${checkWords[pull_request.checks]})`,
              ),
            ]
          : []),
        // What could not be undone is still landed.
        ...(why === null ? [] : [`     ${why}`, ...paths]),
      ];
    }
    case 'failed':
      return [`Landing failed: ${why ?? 'no reason was recorded'}`, ...paths];
    case 'undone':
      return ['Landing undone'];
    case 'undo_wanted':
    case 'undoing':
      return ['Landing: is being undone'];
    case 'wanted':
    case 'landing':
      return [why === null ? `Landing: ${mode.replace('_', ' ')}, under way` : againWords(landing, why)];
  }
}

function againWords({ retry_at }: Landing, why: string): string {
  return `Landing: ${why}${retry_at === null ? '' : `; tried again at ${moment(retry_at)}`}`;
}

const checkWords: Record<NonNullable<Landing['pull_request']>['checks'], string> = {
  pending: 'checks pending',
  passed: 'checks passed',
  failed: 'checks failed',
  none: 'no checks',
};
