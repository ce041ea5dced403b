import { giveUp } from '../core/claim';
import type { Database } from '../core/db';
import { Fenced } from '../core/errors';
import type { Log } from '../log';
import type { Active } from './work';

/**
 * Gives back what this worker has by the record and not in its hands: work whose end could not be recorded while the
 * database was away for too long. Nobody else would, since the worker lives. Called every few seconds; what was so at
 * two calls is given back.
 */
export function strayFinder(
  { sql }: Pick<Database, 'sql'>,
  worker: string,
  active: Active,
  log: Log,
): () => Promise<void> {
  let suspects = new Set<string>();
  return async () => {
    const rows = await sql<Row[]>`
      select id, run_id, position, epoch from variations where worker = ${worker} and status = 'running'`;
    const strays = rows.filter((row) => active.get(row.id)?.epoch !== row.epoch);
    const seen = suspects;
    suspects = new Set(strays.map(nameOf));
    for (const row of strays.filter((one) => seen.has(nameOf(one)))) {
      const { id, run_id, position, epoch } = row;
      log.warn('gives back a variation that nobody works on', { run: run_id, variation: position });
      await giveUp(sql, { variationId: id, runId: run_id, position, epoch }).catch((error) => {
        if (!(error instanceof Fenced)) throw error;
      });
    }
  };
}

interface Row {
  id: number;
  run_id: number;
  position: number;
  epoch: number;
}

function nameOf({ id, epoch }: Row): string {
  return `${id}-${epoch}`;
}
