import { existsSync } from 'node:fs';
import type { ExecOptions, ExecResult } from '../environment';
import { Excerpt } from './output';

export interface ProcessRequest
  extends Pick<ExecOptions, 'stdin' | 'signal' | 'onOutput' | 'maxOutputBytes'> {
  argv: readonly string[];
  cwd: string;
  /** The whole environment of the process; nothing is inherited. */
  env: Record<string, string>;
  /** Milliseconds. */
  timeoutMs: number;
  /** Ends the whole tree; default: the process group of `pid`. */
  kill?: (pid: number) => void;
}

/** How long a finished command's output is waited for when something it left behind holds the pipe open. */
const drainMs = 100;
const killAgainMs = 300;

/**
 * Runs one process, leader of its own group, to its end; output is bounded, time is limited, and the tree is killed on
 * timeout, on abort, and when the leader is gone. A program that cannot be started is exit code 127 (126 when its
 * arguments are the reason), as a shell would say it.
 * @throws AbortError (a DOMException) when `signal` fires, after the leader is dead.
 */
export async function runProcess(request: ProcessRequest): Promise<ExecResult> {
  const { signal, onOutput } = request;
  throwIfAborted(signal);
  const began = performance.now();
  const started = start(request);
  if ('refused' in started) return started.refused;
  const { process: child } = started;
  const limit = request.maxOutputBytes ?? 2 ** 20;
  const streams = {
    stdout: read(child.stdout, limit, (text) => onOutput?.('stdout', text)),
    stderr: read(child.stderr, limit, (text) => onOutput?.('stderr', text)),
  };
  const kill = killer(child, request.kill ?? killGroup);
  // When output cannot be handed on there is no use in going on; the error itself is thrown at the end.
  for (const stream of Object.values(streams)) stream.done.catch(kill.now);

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kill.now();
  }, request.timeoutMs);
  signal?.addEventListener('abort', kill.now);
  if (signal?.aborted) kill.now();
  try {
    await child.exited;
    const done = Promise.all([streams.stdout.done, streams.stderr.done]);
    await Promise.race([done, Bun.sleep(drainMs)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill.now);
    kill.finish();
    await Promise.all([streams.stdout.stop(), streams.stderr.stop()]);
  }
  throwIfAborted(signal);
  return {
    exit_code: child.signalCode === null ? child.exitCode : null,
    signal: child.signalCode === null ? null : String(child.signalCode),
    duration_ms: Math.round(performance.now() - began),
    timed_out: timedOut,
    truncated: streams.stdout.excerpt.truncated || streams.stderr.excerpt.truncated,
    stdout: streams.stdout.excerpt.bytes(),
    stderr: streams.stderr.excerpt.bytes(),
  };
}

/** The tree of a command that leads its own process group. Gone already is fine; macOS says EPERM of a dead group. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!isErrno(error, 'ESRCH') && !isErrno(error, 'EPERM')) throw error;
  }
}

/** A result for a command that never ran, in the words of a shell. */
export function notRun(exitCode: number, message: string): ExecResult {
  return {
    exit_code: exitCode,
    signal: null,
    duration_ms: 0,
    timed_out: false,
    truncated: false,
    stdout: new Uint8Array(),
    stderr: new TextEncoder().encode(`${message}\n`),
  };
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DOMException('The command was aborted', 'AbortError');
}

type Child = Bun.Subprocess<'ignore' | Uint8Array, 'pipe', 'pipe'>;

function start(request: ProcessRequest): { process: Child } | { refused: ExecResult } {
  const [program] = request.argv;
  if (!program) return { refused: notRun(127, 'no command given') };
  if (request.argv.some((argument) => argument.includes('\0'))) {
    return { refused: notRun(126, 'an argument holds a NUL byte') };
  }
  const stdin = typeof request.stdin === 'string' ? new TextEncoder().encode(request.stdin) : request.stdin;
  try {
    const process = Bun.spawn([...request.argv], {
      cwd: request.cwd,
      env: request.env,
      stdin: stdin && stdin.length > 0 ? stdin : 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      detached: true,
    });
    return { process };
  } catch (error) {
    if (isErrno(error, 'E2BIG')) {
      return { refused: notRun(126, 'the argument list is too long: pass long text on standard input') };
    }
    if (isErrno(error, 'ENOENT')) {
      const missing = existsSync(request.cwd) ? `${program}: not found` : `${request.cwd}: no such folder`;
      return { refused: notRun(127, missing) };
    }
    if (isErrno(error, 'EACCES')) return { refused: notRun(126, `${program}: permission denied`) };
    throw error;
  }
}

function read(stream: ReadableStream<Uint8Array>, limit: number, onText: (text: string) => void) {
  const excerpt = new Excerpt(limit);
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  const done = (async () => {
    for (;;) {
      const { done: ended, value } = await reader.read();
      if (ended) break;
      excerpt.add(value);
      const text = decoder.decode(value, { stream: true });
      if (text !== '') onText(text);
    }
    const rest = decoder.decode();
    if (rest !== '') onText(rest);
  })();
  return {
    excerpt,
    done,
    /** Closes our end, so that what still writes to it gets SIGPIPE. */
    async stop(): Promise<void> {
      await reader.cancel();
      await done;
    },
  };
}

/** Kills at once, and once more in case the first blow met a process that was just making a child. */
function killer(child: Child, kill: (pid: number) => void) {
  let again: ReturnType<typeof setTimeout> | undefined;
  return {
    now: () => {
      kill(child.pid);
      again ??= setTimeout(() => killGroup(child.pid), killAgainMs);
    },
    finish: () => {
      clearTimeout(again);
      // What the leader left in its group. The group's id stays taken for as long as a member lives.
      killGroup(child.pid);
    },
  };
}
