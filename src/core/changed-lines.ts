/** What a patch changes, for comparing it with others. */
export interface Changes {
  /** Everything that must be the same to the letter: binary files, modes, files made, deleted, moved. Empty when there is none. */
  exact: string;
  /** A hash for each line added or deleted with its path, sign, and words; sorted. Blank lines are left out. */
  lines: BigUint64Array;
}

/** Headers that say what happens to a file as a whole. */
const wholeFile =
  /^(?:old mode|new mode|new file mode|deleted file mode|rename from|rename to|copy from|copy to) /;

/**
 * Reads a patch as `git diff` writes it; never throws. Rows are counted by the hunk headers, so that content that looks
 * like a header is content.
 * @param limit bytes that are read line by line; of the rest only its hash counts, exactly
 */
export function readChanges(patch: Uint8Array, limit: number): Changes {
  const head = Buffer.from(patch.buffer, patch.byteOffset, Math.min(patch.length, limit));
  // Read as bytes: whatever the encoding, equal lines stay equal.
  const text = head.toString('latin1');
  const exact: string[] = [];
  const hashes = new Hashes();
  // Of a fixed length: a long path would be hashed again with each of its lines.
  let file = '';
  let index = '';
  let left: [number, number] = [0, 0];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? undefined : end);
    at = end < 0 ? text.length : end + 1;
    if (left[0] > 0 || left[1] > 0) {
      const sign = line[0];
      if (sign === '+') left[1]--;
      else if (sign === '-') left[0]--;
      else if (sign !== '\\') left = [left[0] - 1, left[1] - 1];
      if (sign === '+' || sign === '-') hashes.add(file, sign, line);
    } else if (line.startsWith('@@ ')) left = rowsOf(line);
    else if (line.startsWith('diff --git ')) {
      file = String(Bun.hash(line));
      index = '';
    } else if (line.startsWith('index ')) index = line;
    else if (wholeFile.test(line)) exact.push(`${file} ${line}`);
    else if (line === 'GIT binary patch' || line.startsWith('Binary files ')) {
      const next = text.indexOf('\ndiff --git ', at - 1);
      const stop = next < 0 ? text.length : next + 1;
      // Without its blob ids, what is written of it says what it is.
      exact.push(`${file} binary ${index || Bun.hash(text.slice(at, stop))}`);
      at = stop;
    }
  }
  if (patch.length > limit) exact.push(`rest ${Bun.hash(patch.subarray(limit))}`);
  return { exact: exact.toSorted().join('\n'), lines: hashes.sorted() };
}

function rowsOf(header: string): [number, number] {
  const found = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(header);
  return found ? [Number(found[1] ?? 1), Number(found[2] ?? 1)] : [0, 0];
}

/** Sixty-four bits for each line: no two of a few million are the same by chance. */
class Hashes {
  private hashes = new BigUint64Array(1024);
  private length = 0;

  add(file: string, sign: string, line: string): void {
    const words = line
      .slice(1)
      .replace(/[ \t\r\f\v]+/g, ' ')
      .trim();
    if (words === '') return;
    if (this.length === this.hashes.length) {
      const larger = new BigUint64Array(2 * this.length);
      larger.set(this.hashes);
      this.hashes = larger;
    }
    this.hashes[this.length++] = BigInt(Bun.hash(`${file}${sign}${words}`));
  }

  sorted(): BigUint64Array {
    return this.hashes.slice(0, this.length).sort();
  }
}
