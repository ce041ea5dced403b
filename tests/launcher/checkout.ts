import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dir, '..', '..');
/** What the launcher may take for granted: POSIX. */
const posix = 'cat cksum cut dirname env grep head ln mkdir mv pwd readlink rm sed sleep tail tr uname'.split(
  ' ',
);
const system = ['git', 'rg', 'bwrap'];

const lockfile = `{
  "lockfileVersion": 2,
  "configVersion": 1,
  "workspaces": { "": { "name": "probe", "dependencies": { "tiny": "file:./tiny" } } },
  "packages": { "tiny": ["tiny@file:tiny", {}] }
}
`;

export interface Result {
  code: number;
  out: string;
  err: string;
}

/** A checkout with the real launcher, a program that only prints its words, no dependency, and a PATH of its own. */
export interface Checkout {
  path: string;
  bin: string;
  /** Puts a program on PATH: a script, or the real one of the same name. */
  program(name: string, script?: string): void;
  without(...names: string[]): void;
  start(
    words: string[],
    options?: { env?: Record<string, string>; cwd?: string; as?: 'nobody' },
  ): Promise<Result>;
  remove(): void;
}

export function makeCheckout(): Checkout {
  const top = mkdtempSync(join(tmpdir(), 'bakeoff-launcher-'));
  chmodSync(top, 0o755);
  const path = join(top, 'checkout');
  const bin = join(top, 'bin');
  mkdirSync(join(path, 'src', 'cli'), { recursive: true });
  mkdirSync(bin);
  copyFileSync(join(root, 'bakeoff'), join(path, 'bakeoff'));
  copyFileSync(join(root, 'src/cli/help.txt'), join(path, 'src/cli/help.txt'));
  writeFileSync(join(path, 'src/cli/main.ts'), 'console.log(JSON.stringify(process.argv.slice(2)));\n');
  // One dependency, in the checkout itself: installing needs no network.
  mkdirSync(join(path, 'tiny'));
  writeFileSync(join(path, 'tiny/package.json'), '{ "name": "tiny", "version": "1.0.0" }\n');
  const names = '"name": "probe",\n  "packageManager": "bun@1.4.5"';
  writeFileSync(
    join(path, 'package.json'),
    `{\n  ${names},\n  "dependencies": { "tiny": "file:./tiny" }\n}\n`,
  );
  writeFileSync(join(path, 'bun.lock'), lockfile);
  const checkout: Checkout = {
    path,
    bin,
    program(name, script) {
      const file = join(bin, name);
      rmSync(file, { force: true });
      if (script === undefined) symlinkSync(realPath(name), file);
      else writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    },
    without(...names) {
      for (const name of names) rmSync(join(bin, name), { force: true });
    },
    async start(words, options = {}) {
      const nobody = options.as === 'nobody' && process.getuid?.() === 0;
      const argv = [join(path, 'bakeoff'), ...words];
      const child = Bun.spawn(
        nobody ? [realPath('setpriv'), '--reuid=65534', '--regid=65534', '--clear-groups', ...argv] : argv,
        {
          cwd: options.cwd ?? top,
          env: { PATH: bin, HOME: top, ...options.env },
          stdin: 'ignore',
          stdout: 'pipe',
          stderr: 'pipe',
          timeout: 25_000,
        },
      );
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      return { code, out, err };
    },
    remove() {
      for (const name of ['.', '.bun', 'node_modules']) {
        if (existsSync(join(path, name))) chmodSync(join(path, name), 0o755);
      }
      rmSync(top, { recursive: true, force: true });
    },
  };
  for (const name of posix) if (name !== 'pwd') checkout.program(name);
  for (const name of system) checkout.program(name);
  checkout.program('bun', `exec ${process.execPath} "$@"`);
  checkout.program('id', 'echo 1000');
  return checkout;
}

function realPath(name: string): string {
  const found = Bun.which(name);
  if (found === null) throw new Error(`this test needs ${name}`);
  return found;
}
