/** A patch's text as lines. A last line feed ends a line and begins none. */
export interface Source {
  lines: string[];
  /** The text ends with a line feed. */
  ended: boolean;
}

export function source(text: string): Source {
  const lines = text.split('\n');
  const ended = lines.at(-1) === '';
  if (ended) lines.pop();
  return { lines, ended };
}

/** A directive's line: without what may stand at its end. */
export function bareLine(line: string): string {
  // Not by a pattern: that would be quadratic in a long run of spaces.
  let end = line.length;
  while (end > 0 && ' \t\r'.includes(line[end - 1] ?? 'x')) end--;
  return end === line.length ? line : line.slice(0, end);
}

/** Longer lines are no directive of any format; patterns are not tried on them. */
export function short(line: string): boolean {
  return line.length <= 5000;
}

export interface Fence {
  /** With the spaces before it: what closes it is not indented more. */
  mark: string;
  info: string;
}

/** A line that opens a fence: three or more backticks or tildes, and perhaps a word. */
export function fenceOpening(line: string): Fence | null {
  const match = short(line) ? /^( {0,3}(?:`{3,}|~{3,}))[ \t]*([^`\r\n]*)$/.exec(bareLine(line)) : null;
  return match ? { mark: match[1] ?? '', info: (match[2] ?? '').trim() } : null;
}

export function closesFence(line: string, mark: string): boolean {
  const match = line.length < 100 ? /^( {0,3})(`{3,}|~{3,})[ \t\r]*$/.exec(line) : null;
  const [, indent = '', found = ''] = match ?? [];
  const opened = mark.trimStart();
  return (
    match !== null &&
    found[0] === opened[0] &&
    found.length >= opened.length &&
    indent.length <= mark.length - opened.length
  );
}
