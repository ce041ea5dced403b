import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { defaultLimits, type Environment, type ExecOptions, type ExecResult } from '../environment';
import type { EnvironmentRequest, Sandbox } from './sandbox';
import { killGroup, notRun, runProcess } from './spawn';

/**
 * An environment without walls, for an operator who named unsafe mode: commands run as the service's own user, see its
 * files and reach the whole network, whatever a project allows: a list that nothing keeps would only look like a wall. Time and output are limited and the environment variables are clean; nothing else is.
 */
export function plainSandbox(): Sandbox {
  return {
    kind: 'plain',
    detail:
      'unsafe mode: commands run without a sandbox, as the user of the service, with all of its network',
    open: (request) => new PlainEnvironment(request),
    pathOf: (mount) => mount.host,
    makeFolder: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o700 });
    },
    makeReadable: (path) => chmod(path, 0o700),
  };
}

class PlainEnvironment implements Environment {
  readonly kind = 'plain';
  readonly root: string;
  /** In the environment of everything started here: how strays that left their process group are found. */
  private readonly mark = randomUUID();
  private readonly ended = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private count = 0;

  constructor(private readonly request: EnvironmentRequest) {
    this.root = request.workspace;
  }

  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    this.ended.signal.throwIfAborted();
    const run = this.run(argv, options);
    this.running.add(run);
    try {
      return await run;
    } finally {
      this.running.delete(run);
    }
  }

  async destroy(): Promise<void> {
    this.ended.abort(new Error('the environment is destroyed'));
    await Promise.allSettled(this.running);
    killMarked(this.mark);
  }

  private async run(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const cwd = resolve(this.root, options.cwd ?? '.');
    const isFolder = await stat(cwd).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) return notRun(126, `${cwd}: no such folder`);
    const home = this.request.home ?? join(dirname(this.root), 'home');
    await mkdir(home, { recursive: true, mode: 0o700 });
    this.count += 1;
    const mark = `${this.mark}.${this.count}.`;
    const signals = [this.ended.signal, options.signal].filter((signal) => signal !== undefined);
    try {
      return await runProcess({
        ...options,
        argv,
        cwd,
        env: {
          PATH: plainPath(),
          HOME: home,
          LANG: 'C.UTF-8',
          TERM: 'dumb',
          USER: 'agent',
          [markName]: mark,
        },
        timeoutMs: options.timeoutMs ?? this.request.limits?.commandMs ?? defaultLimits.commandMs,
        signal: AbortSignal.any(signals),
        kill: (pid) => {
          killGroup(pid);
          killMarked(mark);
        },
      });
    } finally {
      killMarked(mark);
    }
  }
}

const markName = 'BAKEOFF_EXEC';

/** The usual places, and where this Bun lies: nothing of the service's own variables is passed on. */
function plainPath(): string {
  const usual = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin';
  return `${usual}:${dirname(process.execPath)}`;
}

/** Kills what carries the mark, also out of its group and session; twice, for what was forking. Linux only: elsewhere there is no /proc. */
function killMarked(mark: string): void {
  if (process.platform !== 'linux') return;
  const wanted = `${markName}=${mark}`;
  for (let round = 0, found = true; found && round < 20; round++) {
    found = false;
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(wanted)) continue;
        process.kill(Number(name), 'SIGKILL');
        found = true;
      } catch {
        // Gone meanwhile, or another user's: not ours to kill either way.
      }
    }
  }
}
