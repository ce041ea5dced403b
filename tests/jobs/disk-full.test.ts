import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { removeTemp, tempDir } from '../support/temp';

/** A mount that only one process sees and that ends with it: root's own, or in a user namespace of an ordinary user. */
const [unshare, drop] =
  process.getuid?.() === 0
    ? [['unshare', '--mount'], []]
    : [
        ['unshare', '--user', '--map-current-user', '--keep-caps', '--mount'],
        ['setpriv', '--ambient-caps', '-all', '--inh-caps', '-all'],
      ];
const mounted = 'mount -t tmpfs -o "size=$2,mode=755" bakeoff "$1" && shift 2 && exec "$@"';

/** What a program of this folder prints, whose argument is a disk of this size. */
async function onDisk(size: string, program: string): Promise<unknown> {
  const disk = tempDir('disk');
  try {
    const inner = [...drop, process.execPath, join(import.meta.dir, program), disk];
    const child = Bun.spawn([...unshare, 'sh', '-c', mounted, 'sh', disk, size, ...inner], {
      stderr: 'pipe',
    });
    const [said, complaint] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, complaint]).toEqual([0, '']);
    return JSON.parse(said.trim().split('\n').at(-1) ?? '');
  } finally {
    removeTemp(disk);
  }
}

test('a full disk fails the run with the reason, wherever it bites, and the next run finds everything in order', async () => {
  const failed = { status: 'failed', code: 'disk_full', after: 'completed', left: [] };
  expect(await onDisk('24m', 'disk-full.ts')).toMatchObject({
    mirror: failed,
    workspace: failed,
    checkpoint: failed,
    // Its command failed, which it was told: that is its own affair.
    'the agent itself': { status: 'completed', after: 'completed', left: [] },
  });
}, 120_000);

test('while the disk of the database is full the record waits, and loses and doubles nothing', async () => {
  expect(await onDisk('160m', 'database-full.ts')).toEqual({
    refused: '53100',
    failures: [],
    events: 300,
    whole: true,
  });
}, 120_000);
