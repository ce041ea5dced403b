/** What every format is read into: operations on files, with hunks of lines. */

/** One line of a hunk. `text` is without its mark and without the line feed; a carriage return before it stays. */
export interface Line {
  op: ' ' | '-' | '+';
  text: string;
  /** Written without a mark. Blank ones are context as a rule; others may be context, or prose after the patch. */
  bare?: true;
  /** Quoted as a thing to be replaced: it must be in the file as it is, also where it is put back unchanged. */
  quoted?: true;
  /** The patch says that no line feed follows it. */
  unended?: true;
}

export interface Hunk {
  lines: Line[];
  /** The first old line as the header says, from 1; null when it says nothing usable. A hint, never believed alone. */
  start: number | null;
  /** Lines under which the hunk stands: of a git header after the second `@@`, or the anchors of a V4A patch. */
  headings: string[];
  /** The hunk ends where the file ends. */
  atEnd: boolean;
  /** The heading is a place to jump to, by the format's own rule: the first fit after it is meant. */
  jump: boolean;
}

export type Action = 'update' | 'create' | 'delete' | 'rename' | 'copy' | 'replace';

export interface Operation {
  action: Action;
  format: Format;
  /** As written, unquoted: the old name, the new name. One of them where the format knows one. */
  names: string[];
  /** Where a renamed or copied file goes, as written. */
  target: string | null;
  hunks: Hunk[];
  /** Of a new or replaced file; lines as in hunks. */
  content: { lines: string[]; ended: boolean } | null;
  /** Executable, as the patch says; null when it says nothing. */
  executable: boolean | null;
}

export type Format = 'unified diff' | 'search/replace' | 'V4A' | 'whole file';

/** How exactly the quoted lines fit, from best to worst. */
export const tiers = [
  'exact',
  'line ends',
  'trailing space',
  'punctuation',
  'indentation',
  'spaces',
  'context',
] as const;
export type Tier = (typeof tiers)[number];

export function hunkOf(lines: Line[], rest: Partial<Omit<Hunk, 'lines'>> = {}): Hunk {
  return { lines, start: null, headings: [], atEnd: false, jump: false, ...rest };
}

export function operation(
  action: Action,
  format: Format,
  names: string[],
  rest: Partial<Operation> = {},
): Operation {
  return { action, format, names, target: null, hunks: [], content: null, executable: null, ...rest };
}
