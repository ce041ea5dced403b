import { type TSchema, Type } from '@sinclair/typebox';
import { type Checks, type Forge, ForgeError, type PullRequest } from './forge';
import { choose } from './github';
import { checked, forgeFetch, type Wire } from './http';

const maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

const repoId = { repo_id: maybe(Type.Integer()) };
const Pull = Type.Object({
  number: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }),
  html_url: Type.String(),
  state: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
  title: Type.String(),
  body: maybe(Type.String()),
  merged: maybe(Type.Boolean()),
  merge_commit_sha: maybe(Type.String()),
  // The branch is the label; when it is deleted, the ref is another one.
  head: Type.Object({ label: Type.String(), ref: Type.String(), sha: Type.String(), ...repoId }),
  base: Type.Object(repoId),
  labels: maybe(Type.Array(Type.Object({ name: Type.String() }))),
});
const Labels = Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() }));
const Status = Type.Object({ state: maybe(Type.String()), total_count: maybe(Type.Integer()) });

const pageSize = 50;
/** Of pull requests, or labels, looked through for ours. */
const maxPages = 10;

/** A repository on Forgejo or Gitea, by their API v1. */
export function forgejo(wire: Wire, { owner, repo }: { owner: string; repo: string }): Forge {
  const root = `${wire.baseUrl}/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}`;

  async function ask<T extends TSchema>(
    schema: T,
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    fields?: object,
    signal?: AbortSignal,
  ) {
    const answer = await forgeFetch(wire, `${root}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        'user-agent': 'bakeoff',
        ...(wire.token === null ? {} : { authorization: `token ${wire.token}` }),
        ...(fields ? { 'content-type': 'application/json' } : {}),
      },
      ...(fields ? { body: JSON.stringify(fields) } : {}),
      ...(signal ? { signal } : {}),
    });
    return checked(schema, await answer.json().catch(() => undefined), wire);
  }

  async function read(number: number, signal?: AbortSignal): Promise<PullRequest> {
    return toPull(await ask(Pull, 'GET', `/pulls/${number}`, undefined, signal));
  }

  async function change(number: number, fields: object, signal?: AbortSignal): Promise<PullRequest> {
    return toPull(await ask(Pull, 'PATCH', `/pulls/${number}`, fields, signal));
  }

  /** All pages of a list, until `enough`. */
  async function pages<T extends TSchema>(
    schema: T,
    path: string,
    enough: (items: T['static'][]) => boolean,
    signal?: AbortSignal,
  ): Promise<T['static'][]> {
    const items: T['static'][] = [];
    for (let page = 1; page <= maxPages; page++) {
      const query = `${path.includes('?') ? '&' : '?'}page=${page}&limit=${pageSize}`;
      const found: T['static'][] = await ask(Type.Array(schema), 'GET', path + query, undefined, signal);
      items.push(...found);
      if (found.length === 0 || enough(items)) break;
    }
    return items;
  }

  async function checksOf(sha: string, signal?: AbortSignal): Promise<Checks> {
    const path = `/commits/${encodeURIComponent(sha)}/status`;
    const { state, total_count } = await ask(Status, 'GET', path, undefined, signal);
    if (!state || total_count === 0) return 'none';
    return state === 'success' || state === 'warning' ? 'passed' : state === 'pending' ? 'pending' : 'failed';
  }

  return {
    kind: 'forgejo',
    repository: `${owner}/${repo}`,
    async findPullRequest({ head, base, marker }, signal) {
      const between = `/pulls/${encodeURIComponent(base)}/${encodeURIComponent(head)}`;
      const one = await ask(Pull, 'GET', between, undefined, signal).catch((error) => {
        if (error instanceof ForgeError && error.code === 'forge_not_found') return null;
        throw error;
      });
      // There is none between the two branches, in any state; names with slashes, not every version understands here.
      if (one === null && !base.includes('/')) return null;
      const found = one === null ? null : choose([toPull(one)], head, marker);
      if (found !== null) return found;
      const list = '/pulls?state=all&sort=recentupdate';
      const ours = (items: (typeof Pull.static)[]) => choose(items.map(toPull), head, marker);
      return ours(await pages(Pull, list, (items) => ours(items) !== null, signal));
    },
    async createPullRequest(fields, signal) {
      return toPull(await ask(Pull, 'POST', '/pulls', fields, signal));
    },
    async addLabels(number, names, signal) {
      const known = new Map<string, number>();
      const note = (labels: typeof Labels.static) => {
        for (const { id, name } of labels) known.set(name, id);
      };
      const all = (labels: typeof Labels.static) =>
        names.every((name) => labels.some((one) => one.name === name));
      note(await pages(Labels.items, '/labels', all, signal));
      for (const name of names.filter((one) => !known.has(one))) {
        note([await ask(Labels.items, 'POST', '/labels', { name, color: '#ededed' }, signal)]);
      }
      const labels = names.flatMap((name) => known.get(name) ?? []);
      await ask(Type.Unknown(), 'POST', `/issues/${number}/labels`, { labels }, signal);
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

function toPull(pull: typeof Pull.static): PullRequest {
  const merged = pull.merged === true;
  return {
    number: pull.number,
    url: pull.html_url,
    state: merged ? 'merged' : pull.state,
    merged_sha: merged ? (pull.merge_commit_sha ?? null) : null,
    head: pull.head.label,
    head_sha: pull.head.sha,
    foreign: pull.head.repo_id !== pull.base.repo_id,
    title: pull.title,
    body: pull.body ?? '',
    labels: (pull.labels ?? []).map((one) => one.name),
  };
}
