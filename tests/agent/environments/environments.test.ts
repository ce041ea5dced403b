import { heapStats } from 'bun:jsc';
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { randomInt } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment, Limits } from '../../../src/agent/environment';
import { openSandbox } from '../../../src/agent/environments/open';
import { plainSandbox } from '../../../src/agent/environments/plain';
import type { Sandbox } from '../../../src/agent/environments/sandbox';
import { processesWith, scratch, sh, until } from './support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config, end } = scratch();
let sandboxes: Record<'plain' | 'bubblewrap', Sandbox>;
const opened: Environment[] = [];

beforeAll(async () => {
  sandboxes = { plain: plainSandbox(), bubblewrap: await openSandbox(config) };
});
afterAll(async () => {
  await Promise.all(opened.map((environment) => environment.destroy()));
  await end();
});

/** `networked` is bubblewrap with a way to an allowed host, and a home: for commands all else is the same. */
type Kind = 'plain' | 'bubblewrap' | 'networked';

async function open(kind: Kind, limits?: Partial<Limits>): Promise<Environment> {
  const folder = join(config.dataDir, `${kind}-${opened.length}`);
  const workspace = join(folder, 'tree');
  const sandbox = sandboxes[kind === 'networked' ? 'bubblewrap' : kind];
  await sandbox.makeFolder(workspace);
  const home = join(folder, 'home');
  if (kind === 'networked') await sandbox.makeFolder(home);
  const network = { hosts: ['example.org'], folder: join(folder, 'net') };
  const environment = sandbox.open({ workspace, limits, ...(kind === 'networked' ? { home, network } : {}) });
  opened.push(environment);
  return environment;
}

/** A number of seconds to sleep that no other process names: how its process is found again. */
const mark = () => `9${randomInt(1e8, 1e9)}`;

for (const kind of ['plain', 'bubblewrap', 'networked'] as const) {
  describe(`a ${kind} environment`, () => {
    test('runs a command in the workspace with an empty input and nothing of our variables', async () => {
      const environment = await open(kind);
      const result = await sh(environment, 'cat; pwd; env; echo oops >&2; exit 3');
      expect(result).toMatchObject({
        exit_code: 3,
        signal: null,
        timed_out: false,
        truncated: false,
        stderr: 'oops\n',
      });
      expect(result.stdout).toStartWith(`${environment.root}\n`);
      const names = [...result.stdout.matchAll(/^(\w+)=/gm)].map((match) => match[1] ?? '');
      const known = 'PATH HOME LANG TERM USER LOGNAME SHELL PWD OLDPWD SHLVL _ BAKEOFF_EXEC'.split(' ');
      const proxies = kind === 'networked' ? /^(.*_proxy|NODE_USE_ENV_PROXY|(MAVEN|GRADLE)_OPTS)$/i : /^$/;
      expect(names.filter((name) => !known.includes(name) && !proxies.test(name))).toEqual([]);
    });

    test('passes input byte for byte, also when it is large or unread', async () => {
      const environment = await open(kind);
      const bytes = new Uint8Array(3_000_000).map((_, at) => at % 251);
      const back = await environment.exec(['cat'], { stdin: bytes, maxOutputBytes: 4_000_000 });
      expect(Buffer.compare(back.stdout, bytes)).toBe(0);
      expect((await environment.exec(['true'], { stdin: bytes })).exit_code).toBe(0);
    });

    test('keeps its files, works in a folder below, and says when a folder is missing', async () => {
      const environment = await open(kind);
      await sh(environment, 'mkdir -p "a b" && echo one >"a b/file"');
      expect((await sh(environment, 'cat file', { cwd: 'a b' })).stdout).toBe('one\n');
      expect((await sh(environment, 'pwd', { cwd: `${environment.root}/a b` })).stdout).toBe(
        `${environment.root}/a b\n`,
      );
      expect(await sh(environment, 'pwd', { cwd: 'missing' })).toMatchObject({ exit_code: 126, stdout: '' });
    });

    test('answers as a shell does when a command cannot be started', async () => {
      const environment = await open(kind);
      expect((await environment.exec(['no-such-program'])).exit_code).toBe(127);
      expect((await environment.exec([])).exit_code).toBe(127);
      expect((await environment.exec(['echo', 'a\0b'])).exit_code).toBe(126);
      const many = Array.from({ length: 3 }, () => 'x'.repeat(40_000));
      expect(
        (await environment.exec(['printf', '%s', ...many], { maxOutputBytes: 200_000 })).stdout.length,
      ).toBe(120_000);
      const tooLong = await environment.exec(['true', 'x'.repeat(3_000_000)]);
      expect(tooLong.exit_code).toBe(126);
      expect(new TextDecoder().decode(tooLong.stderr)).toContain('too long');
    });

    test('names the signal that ended a command', async () => {
      const environment = await open(kind);
      expect(await sh(environment, 'kill -9 $$')).toMatchObject({
        exit_code: null,
        signal: 'SIGKILL',
        timed_out: false,
      });
    });

    test('ends the whole tree when time is up', async () => {
      const environment = await open(kind);
      const id = mark();
      const result = await sh(environment, `setsid sleep ${id} & (sleep ${id} &) ; sleep ${id}`, {
        timeoutMs: 300,
      });
      expect(result).toMatchObject({ exit_code: null, signal: 'SIGKILL', timed_out: true });
      expect(result.duration_ms).toBeLessThan(2000);
      expect(processesWith(id)).toBe(0);
    });

    test('ends the whole tree within a second of an abort, and throws AbortError', async () => {
      const environment = await open(kind);
      const id = mark();
      const stop = new AbortController();
      const running = sh(
        environment,
        `trap "" TERM INT HUP; setsid sleep ${id} & sleep ${id} & sleep ${id}`,
        {
          signal: stop.signal,
        },
      );
      await until('it runs', () => processesWith(`sleep ${id}`) >= 3);
      const began = performance.now();
      stop.abort();
      expect(await running.catch((error: Error) => error)).toHaveProperty('name', 'AbortError');
      expect(performance.now() - began).toBeLessThan(1000);
      expect(processesWith(id)).toBe(0);
      await expect(environment.exec(['true'], { signal: stop.signal })).rejects.toHaveProperty(
        'name',
        'AbortError',
      );
    });

    test('does not wait for what a command leaves behind with its output open', async () => {
      const environment = await open(kind);
      const id = mark();
      const result = await sh(environment, `setsid sleep ${id} & sleep ${id} & echo started`);
      expect(result).toMatchObject({ exit_code: 0, stdout: 'started\n' });
      expect(result.duration_ms).toBeLessThan(2000);
      expect(processesWith(id)).toBe(0);
    });

    test('keeps head and tail of 100 MB of output in bounded memory, and says what it cut', async () => {
      const environment = await open(kind);
      let seen = 0;
      let looked = 0;
      const before = held();
      let most = before;
      const result = await sh(
        environment,
        'echo first; head -c 100000000 /dev/zero | tr "\\0" x; echo; echo last',
        {
          maxOutputBytes: 10_000,
          onOutput: (_, text) => {
            seen += text.length;
            if (seen - looked < 10e6) return;
            looked = seen;
            most = Math.max(most, held());
          },
        },
      );
      expect(result).toMatchObject({ exit_code: 0, truncated: true });
      expect(result.stdout).toStartWith('first\n');
      expect(result.stdout).toEndWith('x\nlast\n');
      expect(result.stdout).toMatch(/\n\[… \d+ bytes cut …\]\n/);
      expect(result.stdout.length).toBeLessThan(10_100);
      expect(seen).toBe(100_000_012);
      expect(most - before).toBeLessThan(20e6);
    }, 30_000);

    test('hands output on as it comes, characters whole', async () => {
      const environment = await open(kind);
      const pieces: string[] = [];
      let first: number | null = null;
      const began = performance.now();
      await sh(environment, "printf 'a\\303'; sleep 0.2; printf '\\244b'; printf '\\377' >&2; sleep 0.3", {
        onOutput: (stream, text) => {
          first ??= performance.now() - began;
          pieces.push(`${stream}:${text}`);
        },
      });
      expect(first as number | null).toBeLessThan(450);
      expect(
        pieces
          .filter((piece) => piece.startsWith('stdout'))
          .join('')
          .replaceAll('stdout:', ''),
      ).toBe('aäb');
      expect(pieces).toContain('stderr:\uFFFD');
    });

    test('an error of whoever takes the output ends the command, and is thrown', async () => {
      const environment = await open(kind);
      const id = mark();
      const onOutput = () => {
        throw new Error('cannot take it');
      };
      await expect(sh(environment, `echo x; sleep ${id}`, { onOutput })).rejects.toThrow('cannot take it');
      expect(processesWith(id)).toBe(0);
    });

    test('runs many commands at once', async () => {
      const environment = await open(kind);
      const results = await Promise.all(Array.from({ length: 12 }, (_, at) => sh(environment, `echo ${at}`)));
      expect(results.map((result) => result.stdout.trim())).toEqual(results.map((_, at) => String(at)));
    });

    test('destroy ends what runs, and nothing runs afterwards', async () => {
      const environment = await open(kind);
      const id = mark();
      const running = sh(environment, `setsid sleep ${id} & sleep ${id}`).catch((error: Error) => error.name);
      await until('it runs', () => processesWith(`sleep ${id}`) >= 2);
      await environment.destroy();
      expect(await running).toBe('AbortError');
      expect(processesWith(id)).toBe(0);
      await expect(environment.exec(['true'])).rejects.toThrow('destroyed');
      await environment.destroy();
    });
  });
}

/** Bytes that are really kept: what the collector has merely not taken yet says nothing. */
function held(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

describe('the walls of bubblewrap', () => {
  test('only the workspace, and what belongs to this one command, can be written', async () => {
    const environment = await open('bubblewrap');
    const places = '/ /usr /etc /bin /dev /proc /sys /home /var /root /workspace /tmp /home/agent /dev/shm';
    const result = await sh(
      environment,
      `for p in ${places}; do (: >$p/x) 2>/dev/null && echo $p; done; true`,
    );
    expect(result.stdout.trim().split('\n')).toEqual(['/workspace', '/tmp', '/home/agent', '/dev/shm']);
    expect((await sh(environment, 'ls -A /tmp /home/agent')).stdout).not.toContain('x');
  });

  test('hides the data directory, /etc and the processes of the machine', async () => {
    const environment = await open('bubblewrap');
    writeFileSync(join(config.dataDir, 'secret'), 'top secret', { mode: 0o644 });
    const script = `cat ${config.dataDir}/secret /etc/shadow; ls /root /home /var /etc/ssl; ls -d /proc/[0-9]* | wc -l; cat /proc/*/environ`;
    const { stdout, stderr } = await sh(environment, script);
    expect(stdout + stderr).not.toContain('top secret');
    expect(stdout).not.toMatch(/BAKEOFF|private/);
    expect(Number(stdout.match(/^(\d+)$/m)?.[1])).toBeLessThan(8);
  });

  test('has no capability, no way to new namespaces, no network, and an ordinary user', async () => {
    const environment = await open('bubblewrap');
    const { stdout } = await sh(
      environment,
      'grep -E "^(Cap|NoNewPrivs)" /proc/self/status; id -u; cat /proc/net/dev | grep -c :; unshare -Ur true 2>&1 || echo refused',
    );
    expect([...stdout.matchAll(/^Cap\w+:\s+0{16}$/gm)].length).toBe(5);
    expect(stdout).toMatch(/NoNewPrivs:\s+1/);
    expect(stdout).toContain('\n1000\n1\n');
    expect(stdout).toContain('refused');
  });

  test('says nothing of our variables or other mounts on its command line', async () => {
    const environment = await open('bubblewrap');
    const id = mark();
    const running = environment.exec(['sleep', id], { timeoutMs: 5000, stdin: 'a-secret-on-stdin' });
    await until('it runs', () => processesWith(`sleep ${id}`) > 0);
    const lines = Bun.spawnSync(['ps', '-eo', 'args']).stdout.toString().split('\n');
    const ours = lines.filter((line) => line.includes(id)).join('\n');
    expect(ours).not.toContain('a-secret-on-stdin');
    for (const value of Object.entries(process.env).filter(([name]) => /KEY|TOKEN|SECRET/.test(name))) {
      if (value[1]) expect(ours).not.toContain(value[1]);
    }
    await environment.destroy();
    await running.catch(() => {});
  });

  test('a fork bomb stays inside, and the environment works afterwards', async () => {
    const environment = await open('bubblewrap', { processes: 40, cpuSeconds: 5 });
    const id = mark();
    let most = 0;
    const bomb = sh(environment, `b() { b | b & }; b; sleep ${id}`, { timeoutMs: 700 });
    const other = await open('bubblewrap', { processes: 40 });
    expect((await sh(other, 'echo fine')).stdout).toBe('fine\n');
    most = Math.max(most, processesWith(id));
    const result = await bomb;
    expect(result.timed_out || result.exit_code !== 0).toBe(true);
    expect(most).toBeLessThanOrEqual(60);
    expect(processesWith(id)).toBe(0);
    expect((await sh(environment, 'echo fine')).stdout).toBe('fine\n');
  });

  test('the process limit counts this environment only', async () => {
    const environment = await open('bubblewrap', { processes: 20 });
    const start = (count: number) =>
      sh(environment, `i=0; while [ $i -lt ${count} ]; do sleep 1 & i=$((i+1)); done; echo all`, {
        timeoutMs: 5000,
      });
    const [few, more, many] = await Promise.all([start(14), start(14), start(40)]);
    expect([few.stdout, more.stdout]).toEqual(['all\n', 'all\n']);
    expect(many.stdout).toBe('');
    expect(many.stderr).toContain('fork');
  });

  test('a memory hog dies, while node and bun run', async () => {
    const environment = await open('bubblewrap', { memoryBytes: 400e6 });
    const hog = 'x = []\nfor i in range(1000): x.append(b"x" * 4000000)\nprint("survived")';
    const python = await environment.exec(['python3', '-c', hog]);
    const awk = await sh(
      environment,
      `awk 'BEGIN { s = "x"; for (i = 0; i < 34; i++) s = s s; print "survived" }'`,
    );
    for (const result of [{ ...python, stdout: String(python.stdout) }, awk]) {
      expect(result.exit_code).not.toBe(0);
      expect(result.stdout).not.toContain('survived');
    }
    const usual = await open('bubblewrap');
    for (const program of ['node', 'bun']) {
      // Only where the machine has it for everybody: a Bun below somebody's home is not shown inside.
      if (!existsSync(`/usr/bin/${program}`)) continue;
      const result = await usual.exec([program, '-e', 'console.log(6 * 7)']);
      expect([new TextDecoder().decode(result.stdout), new TextDecoder().decode(result.stderr)]).toEqual([
        '42\n',
        '',
      ]);
    }
  }, 20_000);

  test('files, temporary space and processor time are limited', async () => {
    const environment = await open('bubblewrap', { fileBytes: 1e6, tmpBytes: 2e6, cpuSeconds: 1 });
    await sh(environment, 'head -c 5000000 /dev/zero >big');
    expect(Number((await sh(environment, 'wc -c <big')).stdout)).toBeLessThanOrEqual(1e6);
    const full = await sh(
      environment,
      'for i in 1 2 3 4 5; do head -c 900000 /dev/zero >/tmp/$i || exit 9; done',
    );
    expect(full.exit_code).toBe(9);
    const busy = await sh(environment, 'while :; do :; done', { timeoutMs: 10_000 });
    expect(busy.timed_out).toBe(false);
    expect(busy.exit_code).not.toBe(0);
  }, 20_000);

  test('a workspace is closed to other users of the machine', async () => {
    await open('bubblewrap');
    const workspace = join(config.dataDir, `bubblewrap-${opened.length - 1}`, 'tree');
    expect(statSync(workspace).mode & 0o077).toBe(0);
    if (process.getuid?.() === 0) expect(statSync(workspace).uid).not.toBe(0);
  });

  test('a sandbox that cannot start is told from a command that fails', async () => {
    const gone = sandboxes.bubblewrap.open({ workspace: join(dir, 'never-made') });
    await expect(gone.exec(['true'])).rejects.toHaveProperty('code', 'sandbox_unavailable');
    const environment = await open('bubblewrap');
    expect((await sh(environment, 'echo failed >&2; exit 1')).exit_code).toBe(1);
  });
});
