import type { Config } from '../config';
import { StartError, whyNoStart } from '../core/start-error';
import { version } from '../version';
import { openGround } from './open';
import { startRounds } from './sweep';
import { startWorker } from './worker';

/**
 * Works the queue without pages or API, for a fleet: needs the outside database of its service.
 * @throws StartError with one clear line
 */
export async function startWorkerProcess(config: Config): Promise<{ stop(): Promise<void> }> {
  if (config.databaseUrl === null) {
    throw new StartError('A worker needs DATABASE_URL, the same as its service');
  }
  if (config.secret === null) throw new StartError('A worker needs BAKEOFF_SECRET, the same as its service');
  const ground = await openGround(config, () => config.apiKey);
  const { parts, queue, sandbox } = ground;
  try {
    const worker = await startWorker(parts, queue, sandbox, version);
    const round = { database: parts.database, queue, log: parts.log, contactS: worker.contactS };
    const rounds = startRounds(round, config.sweepIntervalS * 1000);
    return {
      stop: async () => {
        await Promise.all([rounds.stop(), worker.stop()]);
        await ground.close();
      },
    };
  } catch (error) {
    await ground.close();
    throw whyNoStart(error);
  }
}
