import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSql, type Sql } from '../../src/core/db';
import type { TestService } from '../support/service';

/** The private Postgres of a test's service, from beside: what is really stored. */
export function openRows({ config }: { config: Pick<TestService['config'], 'dataDir'> }): Sql {
  const [pid, , , port, host] = readFileSync(
    join(config.dataDir, 'postgres', 'cluster', 'postmaster.pid'),
    'utf8',
  ).split('\n');
  if (!pid || !host) throw new Error('the private Postgres is not there');
  const password = readFileSync(join(config.dataDir, 'postgres-password'), 'utf8').trim();
  return openSql({ host, port: Number(port), user: 'bakeoff', password, database: 'bakeoff' }, { max: 1 });
}

/** How many rows each table that a call could make has. */
export async function countRows(sql: Sql): Promise<Record<string, number>> {
  const [row] = await sql<Record<string, number>[]>`
    select (select count(*)::int from runs) as runs, (select count(*)::int from variations) as variations,
      (select count(*)::int from events) as events, (select count(*)::int from projects) as projects,
      (select count(*)::int from agents) as agents, (select count(*)::int from idempotency_keys) as keys`;
  return row ?? {};
}

/** The process of the private Postgres, and its children's. */
export function postgresPids({ config }: Pick<TestService, 'config'>): number[] {
  const first = Number(
    readFileSync(join(config.dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0],
  );
  const { stdout } = Bun.spawnSync(['ps', '-eo', 'pid=,ppid=']);
  const children = stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === first)
    .map(([pid = 0]) => pid);
  return [first, ...children];
}
