/** Keeps the head and the tail of a stream within `limit` bytes and states what was cut between them. */
export class Excerpt {
  private readonly head: Uint8Array[] = [];
  private headBytes = 0;
  private tail: Uint8Array[] = [];
  private tailBytes = 0;
  private cutBytes = 0;
  private readonly headLimit: number;
  private readonly tailLimit: number;

  constructor(limit: number) {
    this.headLimit = Math.ceil(limit / 2);
    this.tailLimit = Math.max(0, limit - this.headLimit);
  }

  get truncated(): boolean {
    // The tail may still hold what the next compaction cuts.
    return this.cutBytes > 0 || this.tailBytes > this.tailLimit;
  }

  add(chunk: Uint8Array): void {
    const room = this.headLimit - this.headBytes;
    if (room > 0) {
      // A copy: the stream may reuse its buffer.
      const part = chunk.slice(0, room);
      this.head.push(part);
      this.headBytes += part.length;
    }
    if (chunk.length <= room) return;
    this.tail.push(chunk.slice(Math.max(0, room)));
    this.tailBytes += chunk.length - Math.max(0, room);
    // Compacting only at twice the limit keeps a flood of small pieces linear.
    if (this.tailBytes > 2 * this.tailLimit + 65536) this.compact();
  }

  bytes(): Uint8Array {
    this.compact();
    const notice = this.truncated
      ? new TextEncoder().encode(`\n[… ${this.cutBytes} bytes cut …]\n`)
      : new Uint8Array();
    return Buffer.concat([...this.head, notice, ...this.tail]);
  }

  private compact(): void {
    if (this.tailBytes <= this.tailLimit) return;
    const all = Buffer.concat(this.tail);
    const kept = all.subarray(all.length - this.tailLimit);
    this.cutBytes += all.length - kept.length;
    this.tail = [Uint8Array.from(kept)];
    this.tailBytes = kept.length;
  }
}
