/** Lines as the model sees them: their number, a tab, the text, cut at `width` characters. `from` counts from 1. */
export function numbered(lines: readonly string[], from: number, width = 2000): string {
  return lines
    .map((line, index) => {
      const text = line.endsWith('\r') ? line.slice(0, -1) : line;
      const cut =
        text.length > width
          ? `${text.slice(0, width).toWellFormed()}… [line of ${text.length} characters]`
          : text;
      return `${String(from + index).padStart(5)}\t${cut}`;
    })
    .join('\n');
}

/** The lines `first`…`last` (from 1) with `around` more on both sides, numbered. */
export function excerpt(lines: readonly string[], first: number, last: number, around = 3): string {
  const from = Math.max(1, first - around);
  const to = Math.min(lines.length, last + around);
  return numbered(lines.slice(from - 1, to), from, 200);
}
