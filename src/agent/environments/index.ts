import type { Config } from '../../config';
import { VariationFailure } from '../../core/failure';
import { type OpenConfig, openSandbox } from './open';
import { plainSandbox } from './plain';
import type { Sandbox } from './sandbox';
import { probeSandbox } from './selftest';

/**
 * The sandbox that this installation runs commands in: bubblewrap, once it has proved itself; none at all where the
 * operator names unsafe mode, and only there. Call it once at start, again to look anew.
 * @throws VariationFailure `sandbox_unavailable`: what is missing, and the remedy.
 */
export async function chooseSandbox(config: OpenConfig & Pick<Config, 'unsafeExec'>): Promise<Sandbox> {
  if (config.unsafeExec) return plainSandbox();
  const probe = await probeSandbox(config);
  if (probe.kind === 'none') {
    throw new VariationFailure('sandbox_unavailable', `${probe.detail}; remedy: ${probe.remedy}`);
  }
  return await openSandbox(config);
}
