import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tools } from '../../../src/agent/tools';
import { type Bench, bench } from '../../support/agent-bench';

// Without walls too: there the refusals are all there is.
describe.each(['bubblewrap', 'plain'] as const)('%s', (kind) => {
  let desk: Bench;
  let outside: string;

  beforeAll(async () => {
    outside = await mkdtemp(join(tmpdir(), 'bakeoff-outside-'));
    await Bun.write(join(outside, 'secret.txt'), 'secret\n');
    desk = await bench(
      {
        'src/a.ts': 'one\ntwo\nthree\n',
        'src/deep/b.ts': 'export const needle = 1;\n',
        'crlf.txt': 'one\r\ntwo\r\nthree\r\n',
        'bom.txt': '\ufeffalpha\nbeta\n',
        'latin.txt': new Uint8Array([0x63, 0x61, 0x66, 0xe9, 0x0a, 0x78, 0x0a]),
        'binary.bin': new Uint8Array([1, 0, 2, 3]),
        'empty.txt': '',
        'no-end.txt': 'last',
        'codes.txt': 'a\u001b[31mred\u001b[0m\u0007\n',
        'wide.txt': `${'w'.repeat(30_000)}\nshort\n`,
        'long.txt': Array.from({ length: 5000 }, (_, n) => `line ${n + 1}`).join('\n'),
        'run.sh': '#!/bin/sh\necho old\n',
        '-n': 'dash\n',
        'a b;$(touch pwned)`x`.txt': 'odd\n',
        '.gitignore': 'ignored/\n',
      },
      kind,
    );
    await desk.environment.exec(['sh', '-c', 'mkdir ignored && echo needle > ignored/x.txt']);
    await chmod(join(desk.path, 'run.sh'), 0o755);
    await symlink(outside, join(desk.path, 'out'));
    await symlink(join(outside, 'secret.txt'), join(desk.path, 'leak.txt'));
    await symlink('src/a.ts', join(desk.path, 'inner.ts'));
    await symlink('.git', join(desk.path, 'alias'));
  });

  afterAll(async () => {
    await desk.remove();
    await rm(outside, { recursive: true, force: true });
  });

  async function use(name: string, args: Record<string, unknown>) {
    const tool = tools.find((one) => one.spec.name === name);
    if (!tool) throw new Error(`no tool ${name}`);
    return tool.run(args, desk.context());
  }

  describe('paths', () => {
    const bad = [
      '../x',
      'src/../../x',
      '/etc/passwd',
      '.git/config',
      'src/.GIT/hooks/x',
      '.git./config',
      'GIT~1/config',
      '.g\u200cit/config',
      'a\0b',
      'out/secret.txt',
      'leak.txt',
      'alias/config',
      'out',
    ];
    for (const path of bad) {
      test(`${JSON.stringify(path)} is neither read, written nor edited`, async () => {
        expect((await use('read_file', { path })).ok).toBe(false);
        expect((await use('write_file', { path, content: 'mine' })).ok).toBe(false);
        expect((await use('edit_file', { path, search: 'secret', replace: 'mine' })).ok).toBe(false);
        expect((await use('search', { pattern: '.', path })).ok).toBe(false);
        expect((await use('list_files', { path })).ok).toBe(false);
      });
    }

    test('nothing was written outside, or into the git folder', async () => {
      expect(await readdir(outside)).toEqual(['secret.txt']);
      expect(await Bun.file(join(outside, 'secret.txt')).text()).toBe('secret\n');
      expect(await desk.file('.git/config')).not.toContain('mine');
    });

    test('an absolute path within the workspace is understood', async () => {
      expect((await use('read_file', { path: `${desk.environment.root}/src/a.ts` })).output).toContain('two');
    });

    test('odd names are names, never options or shell', async () => {
      expect((await use('read_file', { path: '-n' })).output).toContain('dash');
      const odd = 'a b;$(touch pwned)`x`.txt';
      expect((await use('edit_file', { path: odd, search: 'odd', replace: '$(touch pwned)' })).ok).toBe(true);
      expect(await desk.file(odd)).toBe('$(touch pwned)\n');
      expect(await readdir(desk.path)).not.toContain('pwned');
    });
  });

  describe('read_file', () => {
    test('numbers lines, and gives ranges', async () => {
      expect((await use('read_file', { path: 'src/a.ts' })).output).toBe(
        '    1\tone\n    2\ttwo\n    3\tthree',
      );
      const part = await use('read_file', { path: 'long.txt', start_line: 4999, end_line: 6000 });
      expect(part.output).toBe(' 4999\tline 4999\n 5000\tline 5000\n[lines 4999–5000 of 5000]');
    });

    test('a long file comes in parts, and says how to go on', async () => {
      const first = await use('read_file', { path: 'long.txt' });
      const next = Number(/go on with start_line (\d+)/.exec(first.output)?.[1]);
      expect(first.output.length).toBeLessThan(34_000);
      expect((await use('read_file', { path: 'long.txt', start_line: next })).output).toStartWith(
        ` ${next}\tline ${next}\n`,
      );
    });

    test('long lines are cut, terminal codes taken out, CRLF mentioned', async () => {
      const wide = await use('read_file', { path: 'wide.txt' });
      expect(wide.output.length).toBeLessThan(2200);
      expect(wide.output).toContain('    2\tshort');
      expect((await use('read_file', { path: 'codes.txt' })).output).toBe('    1\tared');
      expect((await use('read_file', { path: 'crlf.txt' })).output).toBe(
        '    1\tone\n    2\ttwo\n    3\tthree\n[lines end in CRLF]',
      );
    });

    test('what cannot be read is said why', async () => {
      const told = async (path: string, more = {}) => (await use('read_file', { path, ...more })).output;
      expect(await told('gone.txt')).toContain('no such file');
      expect(await told('src')).toContain('folder');
      expect(await told('binary.bin')).toContain('binary file of 4 bytes');
      expect(await told('empty.txt')).toContain('empty');
      expect(await told('no-end.txt')).toBe('    1\tlast');
      expect(await told('src/a.ts', { start_line: 9 })).toContain('has 3 lines');
    });

    test('a file far larger than memory should hold is read in bounded time and space', async () => {
      await desk.environment.exec(['sh', '-c', 'seq 1 3000000 > big.txt']);
      const part = await use('read_file', { path: 'big.txt', start_line: 2_000_000, end_line: 2_000_001 });
      expect(part.output).toStartWith('2000000\t2000000\n2000001\t2000001\n');
      await rm(join(desk.path, 'big.txt'));
    });
  });

  describe('write_file', () => {
    test('makes folders, says what it did, writes exactly what it got', async () => {
      const content = 'ä "quoted" $HOME\r\n\ttab';
      expect((await use('write_file', { path: 'new/deep/x.txt', content })).output).toContain(
        'Created new/deep/x.txt',
      );
      expect(await desk.file('new/deep/x.txt')).toBe(content);
      expect((await use('write_file', { path: 'new/deep/x.txt', content: '' })).output).toContain('Replaced');
      expect(await desk.file('new/deep/x.txt')).toBe('');
    });

    test('keeps the mode, and writes through a link that stays inside', async () => {
      await use('write_file', { path: 'run.sh', content: '#!/bin/sh\necho new\n' });
      expect((await stat(join(desk.path, 'run.sh'))).mode & 0o777).toBe(0o755);
      await use('write_file', { path: 'inner.ts', content: 'one\ntwo\nthree\n' });
      expect(await desk.file('src/a.ts')).toBe('one\ntwo\nthree\n');
    });

    test('refuses to write over a folder or through a file', async () => {
      await mkdir(join(desk.path, 'folder'), { recursive: true });
      expect((await use('write_file', { path: 'folder', content: '' })).ok).toBe(false);
      expect((await use('write_file', { path: 'src/a.ts/x', content: '' })).ok).toBe(false);
    });
  });

  describe('edit_file', () => {
    test('answers with the changed lines, numbered', async () => {
      const result = await use('edit_file', {
        path: 'src/deep/b.ts',
        search: 'needle = 1',
        replace: 'needle = 2',
      });
      expect(result).toMatchObject({
        ok: true,
        output: expect.stringContaining('    1\texport const needle = 2;'),
      });
    });

    test('keeps CRLF, byte order mark and mode', async () => {
      expect(
        (await use('edit_file', { path: 'crlf.txt', search: 'one\ntwo', replace: '1\n1.5\n2' })).ok,
      ).toBe(true);
      expect(await desk.file('crlf.txt')).toBe('1\r\n1.5\r\n2\r\nthree\r\n');
      await use('edit_file', { path: 'bom.txt', search: 'alpha', replace: 'gamma' });
      const bytes = new Uint8Array(await Bun.file(join(desk.path, 'bom.txt')).arrayBuffer());
      expect([...bytes.slice(0, 4)]).toEqual([0xef, 0xbb, 0xbf, 0x67]);
      await use('edit_file', { path: 'run.sh', search: 'echo', replace: 'printf' });
      expect((await stat(join(desk.path, 'run.sh'))).mode & 0o777).toBe(0o755);
    });

    test('leaves bytes that are not UTF-8 as they are', async () => {
      expect((await use('edit_file', { path: 'latin.txt', search: 'x', replace: 'yy' })).ok).toBe(true);
      const bytes = new Uint8Array(await Bun.file(join(desk.path, 'latin.txt')).arrayBuffer());
      expect([...bytes]).toEqual([0x63, 0x61, 0x66, 0xe9, 0x0a, 0x79, 0x79, 0x0a]);
      expect((await use('edit_file', { path: 'latin.txt', search: 'é', replace: 'e' })).output).toContain(
        'not UTF-8',
      );
    });

    test('changes nothing when the quotation is not there, and shows what is', async () => {
      const result = await use('edit_file', { path: 'src/a.ts', search: 'two\nfour', replace: '' });
      expect(result.ok).toBe(false);
      expect(result.output).toContain('    2\ttwo\n    3\tthree');
      expect(await desk.file('src/a.ts')).toBe('one\ntwo\nthree\n');
    });
  });

  describe('apply_patch', () => {
    const body = '@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n';

    test('applies with and without git prefixes, and a missing last line end', async () => {
      expect(await use('apply_patch', { patch: `--- a/src/a.ts\n+++ b/src/a.ts\n${body}` })).toMatchObject({
        ok: true,
      });
      expect(await desk.file('src/a.ts')).toBe('one\n2\nthree\n');
      const back = '--- src/a.ts\n+++ src/a.ts\n@@ -1,3 +1,3 @@\n one\n-2\n+two\n three';
      expect(await use('apply_patch', { patch: back })).toMatchObject({ ok: true });
      expect(await desk.file('src/a.ts')).toBe('one\ntwo\nthree\n');
    });

    test('is all or nothing, and says where it does not fit', async () => {
      const patch = `--- a/src/a.ts\n+++ b/src/a.ts\n${body}--- a/src/deep/b.ts\n+++ b/src/deep/b.ts\n@@ -1 +1 @@\n-gone\n+x\n`;
      const result = await use('apply_patch', { patch });
      expect(result.ok).toBe(false);
      expect(result.output).toContain('b.ts');
      expect(await desk.file('src/a.ts')).toBe('one\ntwo\nthree\n');
    });

    test('never falls back to a folder named b', async () => {
      const patch = '--- /dev/null\n+++ b/src/a.ts\n@@ -0,0 +1 @@\n+x\n';
      expect((await use('apply_patch', { patch })).ok).toBe(false);
      expect(await readdir(desk.path)).not.toContain('b');
    });

    test('does not leave the tree, nor enter the git folder', async () => {
      for (const path of ['../x', '.git/hooks/pre-commit', '.GIT/x', 'out/x']) {
        const patch = `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;
        expect((await use('apply_patch', { patch })).ok).toBe(false);
      }
      expect(await readdir(outside)).toEqual(['secret.txt']);
      expect((await use('apply_patch', { patch: 'please change a to b' })).output).toContain(
        'holds no patch',
      );
    });
  });

  describe('list_files and search', () => {
    test('ignored files are in neither', async () => {
      expect((await use('list_files', {})).output).not.toContain('ignored/');
      const found = await use('search', { pattern: 'need.e' });
      expect(found.output).toMatch(/^src\/deep\/b\.ts:1:export const needle/);
      expect(found.output).not.toContain('ignored');
    });

    test('a tree of a folder, to a depth', async () => {
      expect((await use('list_files', { path: 'src' })).output).toBe('deep/\n  b.ts\na.ts');
      expect((await use('list_files', { path: 'src', depth: 1 })).output).toBe('deep/ (1 file)\na.ts');
      expect((await use('list_files', { path: 'gone' })).ok).toBe(false);
    });

    test('search says what is wrong, and when there is nothing or more', async () => {
      expect((await use('search', { pattern: '(' })).ok).toBe(false);
      expect((await use('search', { pattern: 'x', path: 'gone' })).output).toContain('no such file');
      expect((await use('search', { pattern: 'xyzzy' })).output).toBe('[Nothing found.]');
      expect((await use('search', { pattern: 'needle', glob: '*.md' })).output).toBe('[Nothing found.]');
      expect((await use('search', { pattern: 'NEEDLE', ignore_case: true, glob: '*.ts' })).output).toContain(
        'b.ts:1',
      );
      const many = await use('search', { pattern: 'line', max_results: 5 });
      expect(many.output.split('\n')).toHaveLength(6);
      expect(many.output).toContain('there are more');
    });

    test('without ripgrep, grep finds the same', async () => {
      const { environment } = desk;
      const tool = tools.find((one) => one.spec.name === 'search');
      const blind = {
        ...desk.context(),
        environment: {
          kind: environment.kind,
          root: environment.root,
          destroy: () => environment.destroy(),
          // The same shell, with a PATH on which only what grep's branch needs can be found.
          exec: (argv: readonly string[], options = {}) =>
            environment.exec(
              [
                'sh',
                '-c',
                'rg() { return 127; }; command() { return 1; }; . /dev/stdin',
                'sh',
                ...argv.slice(4),
              ],
              {
                ...options,
                stdin: argv[2] ?? '',
              },
            ),
        },
      };
      const found = await tool?.run({ pattern: 'needle = [0-9]', path: 'src' }, blind);
      expect(found?.output).toMatch(/^src\/deep\/b\.ts:1:export const needle/);
    });
  });

  describe('run_command', () => {
    test('tells output of both streams and the exit code', async () => {
      const result = await use('run_command', { command: 'echo out; echo err >&2; exit 3' });
      expect(result).toMatchObject({ ok: false, exit_code: 3, truncated: false });
      expect(result.output).toContain('out');
      expect(result.output).toContain('err');
      expect(result.output).toEndWith('[exit code 3]');
    });

    test('ends at its time-out, with what came until then', async () => {
      const result = await use('run_command', { command: 'echo begun; sleep 30', timeout_s: 1 });
      expect(result).toMatchObject({ ok: false, exit_code: null });
      expect(result.output).toContain('begun\n[ended after 1 s');
    });

    test('keeps head and tail of long output, without terminal codes', async () => {
      const result = await use('run_command', {
        command: "printf '\\033[31mfirst\\033[0m\\n'; seq 1 200000; printf 'a\\rb\\nlast\\n'",
      });
      expect(result.truncated).toBe(true);
      expect(result.output).toStartWith('first\n1\n2\n');
      expect(result.output).toEndWith('\nb\nlast\n[exit code 0]');
      expect(result.output.length).toBeLessThan(17_000);
      expect(result.output).toContain('cut here');
    });

    test('has an empty standard input', async () => {
      expect((await use('run_command', { command: 'cat' })).output).toBe('[no output; exit code 0]');
    });
  });
});
