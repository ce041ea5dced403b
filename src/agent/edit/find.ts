import { type KeyTier, keyOf } from './lines';

/** Finds runs of lines in one file, tier by tier, in time linear in the file. */
export class LineIndex {
  private readonly tiers = new Map<
    KeyTier,
    { ids: Int32Array; known: Map<string, number>; places: number[][] }
  >();

  constructor(readonly lines: readonly string[]) {}

  /** Every line, from 0, at which the run stands, in order. An empty run stands nowhere. */
  find(run: readonly string[], tier: KeyTier): number[] {
    const { ids, known, places } = this.tier(tier);
    const wanted = new Int32Array(run.length);
    let rare = 0;
    for (const [at, line] of run.entries()) {
      const id = known.get(keyOf(line, tier));
      if (id === undefined) return [];
      wanted[at] = id;
      if ((places[id]?.length ?? 0) < (places[wanted[rare] ?? 0]?.length ?? 0)) rare = at;
    }
    if (run.length === 0 || run.length > ids.length) return [];
    const starts = places[wanted[rare] ?? 0] ?? [];
    if (starts.length * run.length > 4 * ids.length + 1000) return scan(ids, wanted);
    return starts
      .map((place) => place - rare)
      .filter(
        (from) =>
          from >= 0 && from + run.length <= ids.length && wanted.every((id, at) => ids[from + at] === id),
      );
  }

  /** The lines, from 0, that are the same as this one. */
  places(line: string, tier: KeyTier): readonly number[] {
    const { known, places } = this.tier(tier);
    return places[known.get(keyOf(line, tier)) ?? -1] ?? [];
  }

  same(at: number, line: string, tier: KeyTier): boolean {
    const own = this.lines[at];
    return own !== undefined && keyOf(own, tier) === keyOf(line, tier);
  }

  private tier(tier: KeyTier) {
    const found = this.tiers.get(tier);
    if (found) return found;
    const ids = new Int32Array(this.lines.length);
    const known = new Map<string, number>();
    const places: number[][] = [];
    for (const [at, line] of this.lines.entries()) {
      const key = keyOf(line, tier);
      let id = known.get(key);
      if (id === undefined) {
        id = places.length;
        known.set(key, id);
        places.push([]);
      }
      ids[at] = id;
      places[id]?.push(at);
    }
    const made = { ids, known, places };
    this.tiers.set(tier, made);
    return made;
  }
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
