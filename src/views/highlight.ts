import { escapeHtml } from '@kitajs/html';
import { visible } from './visible';
import type { Range } from './word-diff';

/** A coloured part of a line: from, to, class (`tk` keyword, `ts` string, `tn` number, `tf` function, `tt` type, `tc` comment). */
type Token = readonly [from: number, to: number, kind: string];

interface Language {
  pattern: RegExp;
  keywords: ReadonlySet<string>;
  /** What opens and closes a comment that may go over lines. */
  block: readonly [string, string] | null;
}

/**
 * Colours lines of one file in order, as safe HTML with `marks` wrapped in the element `tag`; a block comment that is
 * open at a line's end goes on in the next. Long lines stay plain, very long ones are cut.
 */
export type Painter = (line: string, marks?: readonly Range[], tag?: 'ins' | 'del') => string;

/**
 * A painter for a file of this path. It knows what most languages share (comments, strings, numbers, keywords, names
 * that are called, names in capitals) and no grammar: enough to read a diff by, and nothing that can be slow or fail.
 */
export function painterFor(path: string): Painter {
  const language = languageOf(path);
  let inBlock = false;
  return (line, marks = [], tag = 'ins') => {
    const text = line.length > 2000 ? `${line.slice(0, 2000)}… (${line.length} characters)` : line;
    if (!language || line.length > 1000) return join(text, [], marks, tag);
    const result = tokens(text, language, inBlock);
    inBlock = result.inBlock;
    return join(text, result.tokens, marks, tag);
  };
}

function tokens(
  line: string,
  language: Language,
  startsInBlock: boolean,
): { tokens: Token[]; inBlock: boolean } {
  const found: Token[] = [];
  let at = 0;
  let inBlock = startsInBlock;
  const [open, close] = language.block ?? ['', ''];
  while (at < line.length) {
    if (inBlock) {
      const end = line.indexOf(close, at);
      const to = end < 0 ? line.length : end + close.length;
      found.push([at, to, 'tc']);
      at = to;
      inBlock = end < 0;
      continue;
    }
    language.pattern.lastIndex = at;
    const match = language.pattern.exec(line);
    if (!match) break;
    const text = match[0];
    const groups = match.groups ?? {};
    if (open !== '' && text === open) {
      inBlock = true;
      at = match.index;
      // The opening itself must not be searched for its own closing: `/*/` closes nothing.
      const end = line.indexOf(close, at + open.length);
      const to = end < 0 ? line.length : end + close.length;
      found.push([at, to, 'tc']);
      at = to;
      inBlock = end < 0;
      continue;
    }
    const kind = kindOf(groups, text, line[match.index + text.length] ?? '', language);
    if (kind !== '') found.push([match.index, match.index + text.length, kind]);
    at = match.index + Math.max(1, text.length);
  }
  return { tokens: found, inBlock };
}

function kindOf(
  groups: Record<string, string | undefined>,
  text: string,
  next: string,
  language: Language,
): string {
  if (groups.comment !== undefined) return 'tc';
  if (groups.string !== undefined) return 'ts';
  if (groups.number !== undefined) return 'tn';
  if (language.keywords.has(text)) return 'tk';
  if (next === '(') return 'tf';
  return /^[A-Z][A-Za-z0-9]*[a-z]/.test(text) ? 'tt' : '';
}

function join(text: string, found: readonly Token[], marks: readonly Range[], tag: string): string {
  const edges = new Set([0, text.length]);
  for (const [from, to] of [...found, ...marks]) edges.add(from).add(Math.min(to, text.length));
  const cuts = [...edges].filter((edge) => edge <= text.length).sort((a, b) => a - b);
  let html = '';
  let marked = false;
  for (const [i, from] of cuts.entries()) {
    const to = cuts[i + 1];
    const inside = to !== undefined && marks.some(([a, b]) => a <= from && to <= b);
    if (inside !== marked) {
      html += inside ? `<${tag}>` : `</${tag}>`;
      marked = inside;
    }
    if (to === undefined) break;
    const kind = found.find(([a, b]) => a <= from && to <= b)?.[2];
    const safe = escapeHtml(visible(text.slice(from, to)));
    html += kind ? `<span class="${kind}">${safe}</span>` : safe;
  }
  return html;
}

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

const common =
  'if else for while do switch case default break continue return class new try catch finally throw import export from as in is not and or ' +
  'null true false this self super static public private protected abstract final const let var function func fn def void enum struct interface ' +
  'type extends implements package namespace using async await yield with None True False nil end then elif lambda pass raise except del global ' +
  'mut pub impl trait use mod match where ref loop go chan defer select map range module require echo local fi done esac until unless begin ' +
  'rescue ensure typeof instanceof delete undefined readonly satisfies keyof infer never unknown string number boolean int float double char bool ' +
  'long short unsigned signed byte throws assert val when object override sealed data init';
const sql =
  'select from where insert into values update set delete create table index view drop alter add column primary key foreign references unique not ' +
  'null default and or in is like between join left right inner outer full on group by order having limit offset as distinct union all exists case ' +
  'when then else end begin commit rollback with returning constraint check cascade';

const strings = ['"', "'", '`'].map((quote) => `${quote}(?:[^${quote}\\\\]|\\\\.)*${quote}?`).join('|');
const number = String.raw`\b(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\b`;
const name = String.raw`[A-Za-z_$][\w$]*`;

function language(
  comment: string,
  block: readonly [string, string] | null,
  keywords: string,
  text = strings,
): Language {
  const opening = block ? `|${block[0].replace(/[*!()<>{}-]/g, '\\$&')}` : '';
  return {
    pattern: new RegExp(
      `(?<comment>${comment})|(?<string>${text})|(?<number>${number})|(?<name>${name})${opening}`.replace(
        '(?<comment>)|',
        '',
      ),
      'g',
    ),
    keywords: words(keywords),
    block,
  };
}

const slashes = language('//.*', ['/*', '*/'], common);
const hashes = language('(?<![\\w$])#.*', null, common);
const dashes = language('--.*', ['/*', '*/'], `${sql} ${sql.toUpperCase()}`);
const marks = language('', ['<!--', '-->'], '', '"[^"]*"?');
const sheet = language('', ['/*', '*/'], 'important media import supports layer container');

const byExtension: Record<string, Language> = {};
for (const [extensions, known] of [
  [
    'js mjs cjs ts mts cts tsx jsx java c h cc cpp hpp cs go rs swift kt kts scala dart php groovy json jsonc json5 proto zig v',
    slashes,
  ],
  ['py rb sh bash zsh fish yaml yml toml ini cfg conf pl r ex exs nix mk tf gemspec', hashes],
  ['sql lua hs elm ada', dashes],
  ['html htm xml svg vue svelte', marks],
  ['css scss less', sheet],
] as const) {
  for (const extension of extensions.split(' ')) byExtension[extension] = known;
}

function languageOf(path: string): Language | null {
  const base = path.split('/').at(-1) ?? '';
  if (/^(dockerfile|makefile|gemfile|rakefile|justfile)/i.test(base)) return hashes;
  return byExtension[base.split('.').at(-1)?.toLowerCase() ?? ''] ?? null;
}
