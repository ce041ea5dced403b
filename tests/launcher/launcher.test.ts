import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Checkout, makeCheckout } from './checkout';

setDefaultTimeout(30_000);

let checkout: Checkout;
beforeEach(() => {
  checkout = makeCheckout();
});
afterEach(() => checkout.remove());

const oneLine = /^bakeoff: [^\n]+\n$/;
/** An npm that was told not to run install scripts: `bun` itself is a stub, the platform's package holds the program. */
const npmWithoutScripts = `
[ "$1" = install ] || exit 1
mkdir -p "$3/node_modules/bun/bin" "$3/node_modules/@oven/bun-any/bin"
printf '#!/bin/sh\\nexit 1\\n' >"$3/node_modules/bun/bin/bun.exe"
printf '#!/bin/sh\\nexec ${process.execPath} "$@"\\n' >"$3/node_modules/@oven/bun-any/bin/bun"
/bin/chmod +x "$3/node_modules/bun/bin/bun.exe" "$3/node_modules/@oven/bun-any/bin/bun"
echo "$*" >>"$HOME/npm.log"`;

describe('without installing anything', () => {
  test.each([[[]], [['help']], [['--help']]])('%j prints help', async (words) => {
    checkout.without('bun', 'git', 'rg', 'bwrap');
    const { code, out, err } = await checkout.start(words);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('./bakeoff demo');
    expect(existsSync(join(checkout.path, 'node_modules'))).toBe(false);
  });

  test.each(['frobnicate', 'up worker', 'land.*', 'bench'])('“%s” is refused', async (word) => {
    const { code, out, err } = await checkout.start([word, '1']);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(oneLine);
    expect(err).toContain(word === 'bench' ? 'not built yet' : 'no command');
  });

  test('every command that there is gets through, and the help names it', async () => {
    const source = (name: string) =>
      readFileSync(join(import.meta.dir, '..', '..', 'src', 'cli', name), 'utf8');
    const built = [...source('main.ts').matchAll(/^ {2}(\w+): async \(\) => \(await import/gm)];
    const names = built.map((match) => match[1] ?? '').toSorted();
    const told = new Set(
      [...source('help.txt').matchAll(/^ {2}\.\/bakeoff (\w+)/gm)].map((match) => match[1]),
    );
    expect([...told].toSorted()).toEqual(names);
    expect(names).toContain('land');
    for (const name of names) {
      const { err } = await checkout.start([name, '1']);
      expect([name, /no command|not built/.test(err)]).toEqual([name, false]);
    }
  });
});

describe('Bun', () => {
  test('of the pinned version on PATH is used, from the checkout, with the folder one is in', async () => {
    mkdirSync(join(checkout.path, '..', 'else where'));
    const cwd = join(checkout.path, '..', 'else where');
    symlinkSync('../checkout/bakeoff', join(cwd, 'link'));
    writeFileSync(join(cwd, 'bunfig.toml'), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(cwd, 'evil.ts'), 'console.log("evil")\n');
    const { code, out } = await checkout.start(['list', '--limit', '3 4'], { cwd });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([`--from=${cwd}`, 'list', '--limit', '3 4']);
  });

  test('is brought through npm, also when npm runs no install scripts, and stays', async () => {
    checkout.program('bun', 'echo 1.0.0');
    checkout.program('npm', npmWithoutScripts);
    expect((await checkout.start(['list'])).code).toBe(0);
    const again = await checkout.start(['list']);
    expect([again.code, again.err]).toEqual([0, '']);
    const log = readFileSync(join(checkout.path, '..', 'npm.log'), 'utf8')
      .trim()
      .split('\n');
    expect(log).toHaveLength(1);
    expect(log[0]).toContain('bun@1.4.5');
    expect(readdirSync(join(checkout.path, '.bun'))).toEqual(['1.4.5']);
  });

  test('is brought again when an earlier start was cut off', async () => {
    checkout.without('bun');
    checkout.program('npm', npmWithoutScripts);
    mkdirSync(join(checkout.path, '.bun/1.4.5/node_modules/bun/bin'), { recursive: true });
    writeFileSync(join(checkout.path, '.bun/1.4.5/node_modules/bun/bin/bun.exe'), 'half', { mode: 0o755 });
    mkdirSync(join(checkout.path, '.bun/new.99999999'));
    expect((await checkout.start(['list'])).code).toBe(0);
    expect(readdirSync(join(checkout.path, '.bun'))).toEqual(['1.4.5']);
  });

  test('is brought by a Bun of another version where there is no npm', async () => {
    checkout.program(
      'bun',
      `[ "$1" = add ] || { echo 1.0.0; exit; }\nset -- install x "$3"\n${npmWithoutScripts}`,
    );
    expect((await checkout.start(['list'])).code).toBe(0);
  });

  test('and npm both missing: one line that says what helps', async () => {
    checkout.without('bun');
    const { code, err } = await checkout.start(['list']);
    expect([code, err]).toEqual([2, expect.stringMatching(oneLine)]);
    expect(err).toContain('apt-get install npm');
  });

  test.each([
    ['npm error code ENOTFOUND', 'cannot be reached'],
    ['npm error code ENOSPC', 'disk is full'],
    ['npm error code EACCES', 'no permission'],
    ['npm error something else', 'something else'],
  ])('cannot be brought (%s): one line', async (error, words) => {
    checkout.without('bun');
    checkout.program('npm', `echo "${error}" >&2; exit 1`);
    const { code, err } = await checkout.start(['list']);
    expect(code).toBe(2);
    expect(err.trim().split('\n')).toHaveLength(2);
    expect(err).toContain(words);
    expect(readdirSync(join(checkout.path, '.bun'))).toEqual([]);
  });
});

describe('packages', () => {
  const stamp = () => join(checkout.path, 'node_modules/.bakeoff-installed');

  test('are installed once, and again when the lockfile changes or an install was cut off', async () => {
    expect((await checkout.start(['list'])).err).toContain('installing packages');
    expect((await checkout.start(['list'])).err).toBe('');
    writeFileSync(stamp(), '');
    expect((await checkout.start(['list'])).err).toContain('installing packages');
    writeFileSync(
      join(checkout.path, 'bun.lock'),
      `${readFileSync(join(checkout.path, 'bun.lock'), 'utf8')}\n`,
    );
    expect((await checkout.start(['list'])).err).toContain('installing packages');
    expect((await checkout.start(['list'])).err).toBe('');
  });

  test('that cannot be installed: one line, and the next start tries again', async () => {
    checkout.program(
      'bun',
      `[ "$1" = install ] || exec ${process.execPath} "$@"; echo 'error: ENOSPC' >&2; exit 1`,
    );
    const { code, err } = await checkout.start(['list']);
    expect(code).toBe(2);
    expect(err).toContain('the disk is full');
    expect(existsSync(stamp())).toBe(false);
    expect(existsSync(join(checkout.path, '.bun/lock'))).toBe(false);
  });

  test('are installed by one of two starts at once', async () => {
    checkout.program('bun', `[ "$1" != install ] || sleep 1; exec ${process.execPath} "$@"`);
    const both = await Promise.all([checkout.start(['list']), checkout.start(['list'])]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.filter(({ err }) => err.includes('installing packages'))).toHaveLength(1);
    expect(readdirSync(join(checkout.path, '.bun'))).toEqual([]);
  });

  test('are installed although a dead start left its lock', async () => {
    mkdirSync(join(checkout.path, '.bun'));
    symlinkSync('99999999', join(checkout.path, '.bun/lock'));
    expect((await checkout.start(['list'])).code).toBe(0);
    expect(readdirSync(join(checkout.path, '.bun'))).toEqual([]);
  });

  test('all there: a checkout that cannot be written works', async () => {
    expect((await checkout.start(['list'])).code).toBe(0);
    for (const name of ['.bun', 'node_modules', '.']) chmodSync(join(checkout.path, name), 0o555);
    const { code, err } = await checkout.start(['list'], { as: 'nobody' });
    expect([code, err]).toEqual([0, '']);
  });

  test('missing in a checkout that cannot be written: one line', async () => {
    chmodSync(checkout.path, 0o555);
    const { code, err } = await checkout.start(['list'], { as: 'nobody' });
    expect([code, err]).toEqual([2, expect.stringMatching(oneLine)]);
    expect(err).toContain('cannot write');
  });
});

describe('programs of the system', () => {
  beforeEach(async () => {
    await checkout.start(['list']);
  });

  test('that an ordinary user lacks: one line with the command that helps', async () => {
    checkout.without('bwrap', 'rg');
    checkout.program('apt-get', 'exit 1');
    const { code, err } = await checkout.start(['up']);
    expect([code, err]).toEqual([
      2,
      'bakeoff: missing: ripgrep bubblewrap. Remedy: sudo apt-get install ripgrep bubblewrap\n',
    ]);
  });

  test('are not asked for by commands that only talk to a service', async () => {
    checkout.without('bwrap', 'rg', 'git');
    expect((await checkout.start(['show', '1'])).code).toBe(0);
    expect((await checkout.start(['run'], { env: { BAKEOFF_URL: 'http://127.0.0.1:1' } })).code).toBe(0);
    expect((await checkout.start(['run'])).code).toBe(2);
  });

  test('bubblewrap is not asked for in unsafe mode, named in the environment or in .env', async () => {
    checkout.without('bwrap');
    expect((await checkout.start(['up'], { env: { BAKEOFF_UNSAFE_EXEC: '1' } })).code).toBe(0);
    writeFileSync(join(checkout.path, '.env'), 'BAKEOFF_UNSAFE_EXEC=1\n');
    expect((await checkout.start(['up'])).code).toBe(0);
  });

  test('are installed by root with apt-get, after an update where the lists are missing', async () => {
    checkout.without('bwrap', 'rg');
    checkout.program('id', 'echo 0');
    checkout.program(
      'apt-get',
      `echo "$*" >>"$HOME/apt.log"
case "$*" in
  *update*) : >"$HOME/lists" ;;
  *) [ -e "$HOME/lists" ] || exit 100; for p in bwrap rg; do ln -sf /bin/true "$PATH/$p"; done ;;
esac`,
    );
    const { code, err } = await checkout.start(['up']);
    expect([code, err]).toEqual([0, 'bakeoff: installing ripgrep bubblewrap with apt-get (once)\n']);
    const log = readFileSync(join(checkout.path, '..', 'apt.log'), 'utf8')
      .trim()
      .split('\n');
    expect(log).toHaveLength(4);
    expect(log[0]).toMatch(/-y .*install --no-install-recommends ripgrep bubblewrap$/);
    expect(log[2]).toMatch(/install --no-install-recommends ripgrep$/);
  });

  test('that apt-get cannot install: one more line, exit code 2', async () => {
    checkout.without('redis-server', 'chromium');
    checkout.program('id', 'echo 0');
    checkout.program('apt-get', 'exit 100');
    const { code, err } = await checkout.start(['test']);
    expect(code).toBe(2);
    expect(err.trim().split('\n')).toHaveLength(2);
    expect(err).toContain('apt-get could not install chromium redis-server');
  });

  test('the tests get none of the settings of the person who runs them', async () => {
    writeFileSync(join(checkout.path, 'src/cli/main.ts'), 'console.log(JSON.stringify(process.env));\n');
    for (const name of ['chromium', 'redis-server']) checkout.program(name, 'exit 0');
    const env = { BAKEOFF_DATA: '/nowhere', OPENAI_API_KEY: 'k', DATABASE_URL: 'postgres://x', PORT: '9' };
    const seen = JSON.parse((await checkout.start(['test'], { env })).out);
    expect(Object.keys(env).filter((name) => name in seen)).toEqual([]);
  });
});

test('the lockfile names no registry', () => {
  expect(readFileSync(join(import.meta.dir, '../../bun.lock'), 'utf8')).not.toMatch(/https?:/);
});
