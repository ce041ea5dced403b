import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decode } from '../environment';
import { isErrno, runProcess } from './spawn';

/**
 * Removes a folder with all that is in it; missing is fine. By rm(1), which goes down folder by folder: trees deeper than the
 * longest path are beyond `fs.rm`. Links are removed, never followed.
 */
export async function removeTree(path: string): Promise<void> {
  const missing = await lstat(path).then(
    () => false,
    (error) => isErrno(error, 'ENOENT'),
  );
  if (missing || (await run(['rm', '-rf', '--', path], path)) === null) return;
  // Folders without permissions stop an ordinary user, though the owner.
  await run(['chmod', '-R', 'u+rwX', '--', path], path);
  const said = await run(['rm', '-rf', '--', path], path);
  if (said !== null) throw new Error(`cannot remove ${path}: ${said}`);
}

async function run(argv: string[], path: string): Promise<string | null> {
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
  const result = await runProcess({ argv, cwd: '/', env, timeoutMs: 300_000, maxOutputBytes: 4096 });
  return result.exit_code === 0 ? null : decode(result.stderr).trim() || `${dirname(path)}: no reason given`;
}
