import { chmod, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config';
import { bubblewrapSandbox } from './bubblewrap';
import type { Sandbox } from './sandbox';

/** The operator's own hosts may be named by projects; without them, hosts of public addresses only. */
export type OpenConfig = Pick<Config, 'dataDir'> & Partial<Pick<Config, 'forgeHosts'>>;

/** bubblewrap as it is, unproved. */
export async function openSandbox(config: OpenConfig): Promise<Sandbox> {
  await mkdir(config.dataDir, { recursive: true });
  if (process.getuid?.() === 0) {
    // Commands run as another uid and must get through to their workspace; what is private below is closed by itself.
    const { mode } = await stat(config.dataDir);
    if ((mode & 0o001) === 0) await chmod(config.dataDir, (mode & 0o7777) | 0o001);
  }
  return await bubblewrapSandbox(join(config.dataDir, 'sandbox'), config.forgeHosts);
}
