import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Checkouts } from '../../src/agent/environments/checkout';
import { openSandbox } from '../../src/agent/environments/open';
import { plainSandbox } from '../../src/agent/environments/plain';
import type { Denied } from '../../src/agent/environments/proxy';
import type { Sandbox } from '../../src/agent/environments/sandbox';
import { type MirroredProject, Mirrors } from '../../src/agent/mirror';
import type { SetupFact, SetupRequest } from '../../src/agent/setup';
import type { Patch, Workspace, WorkspaceRequest } from '../../src/agent/workspace';
import { commitAll, git, processesWith, scratch, sh, until } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(120_000);

const { dir, config, end } = scratch();
const workspaces = join(config.dataDir, 'workspaces');
const setups = join(config.dataDir, 'setups');
/** Loopback, and not among the names that go without the proxy. */
const host = '127.0.0.2';
/** Seconds to sleep that no other process names: how its process is found again. */
const mark = `9${randomInt(1e8, 1e9)}`;
let sandbox: Sandbox;
let mirrors: Mirrors;
let checkouts: Checkouts;
let web: ReturnType<typeof Bun.serve>;
let count = 0;

beforeAll(async () => {
  sandbox = await openSandbox({ ...config, forgeHosts: [host] });
  mirrors = new Mirrors({ dir: join(config.dataDir, 'mirrors'), config, sandbox });
  checkouts = new Checkouts(workspaces, sandbox);
  web = Bun.serve({ hostname: host, port: 0, fetch: () => new Response('package') });
});
afterAll(async () => {
  await web.stop(true);
  await end();
});

const locked = { 'package.json': '{}\n', 'package-lock.json': '{}\n', 'src/a.txt': 'one\n' };
/** What every set-up of these tests does first: something that can be told from any other time it was run. */
const token = 'mkdir -p deps && cp /proc/sys/kernel/random/uuid deps/token && cp deps/token ~/token';

/** Sets `path` without saying it: a file that the command names counts for set-up, and is not what is meant here. */
const unsaid = (path: string) =>
  `path=$(echo ${[...path].join('_')} | tr -d _); mkdir -p "$(dirname "$path")"`;

/** A project with these files; `write` commits more of them. */
async function project(files: Record<string, string>) {
  const id = ++count;
  const source = join(dir, `source-${id}`);
  mkdirSync(source);
  git(source, 'init', '-q');
  const mirrored: MirroredProject = { id, repo_url: null, local_path: source, default_branch: null };
  const write = async (more: Record<string, string>) => {
    for (const [name, content] of Object.entries(more)) {
      mkdirSync(join(source, name, '..'), { recursive: true });
      writeFileSync(join(source, name), content);
    }
    const baseSha = commitAll(source);
    await mirrors.sync(mirrored);
    return baseSha;
  };
  const baseSha = await write({ '.gitignore': 'deps/\n', ...files });
  return { baseSha, source, write, mirror: mirrors.pathOf(id), cacheDir: join(setups, String(id)) };
}

type Project = Awaited<ReturnType<typeof project>>;
type More = Partial<Omit<WorkspaceRequest, 'setup'>> & { setup?: Partial<SetupRequest> };

/** Opens a workspace with set-up, and keeps what was told of it. */
async function open({ baseSha, mirror, cacheDir }: Project, command: string, more: More = {}) {
  const facts: SetupFact[] = [];
  const setup = { command, cacheDir, onFact: (fact: SetupFact) => void facts.push(fact), ...more.setup };
  const workspace = await checkouts.open({ baseSha, mirror, id: `w-${++count}`, ...more, setup });
  const run = async (script: string) => (await sh(workspace.environment, script)).stdout;
  return { workspace, facts, run, snapshot: () => workspace.snapshot(), remove: () => workspace.remove() };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: Error) => error,
  );
const ran = (facts: SetupFact[]) => facts.some((fact) => fact.type === 'started' && !fact.waits);
const cached = (facts: SetupFact[]) => facts.some((fact) => fact.type === 'finished' && fact.cached);
const text = (patch: Patch) => Buffer.from(patch.bytes).toString('latin1');
const named = (patch: Patch) =>
  [...text(patch).matchAll(/^diff --git a\/(.*) b\//gm)].map((match) => match[1]);

/** The patch of a change to a plain checkout of the base. */
async function patchOf({ baseSha, mirror }: Project, script: string): Promise<Uint8Array> {
  const workspace: Workspace = await checkouts.open({ baseSha, mirror, id: `p-${++count}` });
  await sh(workspace.environment, script);
  const { bytes } = await workspace.snapshot();
  await workspace.remove();
  return bytes;
}

test('is run once for four workspaces at once, and not again for those that come later', async () => {
  const one = await project(locked);
  const four = await Promise.all([1, 2, 3, 4].map(() => open(one, `${token}; echo said; echo oops >&2`)));
  expect(four.filter(({ facts }) => ran(facts)).length).toBe(1);
  const tokens = await Promise.all(
    four.map(({ run }) => run('cat deps/token ~/token; git status --porcelain')),
  );
  expect(new Set(tokens).size).toBe(1);
  expect(tokens[0]).toMatch(/^([0-9a-f-]{36}\n)\1$/);
  const first = four.find(({ facts }) => ran(facts))!;
  const said = first.facts.map((fact) =>
    fact.type === 'output' ? `${fact.stream}:${fact.text}` : fact.type,
  );
  expect([said[0], said.at(-1), said.slice(1, -1).sort()]).toEqual([
    'started',
    'finished',
    ['stderr:oops\n', 'stdout:said\n'],
  ]);
  expect(first.facts.at(-1)).toMatchObject({ cached: false, exit_code: 0, duration_ms: expect.any(Number) });
  for (const { facts } of four.filter((other) => other !== first)) {
    expect(facts).toMatchObject([
      { type: 'started', waits: true },
      { type: 'finished', cached: true, exit_code: 0 },
    ]);
  }
  const later = await open(one, `${token}; echo said; echo oops >&2`);
  expect([later.facts.map((fact) => fact.type), await later.run('cat deps/token')]).toEqual([
    ['finished'],
    tokens[0]!.slice(0, 37),
  ]);
  await Promise.all([...four, later].map((each) => each.remove()));
  expect(readdirSync(workspaces)).toEqual([]);
  expect(readdirSync(one.cacheDir).length).toBe(1);
});

test('leaves no trace in a patch: what it changed is put back, what it made is hidden', async () => {
  const one = await project({ ...locked, 'run.sh': 'echo\n', 'gone.txt': 'here\n', 'dir/in.txt': 'in\n' });
  const command = `${token}
    echo changed >package-lock.json; echo '!deps/' >.gitignore; rm gone.txt; mkdir gone.txt; : >gone.txt/x; chmod +x run.sh; rm -r dir; echo file >dir
    git config user.name setup; git commit -qam setup
    mkdir -p generated/deep large; echo 1 >generated/deep/one; for i in $(seq 300); do echo $i >large/$i; done
    : >'with space'; : >' lead and trail '; : >-dash; : >'#hash'; : >'!bang'; : >'br[ac]ket*?'; : >'back\\slash'
    : >"$(printf 'line\\nbreak')"; : >"$(printf 'return\\r')"; : >"$(printf 'latin\\344')"; ln -s /etc link; mkfifo pipe; mkdir empty`;
  const first = await open(one, command);
  const second = await open(one, command);
  for (const { run, snapshot } of [first, second]) {
    expect((await snapshot()).stat.files).toBe(0);
    const seen = await run(
      'cat package-lock.json .gitignore gone.txt dir/in.txt generated/deep/one; ls large | wc -l; ls -A | wc -l; test -x run.sh; echo $?; git status --porcelain; git log --format=%s',
    );
    expect(seen).toBe('{}\ndeps/\nhere\nin\n1\n300\n24\n1\nchange\n');
  }
  // The agent's own counts, also beside what set-up made; of what set-up made nothing does, whatever .gitignore says.
  await first.run(
    'echo mine >generated/mine; echo mine >generated/deep/mine; echo mine >brack; : >.gitignore; echo 2 >generated/deep/one; mkdir -p app && cd app && git init -q && echo x >-dash',
  );
  expect(named(await first.snapshot()).sort()).toEqual([
    '.gitignore',
    'app/-dash',
    'brack',
    'generated/deep/mine',
    'generated/mine',
  ]);
  await Promise.all([first.remove(), second.remove()]);
});

test('a home that it fills is there for every command, with its programs', async () => {
  const one = await project(locked);
  const command = `mkdir -p ~/.local/bin ~/go/pkg; printf '#!/bin/sh\\necho tool\\n' >~/.local/bin/tool; chmod +x ~/.local/bin/tool; echo x >~/go/pkg/x; chmod -R a-w ~/go`;
  for (const _ of ['made', 'kept']) {
    const { run, remove } = await open(one, command);
    expect(await run('tool; cat ~/go/pkg/x; stat -c %a ~/go/pkg; echo more >~/mine')).toBe('tool\nx\n555\n');
    expect(await run('cat ~/mine')).toBe('more\n');
    await remove();
  }
});

test('a patch that touches nothing of it starts from what the base has, and stays what it is', async () => {
  const one = await project(locked);
  const command = `${token}; ${unsaid('generated/both')}; echo base >$path; echo base >generated/own`;
  const base = await open(one, command);
  const patch = await patchOf(one, 'echo two >src/a.txt; mkdir generated; echo patch >generated/both');
  const patched = await open(one, command, { patch });
  expect([ran(patched.facts), cached(patched.facts)]).toEqual([false, true]);
  const seen = await patched.run('cat deps/token src/a.txt generated/both generated/own');
  expect(seen).toBe(`${await base.run('cat deps/token')}two\npatch\nbase\n`);
  expect(Buffer.compare((await patched.snapshot()).bytes, patch)).toBe(0);
  await patched.run('echo more >>generated/both; echo changed >generated/own');
  expect(named(await patched.snapshot())).toEqual(['generated/both', 'src/a.txt']);
  await Promise.all([base.remove(), patched.remove()]);
});

test('a patch that touches what decides is set up by itself, and poisons nobody', async () => {
  const one = await project({ ...locked, 'tools/install.sh': 'echo good >deps/who\n' });
  const command = `${token}; sh tools/install.sh`;
  const poisons = [
    'echo "echo evil >deps/who; echo evil >~/evil" >tools/install.sh',
    'echo \'{"evil":1}\' >package-lock.json',
    'echo registry=http://evil.example >.npmrc',
    'rm package.json',
    'mkdir -p sub && echo evil >sub/requirements.txt',
  ];
  const tokens = new Set<string>();
  for (const script of poisons) {
    const patch = await patchOf(one, script);
    const patched = await open(one, command, { patch });
    expect([script, ran(patched.facts)]).toEqual([script, true]);
    if (script === poisons[0]) expect(await patched.run('cat deps/who ~/evil')).toBe('evil\nevil\n');
    tokens.add(await patched.run('cat deps/token'));
    // The same patch again, as its checks and a resumed attempt are: found, for nothing else can have made it.
    const again = await open(one, command, { patch });
    expect([ran(again.facts), tokens.has(await again.run('cat deps/token'))]).toEqual([false, true]);
    await Promise.all([patched.remove(), again.remove()]);
  }
  expect(tokens.size).toBe(poisons.length);
  const other = await patchOf(one, 'echo other >src/a.txt');
  const after = [await open(one, command), await open(one, command, { patch: other })];
  expect(after.map(({ facts }) => ran(facts))).toEqual([true, false]);
  for (const each of after) {
    expect(await each.run('cat deps/who; ls ~/evil 2>&1')).toStartWith('good\nls: ');
    expect(tokens.has(await each.run('cat deps/token'))).toBe(false);
    await each.remove();
  }
});

test('without a lock file it belongs to its commit, and every patch has its own', async () => {
  const one = await project({ 'package.json': '{}\n', 'a.txt': 'one\n' });
  const first = await open(one, token);
  const patch = await patchOf(one, 'echo two >a.txt');
  const patched = await open(one, token, { patch });
  const next = await open({ ...one, baseSha: await one.write({ 'a.txt': 'three\n' }) }, token);
  const again = await open(one, token);
  expect([first, patched, next, again].map(({ facts }) => ran(facts))).toEqual([true, true, true, false]);
  await Promise.all([first, patched, next, again].map((each) => each.remove()));
});

test('commits of the source with the same lock files share it; one that a run has made does not', async () => {
  const one = await project(locked);
  const first = await open(one, token);
  const next = await open({ ...one, baseSha: await one.write({ 'src/a.txt': 'two\n', new: 'x\n' }) }, token);
  const locks = await open({ ...one, baseSha: await one.write({ 'package-lock.json': '{"v":2}\n' }) }, token);
  // As the result of another run lies in the mirror.
  writeFileSync(join(one.source, 'src/a.txt'), 'by an agent\n');
  git(one.source, 'commit', '-qam', 'result');
  const made = git(one.source, 'rev-parse', 'HEAD');
  git(one.source, 'push', '-q', one.mirror, `${made}:refs/bakeoff/1/1`);
  chmodSync(join(one.mirror, 'objects'), 0o755);
  Bun.spawnSync(['chmod', '-R', 'a+rX', join(one.mirror, 'objects')]);
  const result = await open({ ...one, baseSha: made }, token);
  expect([first, next, locks, result].map(({ facts }) => ran(facts))).toEqual([true, false, true, true]);
  await Promise.all([first, next, locks, result].map((each) => each.remove()));
});

test('another command, other hosts and other projects have their own', async () => {
  const [one, two] = [await project(locked), await project(locked)];
  const all = [
    await open(one, token),
    await open(one, `${token} `),
    await open(one, token, { network: ['example.org'] }),
    await open(two, token),
    await open(one, token, { network: ['example.org', 'example.org'] }),
  ];
  expect(all.map(({ facts }) => ran(facts))).toEqual([true, true, true, true, false]);
  await Promise.all(all.map((each) => each.remove()));
});

test('what does not fit into a patched tree is made anew there', async () => {
  const one = await project(locked);
  const command = `${token}; ${unsaid('build')}; [ -e $path ] || mkdir $path; [ ! -d $path ] || echo x >$path/x`;
  const base = await open(one, command);
  const patch = await patchOf(one, 'echo a file >build');
  const patched = await open(one, command, { patch });
  expect([ran(patched.facts), await patched.run('cat build')]).toEqual([true, 'a file\n']);
  expect(Buffer.compare((await patched.snapshot()).bytes, patch)).toBe(0);
  await Promise.all([base.remove(), patched.remove()]);
  expect(readdirSync(workspaces)).toEqual([]);
});

test('links that a patch lays in its way lead nowhere', async () => {
  const one = await project(locked);
  const command = `${token}; for name in obj con; do (mkdir -p "$name"s; echo planted >"$name"s/planted); done 2>/dev/null; true`;
  const base = await open(one, command);
  for (const target of ['/snapshot', '/setup', '/workspace/.git', '/home/agent']) {
    const patch = await patchOf(one, `ln -s ${target} objs; ln -s ${target}/info cons`);
    const patched = await open(one, command, { patch });
    expect(await patched.run('git status --porcelain | sort; git config core.bare')).toBe(
      '?? cons\n?? objs\nfalse\n',
    );
    expect(Buffer.compare((await patched.snapshot()).bytes, patch)).toBe(0);
    await patched.remove();
  }
  expect(await base.run('cat objs/planted cons/planted')).toBe('planted\nplanted\n');
  await base.remove();
});

test('a failure is told in its last lines, to all who wait, and is not kept', async () => {
  const one = await project(locked);
  const command =
    'for i in $(seq 100); do echo line $i; done; printf "\\033[31mno such package\\033[0m\\n" >&2; exit 3';
  const failed = await Promise.all([1, 2].map(() => failure(open(one, command))));
  for (const error of failed) {
    expect(error).toMatchObject({ name: 'VariationFailure', code: 'setup_failed', transient: false });
    expect(error!.message).toStartWith("The project's set-up command failed (exit code 3):\n");
    expect(error!.message).toContain('line 100');
    expect(error!.message).toEndWith('no such package');
    expect(error!.message).not.toContain('line 50\n');
  }
  const facts: SetupFact[] = [];
  await failure(open(one, command, { setup: { onFact: (fact) => void facts.push(fact) } }));
  expect([ran(facts), facts.at(-1)]).toMatchObject([true, { type: 'finished', cached: false, exit_code: 3 }]);
  expect([readdirSync(workspaces), readdirSync(one.cacheDir)]).toEqual([[], []]);
});

test('one that takes too long is ended, and may be tried again', async () => {
  const one = await project(locked);
  const error = await failure(open(one, `echo begun; sleep ${mark}`, { setup: { timeoutMs: 500 } }));
  expect(error).toMatchObject({ code: 'setup_failed', transient: true });
  expect(error!.message).toMatch(/did not end within 1 s:\nbegun$/);
  expect(processesWith(`sleep ${mark}`)).toBe(0);
});

test('what is too large, or cannot be told from the agent’s, is refused in words', async () => {
  const one = await project(locked);
  const large = await failure(
    open(one, 'head -c 3000000 /dev/urandom >~/large', { setup: { maxBytes: 2 ** 20 } }),
  );
  expect(large).toMatchObject({
    code: 'setup_failed',
    message: expect.stringContaining('larger than 1 MiB'),
  });
  const both = 'head -c 700000 /dev/urandom >~/half; mkdir deps; cp ~/half deps';
  expect(await failure(open(one, both, { setup: { maxBytes: 2 ** 20 } }))).toMatchObject({
    code: 'setup_failed',
  });
  const many = await failure(open(one, 'for i in $(seq 2100); do : >$i; done'));
  expect(many).toMatchObject({
    code: 'setup_failed',
    message: expect.stringContaining('no .gitignore names'),
  });
  const full = await failure(open(one, 'echo "ENOSPC: no space left on device" >&2; exit 1'));
  expect(full).toMatchObject({ code: 'disk_full' });
  expect([readdirSync(workspaces), readdirSync(one.cacheDir)]).toEqual([[], []]);
});

test('goes on for those who wait when the one that began it leaves, and ends when nobody is left', async () => {
  const one = await project(locked);
  const [first, second] = [new AbortController(), new AbortController()];
  const command =
    'echo begun; n=0; while [ $n -lt 200 ] && [ ! -e /tmp/never ]; do sleep 0.01; n=$((n+1)); done; mkdir deps; echo done >deps/x';
  const facts: SetupFact[] = [];
  const onFact = (fact: SetupFact) => void facts.push(fact);
  const leaving = failure(open(one, command, { signal: first.signal, setup: { onFact } }));
  await until('it has begun', () => facts.some((fact) => fact.type === 'output'));
  const waited: SetupFact[] = [];
  const staying = open(one, command, {
    signal: second.signal,
    setup: { onFact: (fact) => void waited.push(fact) },
  });
  await until('the other waits', () => waited.length > 0);
  first.abort('a reason of its own');
  expect(await leaving).toHaveProperty('name', 'AbortError');
  const told = facts.length;
  const stayed = await staying;
  expect(await stayed.run('cat deps/x')).toBe('done\n');
  expect(facts.length).toBe(told);
  await stayed.remove();

  const only = new AbortController();
  const alone = failure(open(one, `echo begun; sleep ${mark}`, { signal: only.signal, setup: { onFact } }));
  await until('it runs', () => processesWith(`sleep ${mark}`) > 0);
  only.abort();
  expect(await alone).toHaveProperty('name', 'AbortError');
  expect([processesWith(`sleep ${mark}`), readdirSync(workspaces)]).toEqual([0, []]);
});

test('an error of whoever records it is thrown, and leaves nothing', async () => {
  const one = await project(locked);
  for (const type of ['started', 'output', 'finished'] as const) {
    const onFact = (fact: SetupFact) => {
      if (fact.type === type) throw new Error(`fenced at ${type}`);
    };
    expect(await failure(open(one, 'echo x', { setup: { onFact } }))).toHaveProperty(
      'message',
      `fenced at ${type}`,
    );
    rmSync(one.cacheDir, { recursive: true, force: true });
  }
  expect(readdirSync(workspaces)).toEqual([]);
});

test('reaches the hosts that the project allows, as the agent does, and tells of others', async () => {
  const one = await project(locked);
  const denied: Denied[] = [];
  const url = `http://${host}:${web.port}/`;
  const get = (from: string) => `/run/bakeoff/bun -e 'console.log(await (await fetch("${from}")).text())'`;
  const command = `mkdir deps; ${get(url)} >deps/got; ${get('http://other.example/')} >/dev/null`;
  const more = { network: [`${host}:${web.port}`], onDenied: (one: Denied) => void denied.push(one) };
  const { run, remove } = await open(one, command, more);
  expect(await run(`cat deps/got; ${get(url)}; ${get('http://another.example/')} >/dev/null`)).toBe(
    'package\npackage\n',
  );
  expect(denied).toEqual([
    { host: 'other.example', port: 80, reason: 'not_allowed' },
    { host: 'another.example', port: 80, reason: 'not_allowed' },
  ]);
  await remove();
});

test('has no secret, no network by itself, and an empty home to begin with', async () => {
  const one = await project(locked);
  const { run, remove } = await open(
    one,
    `mkdir deps; { env; ls -A ~; grep -c : /proc/net/dev; df --output=fstype /tmp | tail -1; } >deps/seen`,
  );
  const seen = await run('cat deps/seen');
  const names = [...seen.matchAll(/^(\w+)=/gm)].map((match) => match[1]!).sort();
  expect(
    names.filter((name) => !/^(PATH|HOME|LANG|TERM|USER|LOGNAME|SHELL|PWD|OLDPWD|SHLVL|_)$/.test(name)),
  ).toEqual([]);
  // Unpacking and building go to the disk, not to memory.
  expect(seen).toMatch(/\n1\n(?!tmpfs)\w+\n$/);
  await remove();
});

test('a repository with links and odd names is set up like any other', async () => {
  const one = await project(locked);
  symlinkSync('/etc/passwd', join(one.source, 'outside'));
  symlinkSync('loop', join(one.source, 'loop'));
  git(one.source, 'update-index', '--add', '--cacheinfo', `160000,${'2'.repeat(40)},-sub`);
  writeFileSync(join(one.source, '-n'), 'x\n');
  git(one.source, 'add', '-A', '--', '-n', 'outside', 'loop');
  git(one.source, 'commit', '-qm', 'odd');
  const baseSha = git(one.source, 'rev-parse', 'HEAD');
  await one.write({});
  const command = `${token}; mkdir -p ./-sub; echo gitdir: ../.git/modules/sub >./-sub/.git; echo x >./-sub/x; rm ./-n outside; ln -s /home/agent outside`;
  for (const _ of ['made', 'kept']) {
    const { run, snapshot, remove } = await open({ ...one, baseSha }, command);
    expect(await run('cat ./-sub/x ./-n; readlink outside; git status --porcelain')).toBe(
      'x\nx\n/etc/passwd\n',
    );
    expect((await snapshot()).stat.files).toBe(0);
    await remove();
  }
});

test('without walls it is run in each workspace, for paths differ', async () => {
  const own = new Checkouts(join(config.dataDir, 'plain workspaces'), plainSandbox());
  const one = await project(locked);
  const tokens = new Set<string>();
  for (const id of ['one', 'two']) {
    const facts: SetupFact[] = [];
    const setup = {
      command: `${token}; echo x >untracked; echo x >package.json`,
      cacheDir: one.cacheDir,
      onFact: (fact: SetupFact) => void facts.push(fact),
    };
    const workspace = await own.open({ baseSha: one.baseSha, mirror: one.mirror, id, setup });
    expect(ran(facts)).toBe(true);
    tokens.add((await sh(workspace.environment, 'cat deps/token ~/token')).stdout);
    expect(
      (await sh(workspace.environment, 'git status --porcelain; cat untracked package.json')).stdout,
    ).toBe('x\n{}\n');
    expect((await workspace.snapshot()).stat.files).toBe(0);
    await workspace.remove();
  }
  expect(tokens.size).toBe(2);
});
