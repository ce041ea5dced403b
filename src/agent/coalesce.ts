/** How a stream is made into few events. */
export interface CoalesceOptions {
  /** Longest that a piece is held back, milliseconds. */
  everyMs?: number;
  /** Characters of one piece, at most. */
  size?: number;
  /** Characters of all pieces together; the rest is dropped, and said to be. */
  limit?: number;
}

export interface Coalesced<K extends string> {
  push(kind: K, text: string): void;
  /** Hands over what is held back. */
  flush(): void;
}

/**
 * Gathers the small pieces of streams into pieces worth an event: one each `everyMs`, or as soon as `size` characters
 * are there. No piece ends within a character. Streams that come together keep their own order, not that between them.
 */
export function coalesce<K extends string>(
  emit: (kind: K, text: string) => void,
  { everyMs = 200, size = 2048, limit = Number.POSITIVE_INFINITY }: CoalesceOptions = {},
): Coalesced<K> {
  const held = new Map<K, string>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let total = 0;
  let full = false;

  function push(kind: K, text: string): void {
    if (full || text === '') return;
    const room = limit - total;
    full = text.length > room;
    total += text.length;
    const waiting = pieces((held.get(kind) ?? '') + (full ? text.slice(0, room) : text));
    held.set(kind, waiting.pop() ?? '');
    for (const piece of waiting) say(kind, piece);
    if (full) {
      flush();
      emit(kind, '\n[the rest of this output is not streamed]\n');
    } else timer ??= setTimeout(tick, everyMs);
  }

  function pieces(text: string): string[] {
    const found: string[] = [];
    let at = 0;
    while (text.length - at > size) {
      const end = at + size - (isHighSurrogate(text, at + size - 1) ? 1 : 0);
      found.push(text.slice(at, end));
      at = end;
    }
    found.push(text.slice(at));
    return found;
  }

  function tick(): void {
    timer = null;
    for (const [kind, text] of held) {
      // The second half of a character may be on its way.
      const end = isHighSurrogate(text, text.length - 1) ? text.length - 1 : text.length;
      held.set(kind, text.slice(end));
      say(kind, text.slice(0, end));
    }
  }

  function say(kind: K, text: string): void {
    const clean = text.replaceAll('\0', '').toWellFormed();
    if (clean !== '') emit(kind, clean);
  }

  function flush(): void {
    if (timer) clearTimeout(timer);
    timer = null;
    const last = [...held];
    held.clear();
    for (const [kind, text] of last) say(kind, text);
  }

  return { push, flush };
}

function isHighSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xd800 && code <= 0xdbff;
}
