export type Ending = 'end' | 'cut' | 'reset' | 'stall';

/** What a told reset throws, so that the server does not report it. */
export const resetMessage = 'connection reset, as told';

/** Sizes that cut lines, names and characters in two. */
const sizes = [1, 2, 5, 3, 17, 4, 64, 7];

/**
 * The frames as a body, in awkward pieces. All but `end` stop after two thirds of the frames: a cut between
 * two, so that nothing but the missing end tells of it, the others within one. */
export function streamed(
  frames: readonly string[],
  ending: Ending,
  chunkMs: number,
  stopping: Promise<void>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const chunks =
    chunkMs > 0 ? frames.map((frame) => new TextEncoder().encode(frame)) : awkward(taken(frames, ending));
  let at = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (signal.aborted) return controller.close();
      const chunk = chunks[at];
      at += 1;
      if (chunk) {
        controller.enqueue(chunk);
        // Else the pieces would be put together again on their way.
        await Bun.sleep(chunkMs);
        return;
      }
      if (ending === 'stall') {
        const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        await Promise.race([stopping, gone]);
      }
      controller.close();
    },
  });
}

/** A body whose connection breaks: fewer bytes come than were promised. */
export function brokenStream(frames: readonly string[]): Response {
  const body = taken(frames, 'reset');
  return new Response(
    new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode(body));
        await Bun.sleep(5);
        controller.error(new Error(resetMessage));
      },
    }),
    { headers: { 'content-type': 'text/event-stream' } },
  );
}

function taken(frames: readonly string[], ending: Ending): string {
  if (ending === 'end') return frames.join('');
  const some = frames.slice(0, Math.max(1, Math.floor((frames.length * 2) / 3))).join('');
  return ending === 'cut' ? some : some.slice(0, -3);
}

function awkward(text: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    // The first pieces are tiny; long answers would take too long that way.
    const size = chunks.length < 64 ? (sizes[chunks.length % sizes.length] ?? 1) : 1021;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
