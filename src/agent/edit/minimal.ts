import type { Line } from './model';

/** Above this product of line counts a run is only trimmed at its ends. */
const maxCells = 250_000;

/**
 * The same hunk with no line both removed and added: what a patch takes out and puts back as it was becomes context
 * that must match (`quoted`), so that the file's own bytes stay. Whole blocks written anew become small changes.
 */
export function minimal(lines: readonly Line[]): Line[] {
  const done: Line[] = [];
  let removed: Line[] = [];
  let added: Line[] = [];
  const flush = () => {
    done.push(...(removed.length > 0 && added.length > 0 ? common(removed, added) : [...removed, ...added]));
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.op === '-') removed.push(line);
    else if (line.op === '+') added.push(line);
    else {
      flush();
      done.push(line);
    }
  }
  flush();
  return done;
}

function same(one: Line | undefined, two: Line | undefined): boolean {
  return one !== undefined && two !== undefined && one.text === two.text && one.unended === two.unended;
}

function common(removed: Line[], added: Line[]): Line[] {
  let head = 0;
  while (head < removed.length && same(removed[head], added[head])) head++;
  let tail = 0;
  while (
    tail < Math.min(removed.length, added.length) - head &&
    same(removed[removed.length - 1 - tail], added[added.length - 1 - tail])
  )
    tail++;
  const kept = (line: Line): Line => ({ ...line, op: ' ', quoted: true });
  const middle = longest(
    removed.slice(head, removed.length - tail),
    added.slice(head, added.length - tail),
    kept,
  );
  return [...removed.slice(0, head).map(kept), ...middle, ...removed.slice(removed.length - tail).map(kept)];
}

/** By the longest common subsequence; removals before additions where both are possible. */
function longest(removed: Line[], added: Line[], kept: (line: Line) => Line): Line[] {
  const [n, m] = [removed.length, added.length];
  if (n === 0 || m === 0 || n * m > maxCells) return [...removed, ...added];
  const width = m + 1;
  const best = new Uint32Array((n + 1) * width);
  const cell = (i: number, j: number) => best[i * width + j] ?? 0;
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      best[i * width + j] = same(removed[i], added[j])
        ? cell(i + 1, j + 1) + 1
        : Math.max(cell(i + 1, j), cell(i, j + 1));
  const done: Line[] = [];
  let [i, j] = [0, 0];
  while (i < n || j < m) {
    const [old, fresh] = [removed[i], added[j]];
    if (old && same(old, fresh)) {
      done.push(kept(old));
      i++;
      j++;
    } else if (old && (j >= m || cell(i + 1, j) >= cell(i, j + 1))) {
      done.push(old);
      i++;
    } else if (fresh) {
      done.push(fresh);
      j++;
    }
  }
  return done;
}
