import { claimLook, lookFailed, noteLook, type WatchedLanding } from '../core/landing-watch';
import { getProject } from '../core/project';
import { masker } from '../core/secret';
import { forgeFor } from '../forges/index';
import { accessTo } from './credential';
import { every, seldom } from './every';
import type { Parts } from './parts';

type Needs = Pick<Parts, 'database' | 'vault' | 'config' | 'secrets' | 'log'>;

/** What is due, or was heard of by a webhook, is looked at within this. */
const lookMs = 2_000;
/** Pull requests that one process looks at in one go. */
const atOnce = 20;
const sayAgainMs = 600_000;
/** A look that is broken off is done again by whoever comes next. */
const stopMs = 1_000;

/**
 * Looks at the pull requests that winners went out as, until they are merged: the open ones about once a minute, by
 * whichever process of the cluster comes first.
 * @returns ends it
 */
export function watchPullRequests(parts: Needs): () => Promise<void> {
  const ended = new AbortController();
  const failed = seldom(sayAgainMs, (error) => {
    if (!ended.signal.aborted) parts.log.warn('pull requests could not be looked at', { error });
  });
  const stop = every(lookMs, () => lookAtPulls(parts, ended.signal), failed);
  return async () => {
    ended.abort(new Error('the worker shuts down'));
    await Promise.race([stop(), Bun.sleep(stopMs)]);
  };
}

/** Looks at those whose turn it is, one after the other. */
export async function lookAtPulls(parts: Needs, signal: AbortSignal): Promise<void> {
  for (let left = atOnce; left > 0 && !signal.aborted; left -= 1) {
    const look = await claimLook(parts.database);
    if (!look) return;
    await lookAt(parts, look, signal);
  }
}

async function lookAt(parts: Needs, look: WatchedLanding, signal: AbortSignal): Promise<void> {
  const { database, config, log } = parts;
  const { number } = look.pull_request;
  const told = { run: look.run_id, pull_request: number };
  let token: string | null = null;
  try {
    const access = await accessTo(parts, await getProject(database, look.project_id));
    token = access.token;
    const forge = forgeFor(access.forge, config);
    if (forge === null) return await lookFailed(database, look);
    const { url, state, merged_sha, checks } = await forge.readPullRequest(number, signal);
    if (await noteLook(database, look, { number, url, state, merged_sha, checks }))
      log.info('a pull request has changed', { ...told, state, checks });
  } catch (error) {
    if (signal.aborted) return;
    const words = masker([...parts.secrets, token])(error instanceof Error ? error.message : String(error));
    log.debug('a pull request could not be looked at', { ...told, error: words });
    await lookFailed(database, look);
  }
}
