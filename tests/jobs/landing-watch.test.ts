import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { getLanding } from '../../src/core/landing';
import { hearForge } from '../../src/jobs/forge-news';
import { lookAtPulls, watchPullRequests } from '../../src/jobs/landing-watch';
import { until } from '../support/wait';
import { type LandingBench, openLandingBench, repository } from './landing-bench';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const secret = 'what the forge and we know';

describe.each(['github', 'forgejo'] as const)('%s', (kind) => {
  let on: LandingBench;
  beforeAll(async () => {
    on = await openLandingBench(kind);
    const { forges } = on.bench.config;
    // What the operator has set on both sides.
    if (kind === 'github') forges.github.webhookSecret = secret;
    else if (forges.forgejo) forges.forgejo.webhookSecret = secret;
  });
  afterAll(() => on.close());

  const landed = async () => {
    const runId = await on.won(await on.fresh());
    const landing = await on.land(runId, { mode: 'pull_request' });
    return { runId, landing };
  };
  const pullOf = async (runId: number) => (await getLanding(on.bench.database, runId)).pull_request;
  const look = () => lookAtPulls(on.bench.parts, new AbortController().signal);
  const due = () => on.bench.database.sql`update landings set polled_at = null`;
  const updates = async (runId: number) =>
    (await on.events(runId)).filter((event) => event.type === 'landing.updated');

  /** As the forge would send it. */
  const hear = (
    event: string,
    payload: object,
    { signedWith = secret, delivery = crypto.randomUUID() as string } = {},
  ) => {
    const url = on.forge.url;
    const body = new TextEncoder().encode(
      JSON.stringify({
        ...payload,
        repository: {
          full_name: repository,
          clone_url: `${url}/${repository}.git`,
          html_url: `${url}/${repository}`,
        },
      }),
    );
    const digest = createHmac('sha256', signedWith).update(body).digest('hex');
    return hearForge(on.bench.parts, kind, body, {
      [`x-${kind}-event`]: event,
      [`x-${kind}-delivery`]: delivery,
      ...(kind === 'github'
        ? { 'x-hub-signature-256': `sha256=${digest}` }
        : { 'x-forgejo-signature': digest }),
    });
  };
  const pullNews = (number: number, head: string, state: string, merged = false) => ({
    pull_request: {
      ...{ number, state, merged, merge_commit_sha: merged ? 'f'.repeat(40) : null },
      head: { ref: head, sha: 'a'.repeat(40) },
    },
  });

  test('a pull request is looked at until it is merged; what has changed is told, once', async () => {
    const { runId, landing } = await landed();
    on.forge.checks = { runs: [], status: 'pending' };
    await look();
    expect(await pullOf(runId)).toMatchObject({ state: 'open', checks: 'pending' });
    await due();
    await look();
    expect(await updates(runId)).toHaveLength(1);
    on.forge.checks = { runs: [], status: 'success' };
    on.forge.merge(1, landing.commit!);
    await due();
    await look();
    expect(await pullOf(runId)).toMatchObject({
      state: 'merged',
      checks: 'passed',
      merged_sha: landing.commit,
    });
    expect(await updates(runId)).toHaveLength(2);
    on.forge.requests.length = 0;
    await on.bench.database.sql`update landings set polled_at = now() - interval '1 day'`;
    await look();
    expect(on.forge.requests).toEqual([]);
  });

  test('a closed one is looked at seldom, and what becomes of it is found out; after a month no more', async () => {
    const { runId, landing } = await landed();
    const { sql } = on.bench.database;
    const number = (await pullOf(runId))!.number;
    const pull = on.forge.pulls.find((one) => one.number === number)!;
    const later = async (hours: number) => {
      await sql`
        update landings set updated_at = updated_at - make_interval(hours => ${hours}),
          polled_at = polled_at - make_interval(hours => ${hours}) where run_id = ${runId}`;
      await look();
    };
    pull.state = 'closed';
    await later(1);
    expect(await pullOf(runId)).toMatchObject({ state: 'closed' });
    // Of an hour ago: the next look is a quarter of that away.
    await later(1);
    pull.state = 'open';
    await look();
    expect(await pullOf(runId)).toMatchObject({ state: 'closed' });
    await later(1);
    expect(await pullOf(runId)).toMatchObject({ state: 'open' });
    // A hint that is out of date, or a lie, does not last.
    const said = pullNews(number, landing.branch!, 'closed');
    expect(await hear('pull_request', said)).toBe('taken');
    expect(await pullOf(runId)).toMatchObject({ state: 'closed' });
    await look();
    expect(await pullOf(runId)).toMatchObject({ state: 'open' });
    pull.state = 'closed';
    await later(1);
    await later(31 * 24);
    pull.state = 'open';
    await later(31 * 24);
    expect(await pullOf(runId)).toMatchObject({ state: 'closed' });
  });

  test('a forge that is away is asked less and less often, by whichever process', async () => {
    const { runId } = await landed();
    on.forge.faults = { answer: { status: 503 } };
    await look();
    on.forge.requests.length = 0;
    await Promise.all([look(), look(), look()]);
    expect(on.forge.requests).toEqual([]);
    const [row] = await on.bench.database.sql<{ tries: number; error: unknown }[]>`
      select tries, error from landings where run_id = ${runId}`;
    expect(row).toEqual({ tries: 1, error: null });
    on.forge.faults = {};
  });

  test('a project whose token cannot be read does not keep others from being looked at', async () => {
    const sealed = await landed();
    const other = await landed();
    const { sql } = on.bench.database;
    const of = (runId: number) => sql`(select project_id from runs where id = ${runId})`;
    await sql`update projects set token = ${new Uint8Array(40)} where id = ${of(sealed.runId)}`;
    on.forge.checks = { runs: [], status: 'failure' };
    await sql`update landings set polled_at = case when run_id = ${sealed.runId} then null else now() - interval '1 hour' end`;
    await look();
    expect(await pullOf(other.runId)).toMatchObject({ checks: 'failed' });
    const [row] = await sql`select tries from landings where run_id = ${sealed.runId}`;
    expect(row).toMatchObject({ tries: 1 });
    on.forge.checks = { runs: [], status: null };
  });

  test('a watcher finds what is due by itself, and ends', async () => {
    const { runId } = await landed();
    on.forge.checks = { runs: [], status: 'failure' };
    const stop = watchPullRequests(on.bench.parts);
    await until(async () => (await pullOf(runId))?.checks === 'failed', 'the look', 10_000);
    await stop();
    on.forge.checks = { runs: [], status: null };
  });

  test('news of a pull request is taken once, and only from who knows the secret', async () => {
    const { runId, landing } = await landed();
    const closed = pullNews(1, landing.branch!, 'closed');
    const refused = await hear('pull_request', closed, { signedWith: 'another' }).catch((error) => error);
    expect([refused.code, refused.status]).toEqual(['bad_signature', 401]);
    expect(await pullOf(runId)).toMatchObject({ state: 'open' });
    expect(await hear('pull_request', closed, { delivery: 'the-one' })).toBe('taken');
    expect(await pullOf(runId)).toMatchObject({ state: 'closed', merged_sha: null });
    expect(await hear('pull_request', pullNews(1, landing.branch!, 'open'))).toBe('taken');
    // Sent again by who has listened: it is not closed again.
    expect(await hear('pull_request', closed, { delivery: 'the-one' })).toBe('known');
    expect(await pullOf(runId)).toMatchObject({ state: 'open' });
    expect(await hear('pull_request', pullNews(1, landing.branch!, 'closed', true))).toBe('taken');
    expect(await pullOf(runId)).toMatchObject({ state: 'merged', merged_sha: 'f'.repeat(40) });
    expect(await updates(runId)).toHaveLength(3);
  });

  test('news that is none of ours changes nothing', async () => {
    const { runId, landing } = await landed();
    expect(await hear('pull_request', pullNews(2, landing.branch!, 'closed'))).toBe('nothing');
    expect(await hear('pull_request', pullNews(1, 'main', 'closed'))).toBe('nothing');
    expect(await hear('ping', {})).toBe('nothing');
    const elsewhere = { ...pullNews(1, landing.branch!, 'closed') };
    await on.bench.database
      .sql`update projects set repo_url = repo_url || 'x' where id = (select project_id from runs where id = ${runId})`;
    expect(await hear('pull_request', elsewhere)).toBe('nothing');
    expect(await pullOf(runId)).toMatchObject({ state: 'open' });
    const broken = await hear('pull_request', { pull_request: { number: 'x' } }).catch((error) => error);
    expect([broken.code, broken.status]).toEqual(['invalid', 422]);
  });

  test('news of checks has them looked at again', async () => {
    const { runId, landing } = await landed();
    await look();
    on.forge.checks = { runs: [], status: 'success' };
    await look();
    expect(await pullOf(runId)).toMatchObject({ checks: 'none' });
    expect(await hear('status', { sha: landing.commit })).toBe('taken');
    await look();
    expect(await pullOf(runId)).toMatchObject({ checks: 'passed' });
    expect(await hear('push', { ref: `refs/heads/${landing.branch}`, after: 'a'.repeat(40) })).toBe('taken');
    expect(await hear('push', { ref: 'refs/heads/main', after: 'a'.repeat(40) })).toBe('nothing');
    on.forge.checks = { runs: [], status: null };
  });

  test('without a secret nothing is taken', async () => {
    const { config, ...parts } = on.bench.parts;
    const bare = {
      ...parts,
      config: {
        ...config,
        forges: { github: { ...config.forges.github, webhookSecret: null }, forgejo: null },
      },
    };
    const refused = await hearForge(bare, kind, new Uint8Array(), {}).catch((error) => error);
    expect([refused.code, refused.status]).toEqual(['webhook_not_configured', 503]);
    expect(refused.message).toContain(`${kind.toUpperCase()}_WEBHOOK_SECRET`);
  });
});
