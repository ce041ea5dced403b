import { rm, stat } from 'node:fs/promises';

/** Git holds its lock files for moments only: one that is seconds old is of a process that was killed. */
export async function unlocked<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left--) {
    try {
      return await work();
    } catch (error) {
      const lock =
        error instanceof Error ? error.message.match(/'([^']+\.lock)': File exists/)?.[1] : undefined;
      if (!lock?.startsWith(path) || left === 0) throw error;
      const found = await stat(lock).catch(() => null);
      if (found && Date.now() - found.mtimeMs > 5000) await rm(lock, { force: true });
      else await Bun.sleep(300);
    }
  }
}
