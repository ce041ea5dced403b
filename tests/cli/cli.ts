import { join } from 'node:path';

export const root = join(import.meta.dir, '..', '..');

export interface Result {
  code: number;
  out: string;
  err: string;
}

/** Runs the command line to its end, with a clean environment and at most 25 s. */
export async function cli(words: string[], env: Record<string, string>): Promise<Result> {
  const child = spawnCli(words, env);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}

/** The same, still running. The caller ends it. */
export function spawnCli(words: string[], env: Record<string, string>, timeout = 25_000) {
  return Bun.spawn([process.execPath, '--env-file=/dev/null', 'src/cli/main.ts', ...words], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', HOME: process.env.HOME ?? '/', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout,
  });
}

/** Reads until the output fits `wanted`, and answers with all of it so far; stops where the output ends. */
export async function readUntil(stream: ReadableStream<Uint8Array>, wanted: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let said = '';
  while (!wanted.test(said)) {
    const { done, value } = await reader.read();
    if (done) break;
    said += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return said;
}
