import { BakeoffError } from '../core/errors';
import { hearOfChecks, hearOfPull } from '../core/landing-watch';
import { takeDelivery } from '../core/webhook-delivery';
import { sameRepository } from '../forges/place';
import { type DeliveryHeaders, type News, readNews, verifySignature, WebhookError } from '../forges/webhook';
import type { Parts } from './parts';

/** `known`: this delivery was taken before. `nothing`: it is about none of our landings. */
export type Heard = 'taken' | 'known' | 'nothing';

const secretNames = { github: 'GITHUB_WEBHOOK_SECRET', forgejo: 'FORGEJO_WEBHOOK_SECRET' };

/**
 * Takes a delivery of a forge's webhook: once, and only from who knows the secret.
 * @param body as it came, byte for byte
 * @throws BakeoffError 401 `bad_signature`, 422, 503 `webhook_not_configured`
 */
export async function hearForge(
  { config, database, log }: Pick<Parts, 'config' | 'database' | 'log'>,
  forge: 'github' | 'forgejo',
  body: Uint8Array,
  headers: DeliveryHeaders,
): Promise<Heard> {
  const secret = config.forges[forge]?.webhookSecret ?? null;
  if (secret === null) {
    const words = `Webhooks of this forge are not set up: set ${secretNames[forge]} here, and the same secret there`;
    throw new BakeoffError('webhook_not_configured', words, 503);
  }
  if (!verifySignature(forge, secret, body, headers))
    throw new BakeoffError('bad_signature', 'The signature is missing, or is not made with our secret', 401);
  const news = read(forge, body, headers);
  const ours = await takeDelivery(database, forge, news.delivery, async (tx) => {
    if (news.kind === 'nothing') return false;
    const own = (url: string): boolean => news.repository.urls.some((one) => sameRepository(one, url));
    if (news.kind === 'pull_request') return await hearOfPull(tx, news.pull, own);
    if (news.kind === 'checks') return await hearOfChecks(tx, news);
    return await hearOfChecks(tx, { sha: null, branch: news.branch });
  });
  const heard = ours === 'seen' ? 'known' : ours ? 'taken' : 'nothing';
  log.debug('a forge has news', { forge, kind: news.kind, heard });
  return heard;
}

function read(forge: 'github' | 'forgejo', body: Uint8Array, headers: DeliveryHeaders): News {
  try {
    return readNews(forge, body, headers);
  } catch (error) {
    throw error instanceof WebhookError ? new BakeoffError('invalid', error.message, 422) : error;
  }
}
