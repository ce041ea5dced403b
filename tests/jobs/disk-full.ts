/**
 * The inner half of disk-full.test.ts: works runs with a data directory on a small disk, which is the argument, and
 * prints how each ended. A process of its own, since the disk is mounted for it alone.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeSharedPostgres } from '../support/database';
import { git, makeRepository } from '../support/repository';
import { removeAllTemps } from '../support/temp';
import { call, command, done, edit, openBench, type Plan } from './bench';

const [disk = ''] = process.argv.slice(2);
const dataDir = join(disk, 'data');
mkdirSync(dataDir, { mode: 0o755 });
const bench = await openBench(null, { dataDir });
await bench.worker();

/** What a repository holds besides `a.txt`. */
function repository(name: string, bytes: Uint8Array): string {
  const { path } = makeRepository({ 'a.txt': 'one\n' });
  writeFileSync(join(path, name), bytes);
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '-m', 'large');
  return path;
}

const cases: Record<string, Plan> = {
  // Does not compress: the mirror has no room for it.
  mirror: { source: repository('noise', randomBytes(30 * 2 ** 20)) },
  // Compresses well, and has no holes: the mirror has room, the workspace has not.
  workspace: { source: repository('again', Buffer.alloc(32 * 2 ** 20, randomBytes(1000))) },
  // The agent leaves no room for what is to be kept of its work.
  checkpoint: {
    turns: [command('head -c 14680064 /dev/urandom >noise; ls -l noise'), edit, done],
  },
  'the agent itself': {
    turns: [
      call('write_file', { path: 'b.txt', content: 'b' }),
      command('head -c 209715200 /dev/zero >c; rm c'),
      done,
    ],
  },
};
const results: Record<string, unknown> = {};
let step = 'none';
setTimeout(() => {
  console.error(`This took longer than 100 s, at “${step}”; before it: ${JSON.stringify(results)}`);
  process.exit(1);
}, 100_000);
for (const [name, plan] of Object.entries(cases)) {
  step = name;
  const { status, variations } = await bench.ended(await bench.start(plan), 60_000);
  step = `${name}, the run after it`;
  const after = await bench.ended(await bench.start({ turns: [edit, done] }), 60_000);
  results[name] = {
    ...{ status, code: variations[0]?.error?.code ?? null, message: variations[0]?.error?.message ?? null },
    after: after.status,
    left: readdirSync(bench.workspacesDir),
  };
}
step = 'the end';
await bench.close();
await closeSharedPostgres();
removeAllTemps();
console.log(JSON.stringify(results));
process.exit(0);
