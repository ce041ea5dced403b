/** A true unified diff of two texts, made without any of the code under test. */
export interface TrueHunk {
  /** The first old line, from 1; for a hunk without old lines the line before it. */
  start: number;
  newStart: number;
  /** With their marks; `\ No newline at end of file` as its own line. */
  lines: string[];
}

function linesOf(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  else lines[lines.length - 1] += '\n\\ No newline at end of file';
  return lines;
}

type Step = [op: ' ' | '-' | '+', text: string];

function steps(one: string[], two: string[]): Step[] {
  let head = 0;
  while (head < one.length && one[head] === two[head]) head++;
  let tail = 0;
  while (tail < Math.min(one.length, two.length) - head && one.at(-1 - tail) === two.at(-1 - tail)) tail++;
  const a = one.slice(head, one.length - tail);
  const b = two.slice(head, two.length - tail);
  const width = b.length + 1;
  const best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      best[i * width + j] =
        a[i] === b[j]
          ? best[(i + 1) * width + j + 1]! + 1
          : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
  const done: Step[] = one.slice(0, head).map((text): Step => [' ', text]);
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      done.push([' ', a[i]!]);
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || best[(i + 1) * width + j]! >= best[i * width + j + 1]!)) {
      done.push(['-', a[i++]!]);
    } else done.push(['+', b[j++]!]);
  }
  for (const text of one.slice(one.length - tail)) done.push([' ', text]);
  return done;
}

export function trueHunks(before: string, after: string, context = 3): TrueHunk[] {
  const all = steps(linesOf(before), linesOf(after));
  const hunks: TrueHunk[] = [];
  let at = 0;
  while (at < all.length) {
    const first = all.findIndex(([op], index) => index >= at && op !== ' ');
    if (first === -1) break;
    let last = first;
    for (let next = first; next < all.length && next - last <= 2 * context; next++)
      if (all[next]![0] !== ' ') last = next;
    const from = Math.max(at, first - context);
    const to = Math.min(all.length, last + context + 1);
    const old = all.slice(0, from).filter(([op]) => op !== '+').length;
    const fresh = all.slice(0, from).filter(([op]) => op !== '-').length;
    const part = all.slice(from, to);
    hunks.push({
      start: part.some(([op]) => op !== '+') ? old + 1 : old,
      newStart: part.some(([op]) => op !== '-') ? fresh + 1 : fresh,
      lines: part.flatMap(([op, text]) => (op + text).split('\n')),
    });
    at = to;
  }
  return hunks;
}

export function header({ start, newStart, lines }: TrueHunk): string {
  const old = lines.filter((line) => /^[ -]/.test(line)).length;
  const fresh = lines.filter((line) => /^[ +]/.test(line)).length;
  return `@@ -${start},${old} +${newStart},${fresh} @@`;
}

export function trueDiff(path: string, before: string, after: string, context = 3): string {
  const hunks = trueHunks(before, after, context).map(
    (hunk) => `${header(hunk)}\n${hunk.lines.join('\n')}\n`,
  );
  return `--- a/${path}\n+++ b/${path}\n${hunks.join('')}`;
}
