import { eq } from 'drizzle-orm';
import { landings, type PullRequest } from '../../drizzle/schema';
import type { Database, Tx } from './db';
import { type Errand, holdsErrand } from './errand';
import { Fenced } from './errors';
import { append } from './event';
import { LandingFailure } from './landing-failure';
import { json } from './variation';

/** What a landing's worker holds: every transition states its epoch, and is refused when somebody else has it by now. */
export type LandingClaim = Pick<Errand, 'id' | 'run_id' | 'epoch'>;
export type LandingRow = typeof landings.$inferSelect;
export interface LandingError {
  code: string;
  message: string;
  paths?: string[];
}

/** Null when it is gone, with its run. */
export async function readLandingRow({ db }: Pick<Database, 'db'>, id: number): Promise<LandingRow | null> {
  const [row] = await db.select().from(landings).where(eq(landings.id, id));
  return row ?? null;
}

/** What is going to be done outside, decided before it is. */
export interface LandingPlan {
  branch: string;
  target: string;
  target_sha: string;
  commit_sha: string;
}

/**
 * Notes what is about to go out, so that whoever comes after a crash finds the same branch and commit. Planned again
 * before anything went out, the later plan counts.
 * @param winner the checkpoint whose patch the commit is made of
 * @throws Fenced; LandingFailure `winner_reopened` when the winner has gone on since
 */
export async function planLanding(
  { sql }: Pick<Database, 'sql'>,
  claim: LandingClaim,
  plan: LandingPlan,
  winner: { position: number; checkpoint: number },
): Promise<void> {
  await sql.begin(async (tx) => {
    const { position, checkpoint } = winner;
    const [same] = await tx`
      select id from variations
      where run_id = ${claim.run_id} and position = ${position} and status = 'completed' and checkpoint = ${checkpoint}
      for share`;
    const row = await hold(tx, claim);
    // Completed again, it is not what was chosen: that took the choice back.
    const [chosen] = await tx`select id from runs where id = ${claim.run_id} and winner = ${position}`;
    if (!same || !chosen)
      throw new LandingFailure('winner_reopened', `Variation ${position} has gone on since.`);
    await tx`update landings set ${tx({ ...plan })}, error = null, updated_at = now() where id = ${claim.id}`;
    if (row.branch !== null) return;
    const { branch, target } = plan;
    const payload = { landing: claim.id, variation: position, mode: row.request.mode, target, branch };
    await append(tx, claim.run_id, null, [{ type: 'landing.started', payload }]);
  });
}

/** Holds that the claim is still its own, before something is done outside. @throws Fenced */
export async function requireLanding({ sql }: Pick<Database, 'sql'>, claim: LandingClaim): Promise<void> {
  const [row] = await sql`
    select id from landings
    where id = ${claim.id} and epoch = ${claim.epoch} and status in ('landing', 'undoing')`;
  if (!row) throw new Fenced(claim.id, claim.epoch);
}

/**
 * It has landed as it was planned.
 * @param trouble what could not be done besides, in words for a person
 * @throws Fenced
 */
export async function succeedLanding(
  { sql }: Pick<Database, 'sql'>,
  claim: LandingClaim,
  pull: PullRequest | null,
  trouble: LandingError | null = null,
): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await hold(tx, claim);
    await tx`
      update landings set status = 'landed', pull_request = ${json(tx, pull)}, error = ${json(tx, trouble)},
        worker = null, tries = 0, polled_at = null, landed_at = now(), updated_at = now()
      where id = ${claim.id}`;
    const { request, branch, target, commit_sha } = row;
    const payload = {
      ...{ landing: claim.id, mode: request.mode, branch: branch ?? '', target: target ?? '' },
      ...{ commit: commit_sha ?? '', pull_request: pull },
    };
    await append(tx, claim.run_id, null, [{ type: 'landing.succeeded', payload }]);
  });
}

/**
 * It, or its undoing, cannot be done: then it is as it was before, with the reason. Where that tells that nothing is
 * out, what was planned is forgotten: there is nothing to undo.
 * @throws Fenced
 */
export async function failLanding(
  { sql }: Pick<Database, 'sql'>,
  claim: LandingClaim,
  error: LandingError,
): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await hold(tx, claim);
    const undo = row.status === 'undoing';
    await tx`
      update landings set status = ${undo && row.landed_at !== null ? 'landed' : 'failed'}, error = ${json(tx, error)},
        worker = null, tries = 0, polled_at = null, updated_at = now()
      where id = ${claim.id}`;
    if (!undo && isRefusal(error.code, row.request.mode))
      await tx`update landings set branch = null, target_sha = null, commit_sha = null where id = ${claim.id}`;
    const payload = { landing: claim.id, error, ...(undo ? { undo } : {}) };
    await append(tx, claim.run_id, null, [{ type: 'landing.failed', payload }]);
  });
}

/** Why nothing goes out, said after it was looked whether an earlier try had got it out: by the push, or before it. */
const refusals = [
  'winner_reopened',
  'merge_conflict',
  'push_rejected',
  'branch_checked_out',
  'checkout_dirty',
];

function isRefusal(code: string, mode: LandingRow['request']['mode']): boolean {
  // A branch is looked for at its source, which may let nobody in by now; what a local repository refuses is the push.
  return refusals.includes(code) || (code === 'push_refused' && mode === 'merge');
}

/** Notes why it is tried again, for those who wait. Without effect when somebody else has it by now. */
export async function noteTrouble(
  { sql }: Pick<Database, 'sql'>,
  claim: LandingClaim,
  error: LandingError,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      update landings set error = ${json(tx, error)}, updated_at = now()
      where id = ${claim.id} and epoch = ${claim.epoch} and status in ('landing', 'undoing')`;
  });
}

export type UndoneHow = 'branch_deleted' | 'closed' | 'reverted' | 'nothing';

/** @throws Fenced */
export async function finishUndo(
  { sql }: Pick<Database, 'sql'>,
  claim: LandingClaim,
  how: UndoneHow,
  { commit, pull }: { commit?: string; pull?: PullRequest | null } = {},
): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await hold(tx, claim);
    await tx`
      update landings set status = 'undone', pull_request = ${json(tx, pull ?? row.pull_request)}, error = null,
        worker = null, tries = 0, updated_at = now()
      where id = ${claim.id}`;
    const payload = { landing: claim.id, how, ...(commit === undefined ? {} : { commit }) };
    await append(tx, claim.run_id, null, [{ type: 'landing.undone', payload }]);
  });
}

/** The claim's row, locked after the run's. */
async function hold(tx: Tx, claim: LandingClaim) {
  await tx`select id from runs where id = ${claim.run_id} for no key update`;
  if (!(await holdsErrand(tx, 'landings', claim))) throw new Fenced(claim.id, claim.epoch);
  const [row] = await tx<
    Pick<
      LandingRow,
      'status' | 'request' | 'branch' | 'target' | 'commit_sha' | 'landed_at' | 'pull_request'
    >[]
  >`
    select status, request, branch, target, commit_sha, landed_at, pull_request from landings where id = ${claim.id}`;
  if (!row) throw new Fenced(claim.id, claim.epoch);
  return row;
}
