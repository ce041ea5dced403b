import { readFileSync } from 'node:fs';
import type { Config } from '../config';
import type { Forge } from './forge';
import { forgejo } from './forgejo';
import { gitHub } from './github';
import { type ForgeProject, placeOf, tokenFor } from './place';

/** The forge of a project's repository; null when its host is none that the operator configured, or it is a local one. */
export function forgeFor(
  project: ForgeProject,
  config: Pick<Config, 'forges' | 'sslCertFile'>,
  options: { timeoutMs?: number } = {},
): Forge | null {
  const place = placeOf(project, config);
  if (place === null) return null;
  const wire = {
    token: tokenFor(project, config),
    ca: config.sslCertFile === null ? null : readFileSync(config.sslCertFile, 'utf8'),
    ...options,
  };
  const { github, forgejo: own } = config.forges;
  if (place.kind === 'github') return gitHub({ ...wire, baseUrl: github.apiUrl }, place);
  return own === null ? null : forgejo({ ...wire, baseUrl: `${own.url}/api/v1` }, place);
}
