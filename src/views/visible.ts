/**
 * Foreign text with its invisible characters made visible, so that code cannot look like other code than it is:
 * control codes as their pictures, direction overrides and their like by number (CVE-2021-42574).
 */
export function visible(text: string): string {
  if (!invisible.test(text)) return text;
  return text.replace(everyInvisible, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

const source =
  '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060\\u2066-\\u2069\\ufeff]';
const invisible = new RegExp(source);
const everyInvisible = new RegExp(source, 'g');
