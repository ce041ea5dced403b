import type { Run } from '../core/contract';
import type { Database } from '../core/db';
import { BakeoffError } from '../core/errors';
import { listEvents } from '../core/event';
import type { Event } from '../core/fact';
import { VariationFailure } from '../core/failure';
import type { Behind } from '../views/behind';
import { type CompareQuery, partsOf } from '../views/compare-address';
import type { Criterion, VerdictEvents } from '../views/compare-facts';
import { type FileChange, parseDiff } from '../views/diff';
import type { Clash, Composed } from '../views/tray';
import type { ChangedFile } from '../views/tree';
import type { Services } from './services';

/** A diff beyond this is shown file by file. */
const maxDiffBytes = 2_000_000;
/** Files whose length is looked up, so that what follows their last change can be unfolded. */
const maxTexts = 10;
/** Files that both sides changed alike, named at most. */
const maxSame = 200;

/** What differs between the two sides that an address names. */
export interface Sides {
  changes: ChangedFile[];
  total: number;
  same: string[];
  files: FileChange[] | null;
  texts: Map<string, { total: number; lines: readonly string[] }>;
  /** Why there is nothing to compare, where that is so. */
  missing: string | null;
}

/** Reads both sides; one without a result is no mistake of who asks, and says so on the page. */
export async function loadSides(
  services: Services,
  run: Run,
  query: CompareQuery,
  { texts: wanted = true } = {},
): Promise<Sides> {
  const { results } = services;
  const runId = run.id;
  const to = query.to;
  const from = query.from === 0 ? null : query.from;
  const path = query.path === null ? {} : { path: query.path };
  try {
    const [{ changes, total }, diff, same] = await Promise.all([
      results.changes({ runId, from, to }),
      results.diff({ runId, from, to, ...path, maxBytes: maxDiffBytes }),
      from === null || from === to ? [] : sameIn(services, runId, from, to),
    ]);
    const files = diff === null ? null : parseDiff(new TextDecoder().decode(diff));
    const texts = wanted ? await textsOf(services, run, query, files ?? []) : new Map();
    const differing = new Set(changes.map((one) => one.path));
    const alike = same.filter((one) => !differing.has(one)).slice(0, maxSame);
    return { changes, total, same: alike, files, texts, missing: null };
  } catch (error) {
    const missing = refusal(error);
    if (missing === null) throw error;
    return { changes: [], total: 0, same: [], files: [], texts: new Map(), missing };
  }
}

/** Files that both have changed against the base: those of them that do not differ are the same. */
async function sameIn({ results }: Services, runId: number, one: number, other: number): Promise<string[]> {
  const [a, b] = await Promise.all([one, other].map((to) => results.changes({ runId, from: null, to })));
  const changed = new Set(b?.changes.map((change) => change.path));
  return (a?.changes ?? []).map((change) => change.path).filter((path) => changed.has(path));
}

/** Of a file by itself its lines; of several how many they have. */
async function textsOf(
  { results }: Services,
  run: Run,
  { to, path }: CompareQuery,
  files: readonly FileChange[],
): Promise<Sides['texts']> {
  const shown = [
    ...new Set(files.filter((file) => file.kind === 'changed' && !file.binary).map((file) => file.path)),
  ];
  const last = path === null ? 1 : Number.MAX_SAFE_INTEGER;
  const read = await Promise.all(
    shown.slice(0, maxTexts).map(async (name) => {
      const text = await results.lines({ runId: run.id, of: to, path: name, from: 1, to: last });
      return text === null ? null : ([name, { ...text, lines: path === null ? [] : text.lines }] as const);
    }),
  );
  return new Map(read.filter((one) => one !== null));
}

/** What would become of what was taken; null while nothing is. Nothing is stored. */
export async function loadComposed(services: Services, run: Run, query: CompareQuery): Promise<Composed> {
  const { from, taken } = query;
  if (taken.length === 0) return null;
  try {
    await services.results.compose(run.id, { on: from === 0 ? null : from, parts: partsOf(taken) });
    return { ok: true };
  } catch (error) {
    if (error instanceof BakeoffError && error.code === 'graft_conflict')
      return { ok: false, clashes: clashesOf(error) };
    const says = refusal(error);
    if (says === null) throw error;
    return { ok: false, clashes: [], says };
  }
}

function clashesOf({ more }: BakeoffError): readonly Clash[] {
  return Array.isArray(more?.conflicts) ? (more.conflicts as Clash[]) : [];
}

/** A refusal's words; null for what is broken. */
function refusal(error: unknown): string | null {
  if (error instanceof VariationFailure) return error.message;
  return error instanceof BakeoffError && error.status < 500 ? error.message : null;
}

/** What the goal asks for, with each variation's answer. */
export function criteriaOf({ verdict }: Pick<Run, 'verdict'>): Criterion[] {
  if (verdict === null) return [];
  return verdict.criteria.map((text, i) => ({
    text,
    answers: Object.fromEntries(
      Object.entries(verdict.answers).map(([position, answers]) => [position, answers[i] ?? null]),
    ),
  }));
}

const mostBehind = 600;

/** What the judge said for a run's verdict, and the verdict itself; what was run is in the variations' streams. */
export async function loadBehind(
  database: Pick<Database, 'sql'>,
  { id, verdict }: Pick<Run, 'id' | 'verdict'>,
): Promise<Behind[]> {
  if (verdict === null) return [];
  const types = ['judge.answered', 'verdict.given'] as const;
  const events = await listEvents(database, id, { before: verdict.seq + 1, limit: mostBehind, types });
  return events.filter(isBehind).filter((event) => event.payload.verdict === verdict.id);
}

function isBehind(event: Event): event is Behind {
  return event.type === 'judge.answered' || event.type === 'verdict.given';
}

/** Where in the record the evidence of a run's verdict is; null before there is one. */
export async function verdictEvents(
  { sql }: Pick<Database, 'sql'>,
  { id, verdict, variations }: Pick<Run, 'id' | 'verdict' | 'variations'>,
): Promise<VerdictEvents | null> {
  if (verdict === null) return null;
  const [answered] = await sql<{ count: number }[]>`
    select count(*)::int as count from events
    where run_id = ${id} and type = 'judge.answered' and (payload->>'verdict')::int = ${verdict.id}`;
  const ranked = variations.filter((one) => verdict.ranking.some((place) => place.position === one.position));
  // Checks of before events were noted have none.
  const noted = ranked.map((one) => ({ ...one, checks: one.checks.filter((check) => check.seq > 0) }));
  const placed = (position: number): number => {
    const fell = verdict.ranking.find((place) => place.position === position)?.fell_at;
    const checks = noted.find((one) => one.position === position)?.checks ?? [];
    const why =
      fell === 'broken'
        ? checks.find((check) => check.required && check.result === 'broken')
        : fell === 'fixed'
          ? checks.find((check) => check.result === 'still_fails')
          : undefined;
    return why?.seq ?? verdict.seq;
  };
  return {
    verdict: verdict.seq,
    count: 1 + (answered?.count ?? 0) + noted.reduce((sum, one) => sum + one.checks.length, 0),
    places: Object.fromEntries(ranked.map(({ position }) => [position, placed(position)])),
    checks: Object.fromEntries(
      noted.map((one) => [
        one.position,
        Object.fromEntries(one.checks.map((check) => [check.name, check.seq])),
      ]),
    ),
  };
}
