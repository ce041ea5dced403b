import { posix } from 'node:path';

/** A shell's argument has no more than this on Linux. */
const maxCommand = 128 * 1024;
const maxPath = 4096;
/** Scripts that call scripts that call scripts. */
const maxDepth = 8;

/** A file that a check's command names. */
export interface NamedFile {
  path: string;
  /** It is what the command runs, or what it is configured by. */
  as: 'program' | 'configuration';
  command: string;
}

/**
 * The files that commands name, from the root of the repository: the programs they run (`sh run.sh`, `./scripts/check`,
 * `python -m tools.x`) and what these are configured by (`--config x`), through the scripts of package.json. Not the other
 * arguments, for these are what is judged. A path may be of nothing that exists.
 * @param manifest package.json's text, as the base has it
 */
export function namedFiles(commands: readonly string[], manifest: string | null): NamedFile[] {
  const scripts = scriptsOf(manifest);
  const found = new Map<string, NamedFile>();
  for (const command of commands) {
    const seen = new Set<string>();
    const read = (line: string, depth: number): void => {
      let folder = '.';
      for (const words of simpleCommands(line.slice(0, maxCommand))) {
        const [program = '', ...args] = unwrapped(words);
        if (program === 'cd') folder = posix.join(folder, args[0] ?? '.');
        if (folder.length > maxPath) break;
        for (const file of filesOf(program, args)) {
          const path = posix.join(folder, file.path);
          if (/^\.\.(?:\/|$)|^\//.test(path) || posix.isAbsolute(file.path)) continue;
          if (!found.has(path)) found.set(path, { path, as: file.as, command });
        }
        if (depth === maxDepth) continue;
        if (isShell(program)) for (const inner of scriptOfShell(args)) read(inner, depth + 1);
        for (const name of scriptNames(program, args)) {
          const text = scripts.get(name);
          if (text === undefined || seen.has(name)) continue;
          seen.add(name);
          read(text, depth + 1);
        }
      }
    };
    read(command, 0);
  }
  return [...found.values()];
}

function scriptsOf(manifest: string | null): Map<string, string> {
  try {
    const { scripts } = JSON.parse(manifest ?? '{}') as { scripts?: unknown };
    if (typeof scripts !== 'object' || scripts === null) return new Map();
    return new Map(
      Object.entries(scripts).filter((one): one is [string, string] => typeof one[1] === 'string'),
    );
  } catch {
    return new Map(); // A base whose manifest cannot be read has no scripts to run.
  }
}

/** The words of each simple command of a shell's line; substitutions are left as they stand. */
function simpleCommands(line: string): string[][] {
  const found: string[][] = [];
  let words: string[] = [];
  let word: string | null = null;
  let quote = '';
  const endWord = () => {
    if (word !== null) words.push(word);
    word = null;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) found.push(words);
    words = [];
  };
  for (let i = 0; i < line.length; i++) {
    const sign = line[i] ?? '';
    if (sign === quote) quote = '';
    else if (sign === '\\' && quote !== "'") word = (word ?? '') + (line[++i] ?? '');
    else if (quote !== '') word = (word ?? '') + sign;
    else if (sign === '"' || sign === "'") {
      quote = sign;
      word ??= '';
    } else if (';&|()\n'.includes(sign)) endCommand();
    else if (/\s/.test(sign)) endWord();
    else word = (word ?? '') + sign;
  }
  endCommand();
  return found;
}

/** Programs that run the program after them, with what may stand before it. */
const wrappers =
  /^(?:env|time|exec|command|nice|nohup|sudo|timeout|xvfb-run|cross-env|dotenv|npx|bunx|if|then|else|do|while|until|!|\{)$/;
const runWrappers = /^(?:uv|poetry|pipenv|pdm|rye|hatch|bundle|corepack)$/;

function unwrapped(words: readonly string[]): string[] {
  let at = 0;
  for (let wrapped = false; at < words.length; at++) {
    const word = words[at] ?? '';
    if (/^\w+=/.test(word)) continue;
    if (wrappers.test(word)) wrapped = true;
    else if (runWrappers.test(word) && /^(?:run|exec)$/.test(words[at + 1] ?? '')) at += 1;
    else if (!wrapped || !/^-|^\d+[smh]?$/.test(word)) break;
  }
  return words.slice(at);
}

function isShell(program: string): boolean {
  return /^(?:.*\/)?(?:ba|da|a|z|k)?sh$/.test(program);
}

const interpreters =
  /^(?:.*\/)?(?:(?:ba|da|a|z|k)?sh|source|\.|python[\d.]*|pypy3?|node|bun|deno|ruby|perl|php|lua|Rscript|tsx|ts-node|pwsh)$/;
const configured =
  /^--?(?:c|f|p|r|config|config-file|configfile|configuration|rcfile|rc|project|require|import|loader|preload|file|makefile|setup|settings)$/;

/** Of these such letters mean something else. */
const tools = /^(?:rm|cp|mv|ls|mkdir|grep|rg|find|tail|cat|test|\[|ln|touch|git|curl|tar|diff|sort|read)$/;

type Named = Pick<NamedFile, 'path' | 'as'>;

function filesOf(program: string, args: readonly string[]): Named[] {
  const found: Named[] = [];
  const add = (path: string | undefined, as: Named['as']) => {
    if (path) found.push({ path, as });
  };
  const interprets = interpreters.test(program);
  if (program.includes('/')) add(program, 'program');
  if (tools.test(program)) return found;
  for (let i = 0; i < args.length; i++) {
    const [option = '', ...value] = (args[i] ?? '').split('=');
    if (interprets && option === '-c') break;
    if (interprets && option === '-m') {
      const module = (args[i + 1] ?? '').replaceAll('.', '/');
      if (module !== '')
        for (const end of ['.py', '/__init__.py', '/__main__.py']) add(module + end, 'program');
      break;
    }
    if (configured.test(option)) add(value.length > 0 ? value.join('=') : args[++i], 'configuration');
    else if (interprets && !option.startsWith('-')) {
      if (/^(?:bun|deno)$/.test(program) && args[i] === 'run') continue;
      add(args[i], 'program');
      break;
    }
  }
  return found;
}

/** What `sh -c` is given. */
function scriptOfShell(args: readonly string[]): string[] {
  const at = args.findIndex((word) => /^-\w*c$/.test(word));
  const script = at === -1 ? undefined : args[at + 1];
  return script === undefined ? [] : [script];
}

/** The scripts of package.json that a command runs, with those before and after them. */
function scriptNames(program: string, args: readonly string[]): string[] {
  if (!/^(?:npm|pnpm|yarn|bun)$/.test(program)) return [];
  const [first, second] = args.filter((word) => !word.startsWith('-'));
  const runs = first === 'run' || first === 'run-script';
  // `bun test` is a runner of its own.
  const name = runs
    ? second
    : first === 't' || first === 'tst'
      ? 'test'
      : program === 'bun'
        ? undefined
        : first;
  return name === undefined ? [] : [`pre${name}`, name, `post${name}`];
}
