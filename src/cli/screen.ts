/** Where a command writes. */
export interface Screen {
  write(text: string): void;
  /** Bytes as they are, for what another program reads. */
  bytes(bytes: Uint8Array): void;
  /** Lines may be redrawn in place. */
  readonly live: boolean;
  readonly color: boolean;
  /** Columns, now. */
  width(): number;
}

/** A stream of this process as a screen; `color` is the environment's wish, and only a terminal gets any. */
export function openScreen(stream: NodeJS.WriteStream, color: boolean, dumb: boolean): Screen {
  const live = stream.isTTY === true && !dumb;
  return {
    write: (text) => void stream.write(text),
    bytes: (bytes) => void stream.write(bytes),
    live,
    color: live && color,
    width: () => (live && stream.columns > 0 ? stream.columns : 100),
  };
}

/**
 * Foreign text made harmless for a terminal, on one line: control characters (escape sequences, C1, line breaks) and
 * those that turn the direction of writing or hide become spaces or `�`.
 */
export function plain(text: string): string {
  return harmless(text.replace(/[\s\u0085\u2028\u2029]+/g, ' ')).trim();
}

/** The same for text of several lines: line feeds and tabs stay. */
export function harmless(text: string): string {
  return text.replace(hostile, '\uFFFD');
}

/** JSON for programs that is harmless for a terminal too: what `harmless` takes out stands as its escape, and means the same. */
export function json(value: unknown): string {
  const escaped = (text: string) =>
    Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`);
  return `${JSON.stringify(value, null, 2).replace(hostile, (text) => escaped(text).join(''))}\n`;
}

const hostile =
  /(?![\n\t])[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\u200B\u2060\uFEFF\u{E0000}-\u{E007F}]/gu;

const codes = { good: 32, bad: 31, warn: 33, quiet: 90, strong: 1, accent: 34 } as const;
export type Tone = keyof typeof codes;

export function paint(screen: Pick<Screen, 'color'>, tone: Tone | null, text: string): string {
  return screen.color && tone !== null ? `\u001b[${codes[tone]}m${text}\u001b[0m` : text;
}

/** Cuts to a number of columns, with `…` where something is gone; wide characters count as they show. */
export function fit(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const character of text) {
    width += Bun.stringWidth(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Fills up with spaces to a number of columns, on the right or on the left. */
export function pad(text: string, columns: number, side: 'end' | 'start' = 'end'): string {
  const space = ' '.repeat(Math.max(0, columns - Bun.stringWidth(text)));
  return side === 'end' ? text + space : space + text;
}
