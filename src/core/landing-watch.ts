import type { PullRequest } from '../../drizzle/schema';
import type { Database, Tx } from './db';
import { append } from './event';
import { json } from './variation';

/** A pull request that is looked at again and again. */
export interface WatchedLanding {
  id: number;
  run_id: number;
  project_id: number;
  pull_request: PullRequest;
  /** Looks in a row that failed. */
  tries: number;
  /** When this look began: what was heard since is newer than what it finds. */
  polled_at: Date;
}

/** Seconds between two looks at a pull request; one that has not changed for long is looked at less often. */
const pollS = 60;
const longestPollS = 600;
/** After looks that failed, up to this. */
const longestFailS = 3_600;

/** A closed one may be opened again: it is looked at after a quarter of the time since, for so many days. */
const closedDays = 30;
/** Of those that are looked at no more. */
const neverS = 3_000_000_000;

/**
 * Takes the pull request whose turn it is for a look: one that is open, or closed and not merged, or of which something
 * was heard, which is a hint only. Of several processes that ask, one gets it.
 */
export async function claimLook({ sql }: Pick<Database, 'sql'>): Promise<WatchedLanding | null> {
  // Written so that the index of those to watch serves it.
  const [row] = await sql<WatchedLanding[]>`
    update landings l set polled_at = now() from runs r
    where r.id = l.run_id and l.id = (
      select id from landings
      where status = 'landed' and pull_request is not null
        and (pull_request->>'state' in ('open', 'closed') or polled_at is null) and (
        polled_at is null or polled_at <= now() - make_interval(secs => ${pollS}) and polled_at <= now() - make_interval(
          secs => least(${longestPollS}, extract(epoch from now() - updated_at) / 60)))
      order by polled_at nulls first limit 1 for update skip locked)
    returning l.id, l.run_id, r.project_id, l.pull_request, l.tries, l.polled_at`;
  return row ?? null;
}

/** A look that failed: the next is later each time. */
export async function lookFailed(
  { sql }: Pick<Database, 'sql'>,
  { id, polled_at, tries }: Pick<WatchedLanding, 'id' | 'polled_at' | 'tries'>,
): Promise<void> {
  const waitS = Math.min(pollS * 2 ** Math.min(tries, 10), longestFailS);
  await sql`
    update landings set tries = tries + 1, polled_at = now() + make_interval(secs => ${waitS - pollS})
    where id = ${id} and polled_at = ${polled_at} and status = 'landed'`;
}

/** Notes what a look has found, unless something newer was heard meanwhile. @returns whether that is news */
export async function noteLook(
  { sql }: Pick<Database, 'sql'>,
  look: Pick<WatchedLanding, 'id' | 'run_id' | 'polled_at'>,
  pull: PullRequest,
): Promise<boolean> {
  return await sql.begin(async (tx) => {
    await tx`select id from runs where id = ${look.run_id} for no key update`;
    const [row] = await tx<{ pull_request: PullRequest }[]>`
      update landings set tries = 0 where id = ${look.id} and polled_at = ${look.polled_at} and status = 'landed'
      returning pull_request`;
    const isNews = row ? await put(tx, look, row.pull_request, pull) : false;
    if (pull.state === 'closed') {
      const age = tx`extract(epoch from now() - updated_at)`;
      await tx`
        update landings set polled_at = now() + make_interval(secs => case
          when ${age} > ${closedDays * 86_400} then ${neverS} else ${age} / 4 end)
        where id = ${look.id} and polled_at = ${look.polled_at}`;
    }
    return isNews;
  });
}

/** What a forge says of a pull request by itself. */
export interface PullNews {
  number: number;
  state: PullRequest['state'];
  merged_sha: string | null;
  /** Its branch. */
  head: string;
}

/**
 * Takes news of a pull request: whose landing it is, its branch says.
 * @param own whether the news is of the repository at this address
 * @returns whether it is one of ours and has changed by it; its checks are looked at anew in any case
 */
export async function hearOfPull(
  tx: Tx,
  { number, state, merged_sha, head }: PullNews,
  own: (repoUrl: string) => boolean,
): Promise<boolean> {
  const runId = runOf(head);
  if (runId === null) return false;
  await tx`select id from runs where id = ${runId} for no key update`;
  const rows = await tx<{ id: number; run_id: number; pull_request: PullRequest; repo_url: string | null }[]>`
    select l.id, l.run_id, l.pull_request, p.repo_url
    from landings l join runs r on r.id = l.run_id join projects p on p.id = r.project_id
    where l.run_id = ${runId} and l.branch = ${head} and (l.pull_request->>'number')::int = ${number}
    for no key update of l`;
  const row = rows.find(({ repo_url }) => repo_url !== null && own(repo_url));
  if (!row) return false;
  await tx`update landings set polled_at = null where id = ${row.id}`;
  return await put(tx, row, row.pull_request, { ...row.pull_request, state, merged_sha });
}

/** The checks of a commit, or what a branch holds, may be others now: they are looked at anew. @returns whether any is ours */
export async function hearOfChecks(
  tx: Tx,
  { sha, branch }: { sha: string | null; branch: string | null },
): Promise<boolean> {
  const rows = await tx`
    update landings set polled_at = null
    where status = 'landed' and pull_request->>'state' = 'open' and (commit_sha = ${sha} or branch = ${branch})
    returning id`;
  return rows.length > 0;
}

/** The branch that a run's landing makes; what others push is found by it again. */
export function branchOf(runId: number, slug: string): string {
  return `bakeoff/${runId}-${slug}`;
}

function runOf(branch: string): number | null {
  const id = /^bakeoff\/(\d{1,9})-/.exec(branch)?.[1];
  return id === undefined ? null : Number(id);
}

/** In a transaction that has locked the run and the landing. */
async function put(
  tx: Tx,
  { id, run_id }: { id: number; run_id: number },
  before: PullRequest,
  pull: PullRequest,
): Promise<boolean> {
  const same =
    before.state === pull.state &&
    before.checks === pull.checks &&
    before.merged_sha === pull.merged_sha &&
    before.url === pull.url;
  if (same) return false;
  await tx`update landings set pull_request = ${json(tx, pull)}, updated_at = now() where id = ${id}`;
  await append(tx, run_id, null, [{ type: 'landing.updated', payload: { landing: id, pull_request: pull } }]);
  return true;
}
