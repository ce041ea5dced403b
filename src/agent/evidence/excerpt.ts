/** What a failure is told with, by the usual runners and compilers. */
const failing =
  /\b(?:fail(?:ed|ure|ures|s|ing)?|errors?|assert\w*|panicked|exception|traceback|not ok|expected|mismatch)\b|[✗✘✖×●]|^E {2,}/i;
/** Counts of nothing (`0 failed`), and names of errors that went well. */
const well =
  /\b(?:0|no) (?:fail|error)|\b(?:fail\w*|errors?)\s*[:=]?\s*0\b|\(pass\)|^\s*(?:✓|✔|ok\b)|\.{3} ok$/i;

/**
 * The part of an output that tells why it failed, within `limit` characters: its end, where runners sum up, and, when the
 * failure is told before that, the place where it begins. What was left out is said.
 */
export function tellingPart(output: string, limit: number): string {
  if (output.length <= limit) return output;
  // Room for what is said of the cuts.
  const room = Math.max(0, limit - 80);
  const tailAt = lineStart(output, output.length - Math.floor(room * 0.5));
  const first = firstFailing(output.slice(0, tailAt));
  if (first === null) {
    const from = lineStart(output, output.length - room);
    return clean(`${said(from)}${output.slice(from)}`);
  }
  const headEnd = Math.min(tailAt, first + Math.floor(room * 0.5));
  const between = headEnd < tailAt ? said(tailAt - headEnd) : '';
  return clean(
    `${first > 0 ? said(first) : ''}${output.slice(first, headEnd)}${between && `\n${between}`}${output.slice(tailAt)}`,
  );
}

/** Where the first line begins that tells of a failure; null for none. */
function firstFailing(text: string): number | null {
  let at = 0;
  for (const line of text.split('\n')) {
    const start = line.slice(0, 500);
    if (failing.test(start) && !well.test(start)) return at;
    at += line.length + 1;
  }
  return null;
}

function said(chars: number): string {
  return `[… ${chars} characters left out …]\n`;
}

/** The next line's start, if there is one near. */
function lineStart(text: string, at: number): number {
  const end = text.indexOf('\n', at - 1);
  return end === -1 || end > at + 500 || end + 1 >= text.length ? at : end + 1;
}

function clean(text: string): string {
  return text.toWellFormed();
}
