import { request } from '@octokit/request';
import { Type } from '@sinclair/typebox';
import { type Checks, type Forge, ForgeError, type PullRequest } from './forge';
import { checked, forgeFetch, type Wire } from './http';

const nullable = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Union([schema, Type.Null()]);

/** Null when it was deleted, as only another one can be. */
const Repo = Type.Union([Type.Object({ id: Type.Integer() }), Type.Null()]);
const Pull = Type.Object({
  number: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }),
  html_url: Type.String(),
  state: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
  title: Type.String(),
  body: nullable(Type.String()),
  merged_at: nullable(Type.String()),
  merge_commit_sha: nullable(Type.String()),
  head: Type.Object({ ref: Type.String(), sha: Type.String(), repo: Repo }),
  base: Type.Object({ repo: Repo }),
  labels: Type.Array(Type.Object({ name: Type.String() })),
});
const CheckRuns = Type.Object({
  check_runs: Type.Array(Type.Object({ status: Type.String(), conclusion: nullable(Type.String()) })),
});
const Status = Type.Object({ state: Type.String(), total_count: Type.Integer() });

/** A repository on github.com, or on an enterprise server, by its REST API of 2022-11-28. */
export function gitHub(wire: Wire, place: { owner: string; repo: string }): Forge {
  // Nothing more of it: what a path has no place for becomes a parameter.
  const repo = { owner: place.owner, repo: place.repo };
  const ask = request.defaults({
    baseUrl: wire.baseUrl,
    headers: {
      'user-agent': 'bakeoff',
      'x-github-api-version': '2022-11-28',
      ...(wire.token === null ? {} : { authorization: `Bearer ${wire.token}` }),
    },
    request: {
      fetch: (url: string, init: RequestInit) => forgeFetch(wire, url, init),
      // It would write what is deprecated on the terminal.
      log: { debug() {}, info() {}, warn() {}, error() {} },
    },
  });
  const asking = (signal: AbortSignal | undefined) => (signal ? { request: { signal } } : {});
  const pullOf = (answer: unknown): PullRequest => toPull(checked(Pull, answer, wire));

  async function change(number: number, fields: object, signal?: AbortSignal): Promise<PullRequest> {
    const answer = await unwrapped(
      ask('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', {
        ...{ ...repo, pull_number: number },
        ...fields,
        ...asking(signal),
      }),
    );
    return pullOf(answer.data);
  }

  async function read(number: number, signal?: AbortSignal): Promise<PullRequest> {
    const at = { ...repo, pull_number: number, ...asking(signal) };
    return pullOf((await unwrapped(ask('GET /repos/{owner}/{repo}/pulls/{pull_number}', at))).data);
  }

  /** Apps report check runs, older integrations statuses; a token may be allowed to see one of the two only. */
  async function checksOf(ref: string, signal?: AbortSignal): Promise<Checks> {
    const at = { ...repo, ref, per_page: 100, ...asking(signal) };
    const seen = await Promise.all([
      visible(ask('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', at)),
      visible(ask('GET /repos/{owner}/{repo}/commits/{ref}/status', at)),
    ]);
    const runs = seen[0] === null ? [] : checked(CheckRuns, seen[0].data, wire).check_runs.map(checkOf);
    const status = seen[1] === null ? [] : [statusOf(checked(Status, seen[1].data, wire))];
    return worst([...runs, ...status]);
  }

  return {
    kind: 'github',
    repository: `${repo.owner}/${repo.repo}`,
    async findPullRequest({ head, marker }, signal) {
      const answer = await unwrapped(
        ask('GET /repos/{owner}/{repo}/pulls', {
          ...{ ...repo, head: `${repo.owner}:${head}`, state: 'all', per_page: 100 },
          ...asking(signal),
        }),
      );
      return choose(checked(Type.Array(Pull), answer.data, wire).map(toPull), head, marker);
    },
    async createPullRequest({ head, base, title, body }, signal) {
      const fields = { ...repo, head, base, title, body, ...asking(signal) };
      return pullOf((await unwrapped(ask('POST /repos/{owner}/{repo}/pulls', fields))).data);
    },
    async addLabels(number, labels, signal) {
      for (const name of labels) {
        const fields = { ...repo, name, color: 'ededed', ...asking(signal) };
        await unwrapped(ask('POST /repos/{owner}/{repo}/labels', fields)).catch((error) => {
          if (!(error instanceof ForgeError) || !error.exists) throw error;
        });
      }
      await unwrapped(
        ask('POST /repos/{owner}/{repo}/issues/{issue_number}/labels', {
          ...{ ...repo, issue_number: number, labels: [...labels] },
          ...asking(signal),
        }),
      );
    },
    updatePullRequest: change,
    async closePullRequest(number, signal) {
      const pull = await read(number, signal);
      return pull.state === 'open' ? await change(number, { state: 'closed' }, signal) : pull;
    },
    async readPullRequest(number, signal) {
      const pull = await read(number, signal);
      return { ...pull, checks: await checksOf(pull.head_sha, signal) };
    },
  };
}

/** Of pull requests, newest first, those of the repository's own branch: the open one before others. */
export function choose(
  pulls: readonly PullRequest[],
  head: string,
  marker: string | null,
): PullRequest | null {
  const ours = pulls.filter(
    (one) =>
      one.head === head &&
      !one.foreign &&
      (marker === null ? one.state === 'open' : one.body.includes(marker)),
  );
  return ours.find((one) => one.state === 'open') ?? ours[0] ?? null;
}

export function worst(checks: readonly Checks[]): Checks {
  return (['failed', 'pending', 'passed'] as const).find((one) => checks.includes(one)) ?? 'none';
}

/** @octokit/request wraps what its `fetch` throws. */
async function unwrapped<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    throw cause instanceof Error ? cause : error;
  }
}

/** Null where the token may not look. */
async function visible<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await unwrapped(answer);
  } catch (error) {
    if (error instanceof ForgeError && /^forge_(refused|not_found)$/.test(error.code)) return null;
    throw error;
  }
}

function toPull(pull: typeof Pull.static): PullRequest {
  const merged = pull.merged_at !== null;
  return {
    number: pull.number,
    url: pull.html_url,
    state: merged ? 'merged' : pull.state,
    merged_sha: merged ? pull.merge_commit_sha : null,
    head: pull.head.ref,
    head_sha: pull.head.sha,
    foreign: pull.head.repo?.id !== pull.base.repo?.id,
    title: pull.title,
    body: pull.body ?? '',
    labels: pull.labels.map((one) => one.name),
  };
}

function checkOf({ status, conclusion }: { status: string; conclusion: string | null }): Checks {
  if (status !== 'completed') return 'pending';
  return ['success', 'neutral', 'skipped'].includes(conclusion ?? '') ? 'passed' : 'failed';
}

function statusOf({ state, total_count }: typeof Status.static): Checks {
  if (total_count === 0) return 'none';
  return state === 'success' ? 'passed' : state === 'pending' ? 'pending' : 'failed';
}
