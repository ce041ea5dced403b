import { isGitFolder } from '../edit/paths';
import { decode, type ExecResult } from '../environment';
import { asShown, oneLine } from './text';
import { Refused, type ToolContext } from './tool';

/**
 * The path as shell scripts get it: relative to the workspace, starting with `./` so that it is never an option.
 * @throws Refused for what lies outside, and for git's own folder in any spelling.
 */
export function workspacePath(path: string, root: string): string {
  if (path.includes('\0') || path.length > 4096) throw new Refused('the path is not valid');
  let rest = path;
  if (path.startsWith('/')) {
    if (path !== root && !path.startsWith(`${root}/`)) {
      throw new Refused(`"${oneLine(path)}" is outside the workspace; give a path relative to its root`);
    }
    rest = path.slice(root.length);
  }
  const parts = rest.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new Refused(`"${oneLine(path)}": ".." is not allowed; give a path relative to the root`);
  if (parts.some(isGitFolder)) throw new Refused(`"${oneLine(path)}": git's own folder is out of bounds`);
  return `./${parts.join('/')}`;
}

export interface FileSlice {
  /** Of the whole file. */
  bytes: number;
  lines: number;
  /** The wanted lines, each cut at 8 kB, all together at `maxBytes`. */
  content: Uint8Array;
}

/** Lines `from`…`to` (from 1) of a file, whatever its size, in bounded memory. */
export async function readLines(
  context: ToolContext,
  path: string,
  from: number,
  to: number,
  maxBytes: number,
): Promise<FileSlice> {
  const script = `${locate}${mustBeFile}
printf '%s %s\\n' "$(wc -c < "$f" | tr -d ' ')" "$(sed -n '$=' < "$f")"
sed -n "$2,$3p;$3q" < "$f" | cut -b1-8192 | head -c "$4"`;
  const result = await shell(context, script, [path, String(from), String(to), String(maxBytes)], {
    keep: maxBytes + 100,
  });
  refuseUnless(result, path);
  const end = result.stdout.indexOf(10);
  const [bytes, lines] = decode(result.stdout.subarray(0, end)).split(' ');
  return { bytes: Number(bytes), lines: Number(lines || 0), content: result.stdout.subarray(end + 1) };
}

/**
 * A whole file.
 * @throws Refused when it is larger than `maxBytes`, or not a file.
 */
export async function readWhole(
  context: Pick<ToolContext, 'environment' | 'signal'>,
  path: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const script = `${locate}${mustBeFile}
head -c "$2" < "$f"`;
  const result = await shell(context, script, [path, String(maxBytes + 1)], { keep: maxBytes + 1 });
  refuseUnless(result, path);
  if (result.stdout.length > maxBytes) {
    throw new Refused(`${path.slice(2)} is larger than ${maxBytes} bytes; use run_command for it`);
  }
  return result.stdout;
}

/** Makes or overwrites a file, in place: mode and links stay. Missing folders are made. Says which it was. */
export async function writeWhole(
  context: ToolContext,
  path: string,
  content: Uint8Array | string,
): Promise<'created' | 'replaced'> {
  const script = `${locate}
[ -d "$f" ] && exit 41
[ -e "$f" ] && [ ! -f "$f" ] && exit 44
was=created; [ -e "$f" ] && was=replaced
mkdir -p -- "\${f%/*}" || exit 45
cat > "$f" || exit 45
echo $was`;
  const result = await shell(context, script, [path], { stdin: content, keep: 4096 });
  refuseUnless(result, path);
  return decode(result.stdout).trim() === 'created' ? 'created' : 'replaced';
}

/** Runs a script of ours; what a model wrote comes in as its arguments or standard input, never as its text. */
export function shell(
  context: Pick<ToolContext, 'environment' | 'signal'>,
  script: string,
  args: readonly string[],
  options: { stdin?: Uint8Array | string; keep: number },
): Promise<ExecResult> {
  return context.environment.exec(['sh', '-c', script, 'sh', ...args], {
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    timeoutMs: 60_000,
    signal: context.signal,
    // The environment keeps head and tail: half of this each, perhaps.
    maxOutputBytes: options.keep * 2 + 1024,
  });
}

/**
 * Follows every link, and leaves with 42 or 43 where it leads into git's folder or out of the workspace. The
 * environment's walls hold whatever happens here; this gives the model a reason instead of a surprise.
 */
export const locate = `f=$1; root=$(pwd -P)
if [ -e "$f" ] || [ -L "$f" ]; then real=$(readlink -f -- "$f") || exit 43
else
  d=$f
  while [ ! -d "$d" ]; do case $d in */*) d=\${d%/*} ;; *) d=. ;; esac; done
  real=$(cd -P -- "$d" && pwd -P) || exit 43
fi
case "$real/" in "$root/.git/"*) exit 42 ;; "$root/"*) ;; *) exit 43 ;; esac
`;

const mustBeFile = `[ -e "$f" ] || exit 40
[ -d "$f" ] && exit 41
[ -f "$f" ] || exit 44
[ -r "$f" ] || exit 46
`;

const reasons: Record<number, string> = {
  40: 'there is no such file',
  41: 'that is a folder',
  42: "git's own folder is out of bounds",
  43: 'that link leads out of the workspace',
  44: 'that is not a regular file',
  47: 'there is no such folder',
  46: 'it may not be read',
};

/** @throws Refused with the reason that one of the scripts here gave by its exit code, or with what was said. */
export function refuseUnless(result: ExecResult, path: string): void {
  if (result.exit_code === 0) return;
  const said = oneLine(asShown(decode(result.stderr)), 300);
  const reason = result.timed_out
    ? 'it took too long'
    : (reasons[result.exit_code ?? -1] ?? (said || `it ended with exit code ${result.exit_code}`));
  throw new Refused(`${path.slice(2)}: ${reason}`);
}
