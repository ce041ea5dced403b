import { escapeHtml } from '@kitajs/html';
import { visible } from './visible';

/**
 * Terminal output as HTML that is safe to insert: colours become classes, every other control sequence (cursor
 * movements, titles, links, screen switches) is dropped, and what a carriage return overwrote is gone, as on a screen.
 */
export function ansi(text: string): string {
  let html = '';
  let bold = false;
  let dim = false;
  let colour = '';
  let at = 0;
  const lines = overwritten(quiet(text));
  for (const match of lines.matchAll(sgr)) {
    html += piece(lines.slice(at, match.index), colour, bold, dim);
    at = match.index + match[0].length;
    const codes = (match[1] ?? '').split(/[;:]/).map(Number);
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i] ?? 0;
      if (code === 0) [bold, dim, colour] = [false, false, ''];
      else if (code === 1) bold = true;
      else if (code === 2) dim = true;
      else if (code === 22) bold = dim = false;
      else if (code === 39) colour = '';
      else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4;
      else colour = colours[code] ?? colour;
    }
  }
  return html + piece(lines.slice(at), colour, bold, dim);
}

/** The same text without any colour. */
export function plain(text: string): string {
  return overwritten(quiet(text)).replace(sgr, '');
}

/** Without all sequences but colours; the one-character form of `ESC [` is written out. */
function quiet(text: string): string {
  return text.replaceAll('\u009b', `${esc}[`).replace(noise, '');
}

const esc = '\u001b';
/** `ESC [ … m`: the one kind of sequence that is understood. */
const sgr = new RegExp(`${esc}\\[([0-9;:]{0,60})m`, 'g');
/** All other sequences: OSC and its like up to their end, other CSI, two-byte escapes; each bounded in length. */
const noise = new RegExp(
  [
    `(?:${esc}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u009c${esc}]{0,4096}(?:\\u0007|\\u009c|${esc}\\\\)?`,
    `(?:${esc}\\[|\\u009b)[0-?]{0,60}[ -/]{0,8}(?:[@-ln-~]|(?<=[<-?][0-?]{0,60})m)`,
    `${esc}[ -/]{0,8}[0-Z\\\\^-~]`,
  ].join('|'),
  'g',
);

const colours: Record<number, string> = {};
for (const [i, name] of ['ad', 'ar', 'ag', 'ay', 'ab', 'am', 'ac', ''].entries()) {
  colours[30 + i] = name;
  colours[90 + i] = name;
}

/** Each line as it stood in the end: what follows its last carriage return. */
function overwritten(text: string): string {
  if (!text.includes('\r')) return text;
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').replace(/^.*\r/s, ''))
    .join('\n');
}

function piece(text: string, colour: string, bold: boolean, dim: boolean): string {
  if (text === '') return '';
  const classes = [colour || (dim ? 'ad' : ''), bold ? 'aB' : ''].filter(Boolean).join(' ');
  const safe = escapeHtml(visible(text));
  return classes ? `<span class="${classes}">${safe}</span>` : safe;
}
