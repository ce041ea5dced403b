import type { ApprovalKind, Question } from '../../drizzle/schema';
import { whyStopped } from './better';
import { lockClaimed } from './claim';
import type { Approval } from './contract';
import type { Database, Sql, Tx } from './db';
import { conflict, notFound } from './errors';
import { append, type Claim } from './event';
import type { Fact } from './fact';
import { end, json, lock, park, requeue } from './variation';

/** A question that nobody has answered is told again after these hours, and then each day. */
const remindAfterH = 4;
const remindAgainH = 24;

/**
 * A worker lets go of a claimed variation that waits for a person's word: question, event and status in one
 * transaction. `key` names the place in the conversation, so that the same question is there once.
 * @throws Fenced
 */
export async function ask(
  sql: Sql,
  claimed: Claim,
  asked: { kind: ApprovalKind; key: string; question: Question },
): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await lockClaimed(tx, claimed);
    if (row === 'left') return;
    if (row.wanted === 'stop')
      return void (await end(tx, row, 'stopped', { error: await whyStopped(tx, row) }));
    const { kind, key, question } = asked;
    const [made] = await tx<{ id: number }[]>`
      insert into approvals (run_id, variation_id, kind, key, question)
      values (${row.run_id}, ${row.id}, ${kind}, ${key}, ${json(tx, question)}) returning id`;
    const facts: Fact[] = [
      { type: 'approval.requested', payload: { approval: made?.id ?? 0, kind, question } },
    ];
    if (row.wanted === 'pause') facts.push({ type: 'variation.paused', payload: {} });
    await park(tx, row, row.wanted === 'pause' ? 'paused' : 'awaiting_approval', facts);
  });
}

/**
 * Decides a question; its variation goes on, unless it is paused. The same decision again changes nothing.
 * @throws BakeoffError 404; 409 when it was decided otherwise, or is not asked any more.
 */
export async function decide(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  id: number,
  { decision, comment, plan }: { decision: 'approve' | 'deny'; comment: string | null; plan: string | null },
): Promise<Approval> {
  await sql.begin(async (tx) => {
    const [which] = await tx<{ position: number }[]>`
      select v.position from approvals a join variations v on v.id = a.variation_id
      where a.id = ${id} and a.run_id = ${runId}`;
    if (!which) throw notFound('approval', id);
    const [row] = await lock(tx, runId, which.position);
    const [asked] = await tx<ApprovalRow[]>`${select(tx)} where a.id = ${id} for update of a`;
    if (!asked || asked.decision === decision) return;
    if (asked.decision !== null)
      throw conflict(
        'already_decided',
        `It was ${asked.decision === 'approve' ? 'approved' : 'denied'} before`,
      );
    if (asked.withdrawn_at !== null) throw conflict('withdrawn', 'This is not asked any more');
    const changed = asked.kind === 'plan' && decision === 'approve' ? plan : null;
    await tx`
      update approvals set decision = ${decision}, comment = ${comment}, plan = ${changed}, decided_at = now()
      where id = ${id}`;
    const payload = { approval: id, kind: asked.kind, decision, comment, plan: changed };
    await append(tx, runId, row.position, [{ type: 'approval.decided', payload }]);
    if (row.status !== 'awaiting_approval') return;
    // What is to be mended may take as long as the work before it.
    const fresh = asked.kind === 'commit' && decision === 'deny';
    await requeue(tx, row, { why: 'decided', fresh });
  });
  const [found] = await sql<ApprovalRow[]>`${select(sql)} where a.id = ${id}`;
  if (!found) throw notFound('approval', id);
  return toApproval(found);
}

/** A run's questions in the order they were asked; the newest 1000. */
export async function listApprovals({ sql }: Pick<Database, 'sql'>, runId: number): Promise<Approval[]> {
  const rows = await sql<
    ApprovalRow[]
  >`${select(sql)} where a.run_id = ${runId} order by a.id desc limit 1000`;
  return rows.reverse().map(toApproval);
}

export type OpenApproval = Approval & { run: string; agent: string };

/** Questions that wait for a person, the oldest first. */
export async function listOpenApprovals(
  { sql }: Pick<Database, 'sql'>,
  limit: number,
): Promise<OpenApproval[]> {
  const rows = await sql<(ApprovalRow & { run: string; agent: string })[]>`
    ${select(sql, sql`, r.name as run, g.name as agent`)}
    join runs r on r.id = a.run_id join agents g on g.id = v.agent_id
    where a.decision is null and a.withdrawn_at is null order by a.created_at, a.id limit ${limit}`;
  return rows.map((row) => ({ ...toApproval(row), run: row.run, agent: row.agent }));
}

/** Reminds of what has waited long, with an event each; the questions stay. In small batches, for the sweep. */
export async function remindOld({ sql }: Pick<Database, 'sql'>): Promise<void> {
  await sql.begin(async (tx) => {
    // Variations first, as everybody does.
    const waiting = await tx<{ id: number }[]>`
      select id from variations where id in (
        select a.variation_id from approvals a where ${due(tx)} order by a.created_at limit 50)
      order by id for update skip locked`;
    if (waiting.length === 0) return;
    const rows = await tx<Reminded[]>`
      update approvals a set reminded_at = now() from variations v
      where v.id = a.variation_id and v.id in ${tx(waiting.map((one) => one.id))} and ${due(tx)}
      returning a.id, a.run_id, v.position, a.kind, extract(epoch from now() - a.created_at)::int as waited_s`;
    for (const row of rows.toSorted((a, b) => a.run_id - b.run_id)) {
      const payload = { approval: row.id, kind: row.kind, waited_s: row.waited_s };
      await append(tx, row.run_id, row.position, [{ type: 'approval.reminded', payload }]);
    }
  });
}

function due(tx: Tx) {
  return tx`
    a.decision is null and a.withdrawn_at is null and a.created_at < now() - make_interval(hours => ${remindAfterH})
      and coalesce(a.reminded_at, '-infinity') < now() - make_interval(hours => ${remindAgainH})`;
}

interface Reminded {
  id: number;
  run_id: number;
  position: number;
  kind: ApprovalKind;
  waited_s: number;
}

/** A person's word, as the agent's side is told it. */
export interface Decision {
  kind: ApprovalKind;
  key: string;
  decision: 'approve' | 'deny';
  comment: string | null;
  plan: string | null;
}

/** What was decided for a variation and still stands. */
export async function decisionsOf({ sql }: Pick<Database, 'sql'>, variationId: number): Promise<Decision[]> {
  return sql<Decision[]>`
    select kind, key, decision, comment, plan from approvals
    where variation_id = ${variationId} and decision is not null and withdrawn_at is null order by id`;
}

interface ApprovalRow {
  id: number;
  run_id: number;
  position: number;
  kind: ApprovalKind;
  question: Question;
  decision: 'approve' | 'deny' | null;
  comment: string | null;
  plan: string | null;
  created_at: Date;
  decided_at: Date | null;
  withdrawn_at: Date | null;
}

function select(sql: Sql | Tx, more = sql``) {
  return sql`
    select a.id, a.run_id, v.position, a.kind, a.question, a.decision, a.comment, a.plan, a.created_at, a.decided_at,
      a.withdrawn_at ${more}
    from approvals a join variations v on v.id = a.variation_id`;
}

function toApproval(row: ApprovalRow): Approval {
  const { id, run_id, position, kind, question, comment, plan } = row;
  const decided = row.decision === 'approve' ? 'approved' : row.decision === 'deny' ? 'denied' : null;
  return {
    ...{ id, run_id, position, kind, question, comment, plan },
    status: decided ?? (row.withdrawn_at === null ? 'open' : 'withdrawn'),
    created_at: row.created_at.toISOString(),
    decided_at: row.decided_at?.toISOString() ?? null,
  };
}
