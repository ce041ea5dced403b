/** The seam to the engine that applies patches: today `git apply`, told how many leading path parts to strip. */
export interface PatchPlan {
  /** Ends with a line end, as `git apply` wants it. */
  text: string;
  /** Values for `-p`, to be tried in order. */
  strip: (0 | 1)[];
  /** As the headers name them, for people; not for access decisions. */
  paths: string[];
}

/**
 * Looks at a unified diff before it is applied. Paths with git's `a/` and `b/` mean `-p1` and nothing else: with
 * `-p0` a new file would land in a folder `b`. Without them, `-p0` is meant, and `-p1` is worth a try.
 */
export function planPatch(patch: string): PatchPlan | { error: string } {
  // Both lines together: one alone may be a line of the file that begins so.
  const headers = [...patch.matchAll(/^--- ([^\t\r\n]+).*\n\+\+\+ ([^\t\r\n]+)/gm)].flatMap((match) =>
    match.slice(1),
  );
  const git = /^diff --git /m.test(patch);
  if (headers.length === 0 && !git) {
    return { error: 'that is not a unified diff: no "--- a/file" and "+++ b/file" lines' };
  }
  const prefixed = git || headers.every((path) => /^"?[ab]\//.test(path) || path.trim() === '/dev/null');
  const named = git
    ? [...patch.matchAll(/^diff --git "?a\/\S+ "?b\/(\S+?)"?$/gm)].map((match) => match[1] ?? '')
    : [];
  const paths = [
    ...new Set([
      ...named,
      ...headers.filter((p) => p.trim() !== '/dev/null').map((p) => p.replace(/^"?[ab]\//, '')),
    ]),
  ];
  return { text: patch.endsWith('\n') ? patch : `${patch}\n`, strip: prefixed ? [1] : [0, 1], paths };
}
