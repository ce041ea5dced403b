/** Characters of one tool's answer that the model is told, unless the tool has its own limit. */
export const outputLimit = 16_000;

/** CSI, OSC, other escape sequences, then every control character but tab and line ends. Linear on any input. */
const terminalCodes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\n]{0,4096}(?:\u0007|\u001b\\)|\u001b[ -/]*[0-~]|\u009b[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** Text as it may be told to a model and kept by Postgres: no terminal codes, no NUL, no half of a character. */
export function withoutCodes(text: string): string {
  return text.replace(terminalCodes, '').toWellFormed();
}

/** What a terminal would show at the end: a line overwritten after `\r` (a progress bar) leaves its last state. */
export function asShown(output: string): string {
  const lines = withoutCodes(output).split('\n');
  return lines.map((line) => lastState(line)).join('\n');
}

/** Cuts the middle out of what is longer than `limit` characters, at line ends where some are near, and says so. */
export function fit(text: string, limit = outputLimit): { text: string; truncated: boolean } {
  if (text.length <= limit) return { text, truncated: false };
  const headEnd = lineEndBefore(text, Math.floor(limit * 0.4));
  const tailStart = lineStartAfter(text, text.length - Math.floor(limit * 0.6));
  const cut = text.slice(headEnd, tailStart);
  const lines = cut.split('\n').length - 1;
  const notice = `\n[… ${cut.length} characters, ${lines} lines cut here …]\n`;
  return { text: (text.slice(0, headEnd) + notice + text.slice(tailStart)).toWellFormed(), truncated: true };
}

/** Head and tail of a stream of any length, in bounded memory. */
export function headAndTail(each = 64_000): { push(text: string): void; text(): string } {
  let head = '';
  let tail = '';
  let dropped = 0;
  return {
    push(text) {
      const room = each - head.length;
      head += text.slice(0, room);
      if (text.length <= room) return;
      tail += text.slice(Math.max(0, room));
      // Let it grow to twice its size before cutting: not every piece pays for a copy.
      if (tail.length > 2 * each) {
        dropped += tail.length - each;
        tail = tail.slice(-each);
      }
    },
    text: () => (dropped === 0 ? head + tail : `${head}\n[… ${dropped} characters cut here …]\n${tail}`),
  };
}

/** Shortens to one line of at most `limit` characters. */
export function oneLine(text: string, limit = 120): string {
  const line = withoutCodes(text.slice(0, limit * 8))
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1).toWellFormed()}…` : line;
}

function lastState(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === '\r') end--;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

function lineEndBefore(text: string, at: number): number {
  const end = text.lastIndexOf('\n', at);
  return end > at / 2 ? end : at;
}

function lineStartAfter(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end !== -1 && end < at + (text.length - at) / 2 ? end + 1 : at;
}
