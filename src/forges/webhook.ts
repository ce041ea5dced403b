import { createHmac, timingSafeEqual } from 'node:crypto';
import { type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { PullRequest } from './forge';

/** What a forge says by itself, as far as landings want to know. */
export type News = {
  /** The delivery's own id: one that has been seen says nothing new. */
  delivery: string;
} & (
  | ({
      /** URLs of the repository; `sameRepository` compares them with a project's. */
      repository: { name: string; urls: string[] };
    } & RepositoryNews)
  /** True, and of no interest: a ping, a comment, a tag. It need be of no repository. */
  | { kind: 'nothing'; event: string }
);

type RepositoryNews =
  | { kind: 'pull_request'; pull: Pick<PullRequest, 'number' | 'state' | 'merged_sha' | 'head' | 'head_sha'> }
  /** The checks of a commit have changed: ask for them. */
  | { kind: 'checks'; sha: string; branch: string | null }
  /** `after` is null when the branch was deleted. */
  | { kind: 'push'; branch: string; after: string | null };

/** What cannot be read as a delivery; `message` says why. */
export class WebhookError extends Error {
  override name = 'WebhookError';
}

/** Names in small letters, as `Object.fromEntries(request.headers)` gives them. */
export type DeliveryHeaders = Readonly<Record<string, string | undefined>>;

/** Forgejo also signs as Gitea and GitHub do; the first of these that is there counts. */
const signatures = {
  github: ['x-hub-signature-256'],
  forgejo: ['x-forgejo-signature', 'x-gitea-signature', 'x-hub-signature-256'],
};

/**
 * Whether a delivery comes from who knows the secret: HMAC-SHA256 over the bytes as they came, in constant time.
 * GitHub writes `sha256=` before the hexadecimal digits, Forgejo and Gitea in their own headers do not.
 */
export function verifySignature(
  forge: 'github' | 'forgejo',
  secret: string,
  body: Uint8Array,
  headers: DeliveryHeaders,
): boolean {
  const name = signatures[forge].find((one) => headers[one] !== undefined);
  const said = name === undefined ? undefined : headers[name];
  if (!said || secret === '') return false;
  const digits = name === 'x-hub-signature-256' ? said.match(/^sha256=([0-9a-f]{64})$/i)?.[1] : said;
  if (!digits || !/^[0-9a-f]{64}$/i.test(digits)) return false;
  const expected = createHmac('sha256', secret).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(digits, 'hex'));
}

/**
 * Reads a delivery whose signature was verified. Both forges write the same of pull requests and pushes.
 * @throws WebhookError when it has no id, is not JSON, or is not what its event says.
 */
export function readNews(forge: 'github' | 'forgejo', body: Uint8Array, headers: DeliveryHeaders): News {
  const delivery = header(forge, headers, 'delivery');
  const event = header(forge, headers, 'event');
  if (!delivery || !/^[\w-]{1,100}$/.test(delivery) || !event || !/^\w{1,60}$/.test(event))
    throw new WebhookError('The delivery names no id or no event.');
  const payload = parsed(body);
  // An organisation's webhook is set up with a ping that is of no repository.
  const told = tellers.get(event)?.(payload, forge) ?? null;
  if (told === null) return { delivery, kind: 'nothing', event };
  const { repository } = checked(WithRepository, payload);
  const { full_name: name, clone_url, ssh_url, html_url } = repository;
  const urls = [clone_url, ssh_url, html_url].filter((url) => url !== undefined);
  return { delivery, repository: { name, urls }, ...told };
}

const Sha = Type.String({ pattern: '^([0-9a-f]{40}|[0-9a-f]{64})$' });
const maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
/** Without U+0000, which Postgres keeps in no text: it would fail in it, each time the forge sends it again. */
const text = (maxLength: number) => Type.String({ maxLength, pattern: '^[^\\u0000]*$' });

const WithRepository = Type.Object({
  repository: Type.Object({
    full_name: text(500),
    clone_url: Type.Optional(text(2000)),
    ssh_url: Type.Optional(text(2000)),
    html_url: Type.Optional(text(2000)),
  }),
});
const WithPull = Type.Object({
  pull_request: Type.Object({
    number: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }),
    state: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
    merged: maybe(Type.Boolean()),
    merge_commit_sha: maybe(Sha),
    head: Type.Object({ label: maybe(text(1000)), ref: text(1000), sha: Sha }),
  }),
});
const Push = Type.Object({ ref: text(1000), after: Sha });
const Suite = Type.Object({ head_sha: Sha, head_branch: maybe(text(1000)) });
const CheckSuite = Type.Object({ check_suite: Suite });
const CheckRun = Type.Object({ check_run: Suite });
const Status = Type.Object({ sha: Sha });

/** What each event that we use says; null when it is of no interest after all. */
const tellers = new Map<string, (payload: unknown, forge: 'github' | 'forgejo') => RepositoryNews | null>([
  ['pull_request', (payload, forge) => ({ kind: 'pull_request', pull: pullOf(payload, forge) })],
  ['push', pushOf],
  ['check_suite', (payload) => checksOf(checked(CheckSuite, payload).check_suite)],
  ['check_run', (payload) => checksOf(checked(CheckRun, payload).check_run)],
  ['status', (payload) => ({ kind: 'checks', sha: checked(Status, payload).sha, branch: null })],
]);

function header(forge: 'github' | 'forgejo', headers: DeliveryHeaders, name: 'delivery' | 'event') {
  const makers = forge === 'github' ? ['github'] : ['forgejo', 'gitea'];
  return makers.map((maker) => headers[`x-${maker}-${name}`]).find((value) => value !== undefined);
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new WebhookError('The delivery is not JSON; choose application/json as its content type.');
  }
}

function checked<T extends TSchema>(schema: T, payload: unknown): T['static'] {
  if (Value.Check(schema, payload)) return payload;
  const first = Value.Errors(schema, payload).First();
  throw new WebhookError(`The delivery is not what its event says: ${first?.path || 'the whole'} is wrong.`);
}

function pullOf(
  payload: unknown,
  forge: 'github' | 'forgejo',
): Extract<RepositoryNews, { kind: 'pull_request' }>['pull'] {
  const { number, state, merged, merge_commit_sha, head } = checked(WithPull, payload).pull_request;
  return {
    number,
    state: merged ? 'merged' : state,
    merged_sha: merged ? (merge_commit_sha ?? null) : null,
    // Forgejo's ref is another one when the branch is deleted; GitHub's label has its owner before it.
    head: (forge === 'forgejo' ? head.label : null) ?? head.ref,
    head_sha: head.sha,
  };
}

function pushOf(payload: unknown): RepositoryNews | null {
  const { ref, after } = checked(Push, payload);
  const branch = ref.match(/^refs\/heads\/(.+)$/)?.[1];
  return branch === undefined ? null : { kind: 'push', branch, after: /^0+$/.test(after) ? null : after };
}

function checksOf({ head_sha, head_branch }: typeof Suite.static): RepositoryNews {
  return { kind: 'checks', sha: head_sha, branch: head_branch ?? null };
}
