import type { Directive } from './contract';
import type { Database, Sql, Tx } from './db';
import { conflict, notFound } from './errors';
import { append } from './event';
import type { Rebase } from './fact';
import { type Idempotency, remember } from './idempotency';
import { isOver, type Locked, lock, requeue } from './variation';

/** Directives that one variation may have waiting for it. */
const maxWaiting = 50;

export interface NewDirective {
  text: string;
  /** Positions; null is every variation that has not ended. */
  variations: number[] | null;
  path: string | null;
  line: number | null;
  /** It asks for the change to be put on top of this. */
  rebase?: Rebase;
}

/**
 * Instructs variations: each that lives takes it up at its next turn, exactly once and in order, whatever happens to
 * its worker meanwhile; one that has ended is reopened for another iteration, when it is named.
 * @throws BakeoffError 404; 409 when none is left to hear it, or too many wait already.
 */
export async function direct(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  directive: NewDirective,
  idempotency?: Idempotency,
): Promise<Directive[]> {
  const { id } = await sql.begin(async (tx) =>
    remember(tx, `directives of run ${runId}`, idempotency, async () => {
      const rows = await lock(tx, runId);
      const targets = targetsOf(rows, runId, directive.variations);
      if (targets.length === 0) {
        throw conflict('already_ended', 'All variations have ended: name those that shall go on with it');
      }
      let first = 0;
      for (const row of targets) {
        const made = await instruct(tx, row, directive);
        first ||= made;
      }
      return first;
    }),
  );
  // Those of one call were made at one time.
  return read(
    sql,
    sql`d.created_at = (select created_at from directives where id = ${id}) and d.id >= ${id}`,
    runId,
  );
}

/** Adds a directive for a locked variation, which goes on with it if it had ended. */
export async function instruct(
  tx: Tx,
  row: Locked,
  { text, path, line, rebase }: Pick<NewDirective, 'text' | 'path' | 'line' | 'rebase'>,
): Promise<number> {
  const [waiting] = await tx<{ count: number }[]>`
    select count(*)::int as count from directives where variation_id = ${row.id} and delivered_at is null`;
  if ((waiting?.count ?? 0) >= maxWaiting)
    throw conflict(
      'too_many_directives',
      `${maxWaiting} directives wait for variation ${row.position} already`,
    );
  const [made] = await tx<{ id: number }[]>`
    insert into directives (run_id, variation_id, text, path, line)
    values (${row.run_id}, ${row.id}, ${text}, ${path}, ${line}) returning id`;
  const id = made?.id ?? 0;
  const payload = { directive: id, text, path, line, ...(rebase ? { rebase } : {}) };
  const fact = { type: 'directive.received', payload } as const;
  await append(tx, row.run_id, row.position, [fact]);
  if (isOver(row.status)) await requeue(tx, row, { why: 'directive', iterate: true, fresh: true });
  return id;
}

/** A run's directives in the order they were given; the newest 1000. */
export async function listDirectives({ sql }: Pick<Database, 'sql'>, runId: number): Promise<Directive[]> {
  return read(sql, sql`true`, runId);
}

async function read(sql: Sql, which: ReturnType<Sql>, runId: number): Promise<Directive[]> {
  const rows = await sql<(Omit<Directive, 'created_at' | 'delivered_at'> & Times)[]>`
    select d.id, v.position, d.text, d.path, d.line, d.created_at, d.delivered_at
    from directives d join variations v on v.id = d.variation_id
    where d.run_id = ${runId} and ${which} order by d.id desc limit 1000`;
  return rows.reverse().map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    delivered_at: row.delivered_at?.toISOString() ?? null,
  }));
}

interface Times {
  created_at: Date;
  delivered_at: Date | null;
}

/** A directive that has not been taken up. */
export interface WaitingDirective {
  id: number;
  text: string;
  path: string | null;
  line: number | null;
}

/** What waits for a variation's next turn, in order. */
export async function waitingDirectives(
  { sql }: Pick<Database, 'sql'>,
  variationId: number,
): Promise<WaitingDirective[]> {
  return sql<WaitingDirective[]>`
    select id, text, path, line from directives
    where variation_id = ${variationId} and delivered_at is null order by id limit ${maxWaiting}`;
}

/** Marks directives as taken up; inside the transaction that records the request which carries them. */
export async function markDelivered(tx: Tx, ids: readonly number[]): Promise<void> {
  if (ids.length > 0) await tx`update directives set delivered_at = now() where id in ${tx(ids)}`;
}

function targetsOf(rows: readonly Locked[], runId: number, positions: number[] | null): Locked[] {
  if (positions === null) return rows.filter((row) => !isOver(row.status) && row.wanted !== 'stop');
  return [...new Set(positions)].map((position) => {
    const row = rows.find((one) => one.position === position);
    if (!row) throw notFound('variation', `${position} of run ${runId}`);
    if (row.wanted === 'stop') throw conflict('stopping', `Variation ${position} is being stopped`);
    return row;
  });
}
