import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { runs, variations } from '../../drizzle/schema';
import type { Db } from './db';

type Row = typeof runs.$inferSelect;

/** What ties runs to others, for their objects: one query each, and none where there is nothing of it. */
export interface Links {
  /** The runs of each flow, in their order. */
  flows: Map<number, number[]>;
  /** Completed runs with several results and no winner, among those that pending ones are to start from. */
  undecided: Set<number>;
}

export async function readLinks(db: Db, rows: readonly Row[]): Promise<Links> {
  const flows = [...new Set(rows.map((row) => row.flow).filter((id) => id !== null))];
  const bases = rows
    .filter((row) => row.status === 'pending' && row.base === null)
    .map((row) => row.base_run);
  const [members, undecided] = await Promise.all([
    flows.length === 0
      ? []
      : db
          .select({ id: runs.id, flow: runs.flow })
          .from(runs)
          .where(inArray(runs.flow, flows))
          .orderBy(asc(runs.flow), asc(runs.flow_place)),
    listUndecided(
      db,
      bases.filter((id) => id !== null),
    ),
  ]);
  const byFlow = Map.groupBy(members, (one) => one.flow ?? 0);
  return {
    flows: new Map([...byFlow].map(([flow, own]) => [flow, own.map((one) => one.id)])),
    undecided,
  };
}

/** Of these runs those that `isUndecided` is true of. */
async function listUndecided(db: Db, ids: number[]): Promise<Set<number>> {
  if (ids.length === 0) return new Set();
  const found = await db
    .select({ id: runs.id })
    .from(runs)
    .innerJoin(variations, eq(variations.run_id, runs.id))
    .where(
      and(
        inArray(runs.id, ids),
        eq(runs.status, 'completed'),
        isNull(runs.winner),
        eq(variations.status, 'completed'),
      ),
    )
    .groupBy(runs.id)
    .having(sql`count(distinct ${variations.commit_sha}) > 1`);
  return new Set(found.map((row) => row.id));
}
