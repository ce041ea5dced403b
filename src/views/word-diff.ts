/** Part of a line, by UTF-16 offsets. */
export type Range = readonly [from: number, to: number];

/**
 * Where two lines differ, word by word; null when they have too little in common for that to say anything, or are
 * too long to be compared (more than 300 words).
 */
export function wordDiff(before: string, after: string): { removed: Range[]; added: Range[] } | null {
  const a = before.match(word) ?? [];
  const b = after.match(word) ?? [];
  if (a.length > 300 || b.length > 300) return null;
  const same = common(a, b);
  const shared = same.reduce((sum, [i]) => sum + (a[i]?.trim().length ?? 0), 0);
  const longer = Math.max(before.trim().length, after.trim().length);
  if (shared < longer * 0.35) return null;
  return {
    removed: gaps(a, new Set(same.map(([i]) => i))),
    added: gaps(b, new Set(same.map(([, j]) => j))),
  };
}

const word = /\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;

/** Longest common subsequence, as pairs of indices, by dynamic programming. */
function common(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  const best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const here = i * width + j;
      best[here] =
        a[i] === b[j]
          ? (best[here + width + 1] ?? 0) + 1
          : Math.max(best[here + width] ?? 0, best[here + 1] ?? 0);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const here = i * width + j;
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if ((best[here + width] ?? 0) >= (best[here + 1] ?? 0)) i++;
    else j++;
  }
  return pairs;
}

/** The words that are not kept, joined into ranges; a lone blank between two of them joins them too. */
function gaps(words: readonly string[], kept: ReadonlySet<number>): Range[] {
  const ranges: [number, number][] = [];
  let at = 0;
  for (const [i, text] of words.entries()) {
    const last = ranges.at(-1);
    if (!kept.has(i)) {
      const blank = words[i - 1]?.trim() === '' && kept.has(i - 1) ? (words[i - 1]?.length ?? 0) : 0;
      if (last && last[1] === at - blank) last[1] = at + text.length;
      else ranges.push([at, at + text.length]);
    }
    at += text.length;
  }
  return ranges;
}
