/** One event as the wire said it. */
export interface Seen {
  id: string | null;
  event: string | null;
  data: string;
}

export interface SseReader {
  events: Seen[];
  comments: string[];
  /** Resolves when the stream has ended, whichever way; `cut` when it broke off. */
  ended: Promise<'closed' | 'cut'>;
}

/**
 * Reads a stream of events as the specification says, and throws at what a lenient reader would let pass: an unknown
 * field, a carriage return, a field twice, bytes that are not UTF-8.
 */
export function readStream(answer: Response): SseReader {
  const reader: SseReader = { events: [], comments: [], ended: Promise.resolve('closed') };
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  const take = (block: string): void => {
    let id: string | null = null;
    let event: string | null = null;
    const data: string[] = [];
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) reader.comments.push(line.slice(1).trim());
      else {
        const [, field, value] = /^(id|event|data): (.*)$/su.exec(line) ?? [];
        if (field === 'data' && value !== undefined) data.push(value);
        else if (field === 'id' && value !== undefined && id === null) id = value;
        else if (field === 'event' && value !== undefined && event === null) event = value;
        else throw new Error(`not a line of an event stream: ${JSON.stringify(line)}`);
      }
    }
    if (data.length > 0) reader.events.push({ id, event, data: data.join('\n') });
    else if (id !== null || event !== null) throw new Error(`an event without data: ${block}`);
  };
  reader.ended = (async () => {
    const source = (answer.body as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      const { done, value } = await source.read().catch(() => ({ done: true, value: null }) as const);
      if (value === null) return 'cut' as const;
      if (done) break;
      rest += decoder.decode(value, { stream: true });
      if (rest.includes('\r')) throw new Error('a carriage return in the stream');
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) take(block);
    }
    if (rest !== '') throw new Error(`an unfinished event at the end: ${rest}`);
    return 'closed' as const;
  })();
  return reader;
}
