import { type KeyTier, keyOf } from './lines';

/** Finds runs of lines in one file, tier by tier, in time linear in the file. */
export class LineIndex {
  private readonly tiers = new Map<KeyTier, Keyed>();

  constructor(readonly lines: readonly string[]) {}

  /** Every line, from 0, at which the run stands, in order. An empty run stands nowhere. */
  find(run: readonly string[], tier: KeyTier): number[] {
    const keyed = this.tier(tier);
    const { ids, known, counts } = keyed;
    const wanted = new Int32Array(run.length);
    let rare = 0;
    for (const [at, line] of run.entries()) {
      const id = known.get(keyOf(line, tier));
      if (id === undefined) return [];
      wanted[at] = id;
      if ((counts[id] ?? 0) < (counts[wanted[rare] ?? 0] ?? 0)) rare = at;
    }
    if (run.length === 0 || run.length > ids.length) return [];
    const id = wanted[rare] ?? 0;
    if ((counts[id] ?? 0) * run.length > 4 * ids.length + 1000) return scan(ids, wanted);
    return placesOf(keyed, id)
      .map((place) => place - rare)
      .filter(
        (from) =>
          from >= 0 && from + run.length <= ids.length && wanted.every((own, at) => ids[from + at] === own),
      );
  }

  /** The lines, from 0, that are the same as this one. */
  places(line: string, tier: KeyTier): number[] {
    const keyed = this.tier(tier);
    const id = keyed.known.get(keyOf(line, tier));
    return id === undefined ? [] : placesOf(keyed, id);
  }

  /** How many lines are the same as this one. */
  count(line: string, tier: KeyTier): number {
    const { known, counts } = this.tier(tier);
    return counts[known.get(keyOf(line, tier)) ?? -1] ?? 0;
  }

  same(at: number, line: string, tier: KeyTier): boolean {
    const own = this.lines[at];
    return own !== undefined && (own === line || keyOf(own, tier) === keyOf(line, tier));
  }

  private tier(tier: KeyTier): Keyed {
    const found = this.tiers.get(tier);
    if (found) return found;
    const size = this.lines.length;
    const made: Keyed = {
      ids: new Int32Array(size),
      known: new Map(),
      counts: [],
      first: [],
      next: new Int32Array(size),
    };
    const { ids, known, counts, first, next } = made;
    for (let at = size - 1; at >= 0; at--) {
      const key = keyOf(this.lines[at] ?? '', tier);
      let id = known.get(key);
      if (id === undefined) {
        id = counts.length;
        known.set(key, id);
        counts.push(0);
        first.push(-1);
      }
      ids[at] = id;
      counts[id] = (counts[id] ?? 0) + 1;
      next[at] = first[id] ?? -1;
      first[id] = at;
    }
    this.tiers.set(tier, made);
    return made;
  }
}

/** The lines of a file by their keys in one tier; places of a key are linked, in order. */
interface Keyed {
  ids: Int32Array;
  known: Map<string, number>;
  counts: number[];
  first: number[];
  next: Int32Array;
}

function placesOf({ first, next }: Keyed, id: number): number[] {
  const found: number[] = [];
  for (let at = first[id] ?? -1; at !== -1; at = next[at] ?? -1) found.push(at);
  return found;
}

/** Knuth, Morris and Pratt: linear also where all lines are alike. */
function scan(ids: Int32Array, run: Int32Array): number[] {
  const back = new Int32Array(run.length);
  for (let at = 1, length = 0; at < run.length; at++) {
    while (length > 0 && run[at] !== run[length]) length = back[length - 1] ?? 0;
    if (run[at] === run[length]) length++;
    back[at] = length;
  }
  const found: number[] = [];
  for (let at = 0, length = 0; at < ids.length; at++) {
    while (length > 0 && ids[at] !== run[length]) length = back[length - 1] ?? 0;
    if (ids[at] === run[length]) length++;
    if (length === run.length) {
      found.push(at - run.length + 1);
      length = back[length - 1] ?? 0;
    }
  }
  return found;
}
