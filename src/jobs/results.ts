import type { Graft, GraftPart } from '../../drizzle/schema';
import { type Change, contextLines, diffBetween, listChanges } from '../agent/compare';
import { graft as compose, type GraftConflict, GraftError } from '../agent/graft';
import { BakeoffError, conflict, invalid, notFound } from '../core/errors';
import { VariationFailure } from '../core/failure';
import type { Composed } from '../core/graft';
import { getProject } from '../core/project';
import { getRun } from '../core/run';
import { ensureCommit } from './base';
import { bounded } from './bounded';
import { accessTo } from './credential';
import type { Parts } from './parts';

/** What the pages and the API ask about the results of a run's variations, from this machine's mirror. */
export interface Results {
  /**
   * The diff from one variation's result to another's; null is the base. Null when it is larger than `maxBytes`.
   * @throws BakeoffError 404; 409 for a variation without a result; 503 when the repository cannot be had
   */
  diff(query: Between & { path?: string; maxBytes?: number }): Promise<Uint8Array | null>;
  /** The files that differ between the two, the first 3,000. @throws as `diff` */
  changes(query: Between): Promise<{ changes: Change[]; total: number }>;
  /** Lines of a file as a variation (null: the base) has it, from 1, both included. @throws as `diff` */
  lines(query: {
    runId: number;
    of: number | null;
    path: string;
    from: number;
    to: number;
  }): Promise<{ lines: string[]; total: number } | null>;
  /**
   * Composes a graft; nothing is stored.
   * @throws BakeoffError 404; 409 `graft_conflict`, telling the conflicts, or for a variation without a result; 422
   */
  compose(runId: number, graft: Graft): Promise<Composed>;
}

export interface Between {
  runId: number;
  /** Positions. */
  from: number | null;
  to: number | null;
}

/** A diff that is larger is not shown whole anywhere. */
const maxDiffBytes = 64 * 2 ** 20;
const limitMs = 60_000;

export function openResults(parts: Parts): Results {
  const { database } = parts;
  /** The run's base and the results named, all in the mirror. */
  const locate = async (runId: number, positions: readonly (number | null)[], signal: AbortSignal) => {
    const run = await getRun(database, runId);
    const commits = await commitsOf(parts, runId);
    const base = run.base_sha;
    if (base === null) throw conflict('no_result', 'The run has not begun: there is nothing to compare');
    const shas = positions.map((at) => {
      if (at === null) return base;
      const found = commits.get(at);
      if (found === undefined) throw notFound('variation', `${at} of run ${runId}`);
      if (found === null) throw conflict('no_result', `Variation ${at} has no finished result to compare`);
      return found;
    });
    const project = await getProject(database, run.project_id);
    const mirror = parts.mirrors.pathOf(project.id);
    await explained(async () => {
      if (!(await parts.mirrors.has(project.id, base)))
        await parts.mirrors.sync((await accessTo(parts, project)).mirrored, { signal });
      for (const sha of new Set([base, ...shas])) await ensureCommit(parts, project, sha, signal);
    });
    return { mirror, base, shas };
  };
  return {
    diff: ({ runId, from, to, path, maxBytes = maxDiffBytes }) =>
      bounded(limitMs, async (signal) => {
        const { mirror, shas } = await locate(runId, [from, to], signal);
        const [a = '', b = ''] = shas;
        return diffBetween(mirror, a, b, { maxBytes, signal, ...(path === undefined ? {} : { path }) });
      }),
    changes: ({ runId, from, to }) =>
      bounded(limitMs, async (signal) => {
        const { mirror, shas } = await locate(runId, [from, to], signal);
        const [a = '', b = ''] = shas;
        return listChanges(mirror, a, b, { signal });
      }),
    lines: ({ runId, of, path, from, to }) =>
      bounded(limitMs, async (signal) => {
        const { mirror, shas } = await locate(runId, [of], signal);
        return contextLines(mirror, shas[0] ?? '', path, from, to, signal);
      }),
    compose: (runId, asked) =>
      bounded(limitMs, async (signal) => {
        const graft = { ...asked, parts: asked.parts.map(normal) };
        const positions = graft.parts.map((part) => part.variation);
        const { mirror, base, shas } = await locate(runId, [graft.on, ...positions], signal);
        const [on = base, ...commits] = shas;
        const located = graft.parts.map((part, i) => ({ ...part, commit: commits[i] ?? '' }));
        const made = await explained(() => compose({ mirror, base, on, parts: located, signal }));
        if (!made.ok) throw graftConflict(made.conflicts);
        const sources = new Map(positions.map((at, i) => [at, commits[i] ?? ''] as const));
        if (graft.on !== null) sources.set(graft.on, on);
        return { graft, patch: made.patch, sources };
      }),
  };
}

/** Each hunk once, in the order of the file: as it is taken, and told of. */
function normal({ hunks, ...part }: GraftPart): GraftPart {
  return hunks === undefined ? part : { ...part, hunks: [...new Set(hunks)].sort((a, b) => a - b) };
}

/** The commit of each variation's result, by position; null for one without. */
async function commitsOf(
  { database }: Pick<Parts, 'database'>,
  runId: number,
): Promise<Map<number, string | null>> {
  const rows = await database.sql<{ position: number; commit_sha: string | null }[]>`
    select position, commit_sha from variations where run_id = ${runId}`;
  return new Map(rows.map((row) => [row.position, row.commit_sha]));
}

function graftConflict(conflicts: readonly GraftConflict[]): BakeoffError {
  const first = conflicts
    .slice(0, 3)
    .map((one) => `${one.path}: ${one.reason}`)
    .join('; ');
  const rest = conflicts.length > 3 ? `; and ${conflicts.length - 3} more` : '';
  return new BakeoffError('graft_conflict', `The parts do not go together. ${first}${rest}`, 409, undefined, {
    conflicts: conflicts.slice(0, 200),
  });
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GraftError) throw invalid(error.field, error.message);
    if (!(error instanceof VariationFailure)) throw error;
    if (error.code === 'clone_failed') throw new BakeoffError('repository_unavailable', error.message, 503);
    throw conflict(error.code, error.message);
  }
}
