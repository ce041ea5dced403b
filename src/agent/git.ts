import { fileURLToPath } from 'node:url';
import { type SimpleGit, simpleGit } from 'simple-git';
import { withoutToken } from './askpass';
import { decode } from './environment';
import { runProcess } from './environments/spawn';

/** What git said when it failed: bounded, without credentials, without its `error:` and `fatal:`. */
export class GitError extends Error {
  override name = 'GitError';
  constructor(
    message: string,
    readonly exitCode: number | null,
    readonly timedOut = false,
    /** It went well, and said more than `maxOutputBytes`. */
    readonly saidTooMuch = false,
  ) {
    super(message);
  }
}

export interface GitOptions {
  stdin?: Uint8Array;
  signal?: AbortSignal;
  /** Milliseconds; default a minute. */
  timeoutMs?: number;
  /** Default 16 MiB; more than that is an error, for half an answer is none. */
  maxOutputBytes?: number;
  env?: Record<string, string>;
}

/**
 * Runs git on the host: only ever on our own bare repositories and, through fetch and ls-remote, on sources. Nothing of
 * the service's variables or of anybody's configuration reaches it, and its whole process group ends with it.
 * @param args everything that comes from outside stands behind `--` or `--end-of-options`.
 * @returns standard output, byte for byte.
 * @throws GitError; AbortError when `signal` fires.
 */
export async function git(
  cwd: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<Uint8Array> {
  return (await gitExit(cwd, args, [0], options)).stdout;
}

/**
 * `git` for commands that answer by their exit code too.
 * @param exits the codes that are answers
 * @returns with what git said on standard error, as a GitError would say it.
 * @throws as `git` does, when it ends with another code.
 */
export async function gitExit(
  cwd: string,
  args: readonly string[],
  exits: readonly number[],
  options: GitOptions = {},
): Promise<{ exitCode: number; stdout: Uint8Array; said: string }> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const result = await runProcess({
    argv: ['git', ...args],
    cwd,
    env: { ...gitEnv, ...options.env },
    stdin: options.stdin,
    signal: options.signal,
    timeoutMs,
    maxOutputBytes: options.maxOutputBytes ?? 16 * 2 ** 20,
  });
  if (result.timed_out) throw new GitError(`git took longer than ${timeoutMs / 1000} s`, null, true);
  const said = reason(withoutToken(decode(result.stderr), options.env));
  const exitCode = result.exit_code;
  if (exitCode === null || !exits.includes(exitCode))
    throw new GitError(said || `git ended with ${exitCode}`, exitCode);
  if (result.truncated) throw new GitError('git said more than can be kept', exitCode, false, true);
  return { exitCode, stdout: result.stdout, said };
}

/** `git` for answers that are text, without the last line break. */
export async function gitText(
  cwd: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  return decode(await git(cwd, args, options)).trimEnd();
}

/**
 * simple-git on one of our bare repositories, for work that stays on this disk. Whatever speaks to a source goes through
 * `git`: simple-git ends git alone on an abort, not the ssh or http helper that git has started.
 */
export function bareRepository(path: string): SimpleGit {
  return simpleGit({
    baseDir: path,
    trimmed: true,
    timeout: { block: 60_000 },
    allowEnvironment: Object.keys(gitEnv).filter((name) => name.startsWith('GIT_')),
    // These guard against variables that somebody else has set; ours are the constants below.
    unsafe: {
      allowUnsafeConfigPaths: true,
      allowUnsafeAskPass: true,
      allowUnsafeSshCommand: true,
      allowUnsafeProtocolOverride: true,
    },
  }).env({ ...gitEnv });
}

const sshOptions = [
  'BatchMode=yes',
  'ConnectTimeout=20',
  'ServerAliveInterval=15',
  'StrictHostKeyChecking=accept-new',
  'ForwardAgent=no',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
];

/** `ssh` as git calls it: never asks, never waits for ever. `more` is trusted text without spaces or quotes. */
export function sshCommand(more: readonly string[] = []): string {
  return ['ssh', ...[...sshOptions, ...more].flatMap((option) => ['-o', option])].join(' ');
}

const gitEnv: Record<string, string> = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin',
  LC_ALL: 'C',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: fileURLToPath(new URL('./git.config', import.meta.url)),
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '/bin/false',
  GIT_SSH_COMMAND: sshCommand(),
  GIT_NO_LAZY_FETCH: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_OPTIONAL_LOCKS: '0',
  // Nothing but what a call allows by name.
  GIT_ALLOW_PROTOCOL: 'none',
};

/** The lines that say why, at most three, joined: what a person can act on. */
function reason(stderr: string): string {
  const lines = redact(stderr)
    .split(/[\r\n]+/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a server's words may hold terminal codes
    .map((line) => line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').trim())
    .filter((line) => line !== '');
  const telling = lines.filter((line) =>
    /^(fatal|error|remote|ssh|Host key|.*: Permission denied)\b/.test(line),
  );
  return (telling.length > 0 ? telling : lines)
    .slice(0, 3)
    .map((line) => line.replace(/^(fatal|error): /, '').slice(0, 500))
    .join('; ');
}

/** What git says of a network, or a host, that may be well again in a moment. */
const passing =
  /timed out|could not resolve|couldn.t connect|failed to connect|connection (?:refused|reset|closed)|closed (?:the connection|cleanly)|empty reply|transfer closed|framing layer|early eof|rpc failed|unexpected disconnect|hung up|returned error: (?:429|5\d\d)|unable to access.*(?:ssl|tls)|network is unreachable/i;

/** Whether what failed may go well another time. */
export function isPassing(error: Error): boolean {
  return passing.test(error.message) || (error instanceof GitError && error.timedOut);
}

/** Takes passwords and tokens out of the URLs in a text. */
export function redact(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@'"]*@/gi, '$1***@');
}
