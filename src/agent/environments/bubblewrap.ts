import { readFileSync } from 'node:fs';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { VariationFailure } from '../../core/failure';
import {
  defaultLimits,
  type Environment,
  type ExecOptions,
  type ExecResult,
  type Limits,
} from '../environment';
import { makeEtc } from './etc';
import type { EnvironmentRequest, Mount, Sandbox } from './sandbox';
import { isErrno, killGroup, runProcess } from './spawn';
import { homePath, pathWithHome, setVariables, systemFolders, walls, which } from './walls';
import { openWayOut, programsIn, startRelay, type WayOut, type WayOutParts } from './way-out';

/** The uid and gid of commands when the service runs as root: of nobody else on a usual system, and not Postgres's. */
export const sandboxUid = 64_613;
/** Where commands see their workspace. */
export const workspacePath = '/workspace';

/** Why bubblewrap cannot be used here; `remedy` is one line. */
export class SandboxMissing extends Error {
  override name = 'SandboxMissing';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/**
 * The default sandbox: namespaces of its own for users, processes, network, IPC and host name; system folders
 * read-only; no capability; only the workspace, and its home if it has one, keep what is written. Started by root it
 * drops to `sandboxUid` first: a child mapped to root is not bound by process limits.
 * @param folder a folder of the service for the /etc that commands see; made if missing.
 * @param named hosts of private networks that projects may allow (`BAKEOFF_FORGE_HOSTS`).
 * @throws SandboxMissing when a program it needs is not installed. Whether it works is the self-test's to say.
 */
export async function bubblewrapSandbox(folder: string, named: readonly string[] = []): Promise<Sandbox> {
  if (process.platform !== 'linux') {
    throw new SandboxMissing(
      'bubblewrap needs Linux',
      'run the service on Linux, or name unsafe mode with BAKEOFF_UNSAFE_EXEC=1',
    );
  }
  const programs = { bwrap: which('bwrap'), prlimit: which('prlimit'), setpriv: which('setpriv') };
  if (!programs.bwrap) throw new SandboxMissing('bubblewrap is not installed', 'apt-get install bubblewrap');
  if (!programs.prlimit || !programs.setpriv) {
    throw new SandboxMissing('prlimit or setpriv is not installed', 'apt-get install util-linux');
  }
  const help = Bun.spawn([programs.bwrap, '--help'], {
    env: {},
    stdout: 'pipe',
    stderr: 'ignore',
    timeout: 5000,
  });
  const known = new Set((await new Response(help.stdout).text()).match(/--[a-z0-9-]+/g));
  const isRoot = process.getuid?.() === 0;
  const etc = await makeEtc(folder);
  const makeReadable = async (path: string): Promise<void> => {
    if (isRoot) await chown(path, 0, sandboxUid);
    await chmod(path, isRoot ? 0o750 : 0o700);
  };
  const base: Base = {
    start: [
      ...(isRoot ? dropRoot(programs.setpriv) : []),
      programs.bwrap,
      ...walls(known),
      ...systemFolders(etc),
    ],
    prlimit: programs.prlimit,
    tmpfs: (path, bytes) => [...(known.has('--size') ? ['--size', String(bytes)] : []), '--tmpfs', path],
    wayOut: { makeReadable, named, programs: programsIn(folder, isRoot) },
  };
  return {
    kind: 'bubblewrap',
    detail: `bubblewrap, as ${isRoot ? `uid ${sandboxUid}` : 'the user of the service'}, without network but to hosts that the project allows`,
    open: (request) => new BubblewrapEnvironment(base, request),
    pathOf: (mount) => mount.inside,
    makeFolder: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o711 });
      await chmod(path, 0o700);
      if (isRoot) await chown(path, sandboxUid, sandboxUid);
    },
    makeReadable,
  };
}

interface Base {
  /** Everything before what depends on workspace and limits. */
  start: readonly string[];
  prlimit: string;
  tmpfs: (path: string, bytes: number) => string[];
  wayOut: WayOutParts;
}

/**
 * Process 1 of the environment. With the shell in that place (`--as-pid-1`) the kernel has killed every other process
 * before bwrap sees the end, so that a finished call leaves nothing behind, not even for a moment. When memory runs
 * out, commands go before the service does.
 */
const init = (first = '') =>
  `echo 1000 2>/dev/null >/proc/self/oom_score_adj; ${first}cd -- "$1" || exit 126; shift; unset OLDPWD; "$@"; exit $?`;

class BubblewrapEnvironment implements Environment {
  readonly kind = 'bubblewrap';
  readonly root = workspacePath;
  private readonly limits: Limits;
  private readonly ended = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  /** Opened with the first command. */
  private wayOut: Promise<WayOut> | null = null;

  constructor(
    private readonly base: Base,
    private readonly request: EnvironmentRequest,
  ) {
    this.limits = { ...defaultLimits, ...request.limits };
  }

  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    this.ended.signal.throwIfAborted();
    const run = this.run(argv, options);
    this.running.add(run);
    try {
      return asCommand(await run);
    } finally {
      this.running.delete(run);
    }
  }

  async destroy(): Promise<void> {
    this.ended.abort(new Error('the environment is destroyed'));
    await Promise.allSettled(this.running);
    await (await this.wayOut?.catch(() => null))?.close();
  }

  private async run(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const command = this.command(await this.open());
    const signals = [this.ended.signal, options.signal].filter((signal) => signal !== undefined);
    return await runProcess({
      ...options,
      // An empty first argument would be the shell's to misread.
      argv: argv[0] ? [...command, resolve(workspacePath, options.cwd ?? '.'), ...argv] : [],
      cwd: '/',
      env: {},
      timeoutMs: options.timeoutMs ?? this.limits.commandMs,
      signal: AbortSignal.any(signals),
      kill: killNamespace,
    });
  }

  private async open(): Promise<WayOut | null> {
    const { network } = this.request;
    if (!network || network.hosts.length === 0) return null;
    this.wayOut ??= openWayOut(network, this.base.wayOut).catch((error) => {
      this.wayOut = null;
      throw error;
    });
    return await this.wayOut;
  }

  private command(wayOut: WayOut | null): string[] {
    const { base, limits } = this;
    const { workspace, home, mounts = [] } = this.request;
    return [
      ...base.start,
      ...setVariables({ ...wayOut?.variables, ...(home === undefined ? {} : { PATH: pathWithHome }) }),
      ...base.tmpfs('/dev/shm', limits.tmpBytes),
      // bwrap's own /dev is a writable tmpfs without a size: memory that no limit counts.
      '--remount-ro',
      '/dev',
      ...base.tmpfs('/tmp', limits.tmpBytes),
      ...(home === undefined
        ? base.tmpfs(homePath, limits.tmpBytes)
        : bind({ host: home, inside: homePath, writable: true })),
      ...[...mounts, ...(wayOut?.mounts ?? [])].flatMap(bind),
      ...bind({ host: workspace, inside: workspacePath, writable: true }),
      '--remount-ro',
      '/',
      '--',
      base.prlimit,
      // Memory as data, not address space: JavaScript engines reserve far more addresses than they use.
      `--data=${limits.memoryBytes}`,
      // Set inside the new user namespace, where the kernel (5.14 and later) counts this environment alone.
      `--nproc=${limits.processes}`,
      `--fsize=${limits.fileBytes}`,
      `--cpu=${limits.cpuSeconds}`,
      '--core=0',
      '--',
      '/bin/sh',
      '-c',
      init(wayOut === null ? '' : startRelay),
      'sh',
    ];
  }
}

function bind(mount: Mount): string[] {
  return [mount.writable ? '--bind' : '--ro-bind', mount.host, mount.inside];
}

/**
 * Kills process 1 of the namespace rather than bwrap: bwrap then ends after the kernel has killed all the rest, so its
 * end means that the whole tree is dead.
 */
function killNamespace(pid: number): void {
  let children: string[] = [];
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? [];
  } catch (error) {
    // Ended meanwhile, or a kernel without that file: the group then.
    if (!isErrno(error, 'ENOENT') && !isErrno(error, 'ESRCH')) throw error;
  }
  if (children.length === 0) killGroup(pid);
  for (const child of children) {
    try {
      process.kill(Number(child), 'SIGKILL');
    } catch (error) {
      if (!isErrno(error, 'ESRCH')) throw error;
    }
  }
}

/** 128 and more, as the shell reports them; only those that no program is known to return by itself are read as signals. */
const signalCodes: Record<number, string> = {
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  152: 'SIGXCPU',
  153: 'SIGXFSZ',
};

/** @throws VariationFailure `sandbox_unavailable` when the walls, not the command, failed. */
function asCommand(result: ExecResult): ExecResult {
  if (result.timed_out) return { ...result, exit_code: null, signal: 'SIGKILL' };
  if (result.exit_code === 1 && result.stdout.length === 0) {
    const said = new TextDecoder().decode(result.stderr.subarray(0, 2000));
    if (/^(bwrap|setpriv): .*\n$/.test(said)) throw new VariationFailure('sandbox_unavailable', said.trim());
  }
  const signal = signalCodes[result.exit_code ?? 0];
  return signal ? { ...result, exit_code: null, signal } : result;
}

function dropRoot(setpriv: string): string[] {
  const id = String(sandboxUid);
  const drop = ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'];
  return [setpriv, '--reuid', id, '--regid', id, '--clear-groups', ...drop];
}
