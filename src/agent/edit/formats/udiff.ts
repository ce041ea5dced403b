import { EditError } from '../errors';
import { type Hunk, hunkOf, type Operation, operation } from '../model';
import { headerName, unquote } from './header-name';
import { gitNames, hunkHeader } from './headers';
import { type Body, type Counts, isChange, readBody } from './hunk-body';
import { pathAbove } from './naming';
import { closesFence, fenceOpening, type Source, short } from './text';

interface Section {
  /** From `diff --git`, as two names. */
  git: [string, string] | null;
  old: string | null;
  new: string | null;
  created: boolean;
  deleted: boolean;
  from: string | null;
  to: string | null;
  copy: boolean;
  mode: string | null;
  binary: boolean;
  hunks: Hunk[];
  begun: boolean;
}

/** The first line that only a unified diff has; -1 when there is none. */
export function firstUnified(lines: readonly string[]): number {
  return lines.findIndex(
    (line, at) =>
      /^@@ ?(-|\.\.\.|@@|$)/.test(line) ||
      /^@@ .*@@/.test(line) ||
      /^diff --git \S/.test(line) ||
      (/^--- \S/.test(line) && /^\+\+\+ \S/.test(lines[at + 1] ?? '')) ||
      (/^\+\+\+ \S/.test(line) && /^@@/.test(lines[at + 1] ?? '')),
  );
}

/**
 * Reads unified diffs, git's and plain ones, wherever they stand in the text. @throws EditError when the text breaks
 * off within one, or when it holds what is no text.
 */
export function readUnified({ lines, ended }: Source): Operation[] {
  const done: Operation[] = [];
  let section = fresh();
  let fence: string | null = null;
  let last: { body: Body; counts: Counts } | null = null;
  const flush = () => {
    if (section.begun) done.push(...operationsOf(section));
    section = fresh();
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    if (fence === null) {
      const opening = fenceOpening(line);
      if (opening) {
        fence = opening.mark;
        at++;
        continue;
      }
    } else if (closesFence(line, fence)) {
      fence = null;
      flush();
      at++;
      continue;
    }
    const used = header(lines, at, section);
    if (used !== null) {
      if (used.flush) {
        flush();
        header(lines, at, section);
      }
      section.begun = true;
      at = used.next;
      continue;
    }
    const hunk = /^@@/.test(line);
    const headless =
      section.begun &&
      section.hunks.length === 0 &&
      (section.old !== null || section.new !== null) &&
      /^[-+ ]/.test(line);
    if (hunk || headless) {
      if (!section.begun) {
        section.old = pathAbove(lines, at);
        section.begun = true;
      }
      const { counts, ...hints } = hunk
        ? hunkHeader(short(line) ? line : '@@')
        : { counts: null, start: null, headings: [] };
      const body = readBody(lines, hunk ? at + 1 : at, counts, fence);
      last = { body, counts };
      section.hunks.push(hunkOf(body.lines, hints));
      at = body.next;
      continue;
    }
    if (last && isChange(line)) throw stray(line, done, section);
    at++;
  }
  flush();
  if (fence !== null && done.length > 0) throw cutOff(done, 'the code fence around it is not closed');
  if (last && !ended) refuseHalf(last.body, last.counts, done);
  return done;
}

/** A text without a last line feed, whose last hunk ends in changes and is shorter than its header says. */
function refuseHalf(body: Body, counts: Counts, done: Operation[]): void {
  if (!body.closed || counts === null) return;
  const old = body.lines.filter((line) => line.op !== '+').length;
  const added = body.lines.filter((line) => line.op !== '-').length;
  const end = body.lines.at(-1);
  if (end?.op !== ' ' && !end?.unended && (old < counts.old || added < counts.new)) {
    throw cutOff(
      done,
      'the last hunk ends in the middle of its changes, with fewer lines than its header says',
    );
  }
}

/** Part of a patch that belongs to no hunk: to pass over it would be to apply half. */
function stray(line: string, done: readonly Operation[], section: Section): EditError {
  const path = section.new ?? section.old ?? done.at(-1)?.names.at(-1) ?? null;
  return new EditError(
    'malformed',
    `${path === null ? 'The patch' : path.replace(/^[ab]\//, '')}: the line "${line.slice(0, 80)}" looks like a part of the patch and is in no hunk. Nothing was changed. Put a header "@@ … @@" before every hunk, and " " before every line of context.`,
    path,
  );
}

function cutOff(done: readonly Operation[], why: string): EditError {
  const path =
    done
      .at(-1)
      ?.names.at(-1)
      ?.replace(/^[ab]\//, '') ?? null;
  return new EditError(
    'cut_off',
    `${path ?? 'The patch'}: the patch was cut off: ${why}. Nothing was changed. Send the whole patch again, in smaller parts if it is long.`,
    path,
  );
}

function fresh(): Section {
  return {
    ...{ git: null, old: null, new: null, created: false, deleted: false, from: null, to: null },
    ...{ copy: false, mode: null, binary: false, hunks: [], begun: false },
  };
}

/** Takes in a header line. Null when the line is none; `flush` when it begins another section. */
function header(
  lines: readonly string[],
  at: number,
  section: Section,
): { next: number; flush: boolean } | null {
  const line = (lines[at] ?? '').replace(/\r$/, '');
  const next = at + 1;
  const again = { next, flush: section.begun };
  if (!short(line)) return null;
  const git = /^diff --git (.+)$/.exec(line);
  if (git) {
    if (!section.begun) section.git = gitNames(git[1] ?? '');
    return again;
  }
  if (/^diff --(cc|combined) /.test(line))
    throw new EditError(
      'malformed',
      'A combined diff of a merge cannot be applied. Send a plain unified diff.',
    );
  if (/^Index: \S/.test(line) && /^={20,}/.test(lines[next] ?? ''))
    return { next: at + 2, flush: section.begun };
  const old = /^--- (.*)$/.exec(line);
  if (old && /^\+\+\+ /.test(lines[next] ?? '')) {
    const flush = section.old !== null || section.new !== null || section.hunks.length > 0;
    if (!flush) {
      section.old = headerName(old[1] ?? '');
      section.new = headerName((lines[next] ?? '').slice(4));
    }
    return { next: at + 2, flush };
  }
  const fresh = /^\+\+\+ (.*)$/.exec(line);
  const only = fresh ?? old;
  if (only && (/^@@/.test(lines[next] ?? '') || (section.git && section.hunks.length === 0))) {
    const flush = section.hunks.length > 0 || section.new !== null;
    if (!flush) section[fresh ? 'new' : 'old'] = headerName(only[1] ?? '');
    return { next, flush };
  }
  if (section.git === null || section.hunks.length > 0) return null;
  return extended(line, section) ? { next, flush: false } : null;
}

/** git's own lines between `diff --git` and the hunks. */
function extended(line: string, section: Section): boolean {
  const match =
    /^(new file mode|deleted file mode|old mode|new mode|rename from|rename to|copy from|copy to|similarity index|dissimilarity index|index|Binary files|GIT binary patch)\b ?(.*?)\r?$/.exec(
      line,
    );
  const value = match?.[2] ?? '';
  switch (match?.[1]) {
    case undefined:
      return false;
    case 'new file mode':
      section.created = true;
      section.mode = value;
      break;
    case 'deleted file mode':
      section.deleted = true;
      section.mode = value;
      break;
    case 'new mode':
      section.mode = value;
      break;
    case 'rename from':
    case 'copy from':
      section.from = unquote(value);
      break;
    case 'copy to':
      section.copy = true;
      section.to = unquote(value);
      break;
    case 'rename to':
      section.to = unquote(value);
      break;
    case 'index':
      section.mode ??= /^\S+ (1[26]0000)$/.exec(value)?.[1] ?? null;
      break;
    case 'Binary files':
    case 'GIT binary patch':
      section.binary = true;
  }
  return true;
}

function operationsOf(section: Section): Operation[] {
  const { old, git, hunks } = section;
  const none = (name: string | null) => name === '/dev/null';
  const names = [...(old !== null || section.new !== null ? [old, section.new] : (git ?? []))].filter(
    (name): name is string => name !== null && !none(name),
  );
  if (names.length === 0 && section.to === null) {
    if (hunks.length === 0) return [];
    throw new EditError(
      'path',
      'The patch names no file. Put "--- a/path" and "+++ b/path" above its hunks.',
    );
  }
  if (section.mode === '120000' || section.mode === '160000') {
    const what = section.mode === '120000' ? 'symbolic link' : 'submodule';
    throw new EditError(
      'path',
      `${names.at(-1)}: a ${what} cannot be made or changed by a patch. Leave it out.`,
      names.at(-1),
    );
  }
  if (section.binary)
    throw new EditError(
      'malformed',
      `${names.at(-1)}: a binary patch cannot be applied. Send text only.`,
      names.at(-1),
    );
  const executable = section.mode === null ? null : section.mode === '100755';
  const rest = { hunks, executable };
  if (section.to !== null) {
    const from = section.from ?? names[0] ?? '';
    return [
      operation(section.copy ? 'copy' : 'rename', 'unified diff', [from], { ...rest, target: section.to }),
    ];
  }
  const action =
    none(section.new) || section.deleted ? 'delete' : none(old) || section.created ? 'create' : 'update';
  // A section that is only names changes nothing and may be a sentence about a diff.
  if (action === 'update' && hunks.length === 0 && executable === null) return [];
  return [operation(action, 'unified diff', names, rest)];
}
