import type { JudgedPair } from './opinion';

export interface Judged {
  score: number;
  wins: number;
  losses: number;
  ties: number;
  /** Ties in which the judge contradicted itself. */
  disagreed: number;
}

/**
 * What blind pairwise judging makes of each: Copeland's score, wins less losses. Those who beat each other in a circle
 * share their mean, so that they tie whatever they did against others: a judge that goes round in circles has no
 * opinion of who is best of them. A pair without an answer is a tie.
 * Source: A. H. Copeland, A "reasonable" social welfare function, 1951.
 */
export function copeland(positions: readonly number[], pairs: readonly JudgedPair[]): Map<number, Judged> {
  const beaten = new Map(positions.map((one) => [one, new Set<number>()]));
  const results = new Map(positions.map((one) => [one, { wins: 0, losses: 0, ties: 0, disagreed: 0 }]));
  for (const first of positions) {
    for (const second of positions) {
      if (first >= second) continue;
      const judged = pairs.find(({ pair }) => pair.includes(first) && pair.includes(second));
      const winner = judged?.winner ?? null;
      for (const [own, other] of [
        [first, second],
        [second, first],
      ] as const) {
        const result = results.get(own);
        if (!result) continue;
        if (winner === own) {
          result.wins++;
          beaten.get(own)?.add(other);
        } else if (winner === other) result.losses++;
        else result.ties++;
        if (judged?.why === 'disagreed') result.disagreed++;
      }
    }
  }
  const reached = new Map(positions.map((one) => [one, reach(one, beaten)]));
  const judged = new Map<number, Judged>();
  for (const [own, result] of results) {
    const circle = positions.filter(
      (other) => other === own || (reached.get(own)?.has(other) && reached.get(other)?.has(own)),
    );
    const sum = circle.reduce((all, one) => all + margin(results.get(one)), 0);
    judged.set(own, { score: sum / circle.length, ...result });
  }
  return judged;
}

/** Everyone whom it beats, and whom those beat, and so on. */
function reach(start: number, beaten: ReadonlyMap<number, ReadonlySet<number>>): Set<number> {
  const found = new Set<number>();
  const open = [start];
  for (let own = open.pop(); own !== undefined; own = open.pop()) {
    for (const other of beaten.get(own) ?? []) {
      if (found.has(other)) continue;
      found.add(other);
      open.push(other);
    }
  }
  return found;
}

function margin(result: { wins: number; losses: number } | undefined): number {
  return result ? result.wins - result.losses : 0;
}
