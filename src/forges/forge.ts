import type { LandingCode } from '../core/landing-failure';

/** A code host's pull requests, for one repository. Every call has a time limit and can be made again. */
export interface Forge {
  readonly kind: 'github' | 'forgejo';
  /** As `owner/name`. */
  readonly repository: string;
  /**
   * The pull request from `head` that holds the marker, whatever its state (an open one before a closed one, the newest
   * first); with a null marker, the open one from `head`.
   * @throws ForgeError
   */
  findPullRequest(
    request: Pick<PullRequestOpening, 'head' | 'base'> & { marker: string | null },
    signal?: AbortSignal,
  ): Promise<PullRequest | null>;
  /** @throws ForgeError, with `exists` when there is an open one from `head` already. */
  createPullRequest(
    request: Pick<PullRequestOpening, 'head' | 'base' | 'title' | 'body'>,
    signal?: AbortSignal,
  ): Promise<PullRequest>;
  /** Adds labels, making those that the repository does not know. @throws ForgeError */
  addLabels(number: number, labels: readonly string[], signal?: AbortSignal): Promise<void>;
  /** @throws ForgeError */
  updatePullRequest(
    number: number,
    change: { title?: string; body?: string },
    signal?: AbortSignal,
  ): Promise<PullRequest>;
  /** Closes it if it is open; returns it as it is then. @throws ForgeError */
  closePullRequest(number: number, signal?: AbortSignal): Promise<PullRequest>;
  /** @throws ForgeError, `forge_not_found` when it is gone. */
  readPullRequest(number: number, signal?: AbortSignal): Promise<PullRequest & { checks: Checks }>;
}

export interface PullRequest {
  number: number;
  /** Of its page. */
  url: string;
  state: 'open' | 'closed' | 'merged';
  /** What it became on the target when it was merged. */
  merged_sha: string | null;
  /** Branch. */
  head: string;
  head_sha: string;
  /** The branch is one of another repository: anybody could have opened it, under any name and with any body. */
  foreign: boolean;
  title: string;
  body: string;
  labels: string[];
}

/** Of the newest commit: any failed before any pending before all passed. */
export type Checks = 'pending' | 'passed' | 'failed' | 'none';

export interface PullRequestOpening {
  /** Branch, in the repository itself. */
  head: string;
  base: string;
  title: string;
  body: string;
  labels: readonly string[];
  /** What this opening is found by, as `marker` makes it; another landing has another one. */
  marker: string;
}

/** Both forges take titles of 255 characters and bodies of 65,535. */
const maxTitle = 250;
const maxBody = 60_000;

/** The line of a body that nobody sees and that a pull request is found by. */
export function marker(key: string): string {
  if (!/^[\w./-]{1,200}$/.test(key)) throw new TypeError('a marker is made of plain characters');
  return `<!-- bakeoff:${key} -->`;
}

/**
 * Opens a pull request once, however often it is called: it first looks for the one that it opened before, and takes
 * "there is one already" for an answer. Labels are added afterwards, and that they cannot be is a warning only.
 * @throws ForgeError; after `forge_unavailable` nobody knows whether it was opened: call again.
 */
export async function openPullRequest(
  forge: Forge,
  opening: PullRequestOpening,
  signal?: AbortSignal,
): Promise<{ pull: PullRequest; created: boolean; warnings: string[] }> {
  const found = await forge.findPullRequest(opening, signal);
  const { pull, created } = found ? { pull: found, created: false } : await create(forge, opening, signal);
  const missing = opening.labels.filter((label) => !pull.labels.includes(label));
  const warnings = pull.state === 'open' ? await label(forge, pull.number, missing, signal) : [];
  return { pull, created, warnings };
}

async function create(forge: Forge, opening: PullRequestOpening, signal?: AbortSignal) {
  const { head, base } = opening;
  const title = (opening.title.replace(/\s+/g, ' ').trim() || head).slice(0, maxTitle);
  const body = `${opening.body.slice(0, maxBody)}\n\n${opening.marker}`;
  try {
    return { pull: await forge.createPullRequest({ head, base, title, body }, signal), created: true };
  } catch (error) {
    if (!(error instanceof ForgeError) || !error.exists) throw error;
    // Made a moment ago by a call whose answer was lost; or its marker was edited away.
    const marked = await forge.findPullRequest(opening, signal);
    const found = marked ?? (await forge.findPullRequest({ ...opening, marker: null }, signal));
    if (found === null) throw error;
    return { pull: found, created: false };
  }
}

async function label(
  forge: Forge,
  number: number,
  labels: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  if (labels.length === 0) return [];
  try {
    await forge.addLabels(number, labels, signal);
    return [];
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    return [`The labels could not be added: ${error.message}`];
  }
}

/** What a forge did not do; `message` holds its words, never a token. */
export class ForgeError extends Error {
  override name = 'ForgeError';
  readonly transient: boolean;
  /** HTTP status, when it answered. */
  readonly status: number | null;
  /** Seconds after which it may be asked again, when it says so. */
  readonly retryAfterS: number | null;
  /** What was to be made is there already. */
  readonly exists: boolean;
  constructor(
    readonly code: Extract<LandingCode, `forge_${string}`>,
    message: string,
    more: { status?: number; retryAfterS?: number | null; exists?: boolean } = {},
  ) {
    super(message);
    this.transient = code === 'forge_unavailable' || code === 'forge_rate_limited';
    this.status = more.status ?? null;
    this.retryAfterS = more.retryAfterS ?? null;
    this.exists = more.exists ?? false;
  }
}
