import { and, asc, count, desc, eq, exists, ilike, inArray, or, type SQL, sql } from 'drizzle-orm';
import { agents, type RunStatus, type RunType, runs, type TaskType, variations } from '../../drizzle/schema';
import type { Page, Run } from './contract';
import { type CursorKind, readCursor, writeCursor } from './cursor';
import { atOneMoment, type Database, type Db } from './db';
import { completeRuns, type RunRow, selectRuns } from './run-object';

export const runSorts = ['priority', 'newest', 'oldest', 'live'] as const;
export type RunSort = (typeof runSorts)[number];

export interface RunFilter {
  status?: readonly RunStatus[];
  project_id?: readonly number[];
  /** Names of agents. */
  agent?: readonly string[];
  task_type?: readonly TaskType[];
  run_type?: readonly RunType[];
  /** Words in name or goal. */
  q?: string;
  sort?: RunSort;
  limit?: number;
  cursor?: string;
}

/** Runs as the lists show them; `total` counts all that the filter lets through. */
export async function listRuns({ db }: Pick<Database, 'db'>, filter: RunFilter = {}): Promise<Page<Run>> {
  const limit = filter.limit ?? 50;
  const where = whereOf(db, filter);
  const order = orders[filter.sort ?? 'priority'];
  const after = filter.cursor ? beyond(order, filter.cursor) : undefined;
  const [{ rows, items }, [counted]] = await Promise.all([
    atOneMoment(db, async (db) => {
      const rows = await selectRuns(db)
        .where(and(where, after))
        .orderBy(...order.keys.map(({ by }) => (order.descending ? desc(by) : asc(by))))
        .limit(limit + 1);
      return { rows, items: await completeRuns(db, rows.slice(0, limit)) };
    }),
    db.select({ total: count() }).from(runs).where(where),
  ]);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items,
    total: counted?.total ?? 0,
    next_cursor: last ? writeCursor(order.keys.map((key) => key.of(last))) : null,
  };
}

/** How many runs have each status, of those that the filter lets through; a status that none has is left out. */
export async function countByStatus(
  { db }: Pick<Database, 'db'>,
  filter: Omit<RunFilter, 'status' | 'sort' | 'limit' | 'cursor'> = {},
): Promise<Partial<Record<RunStatus, number>>> {
  const rows = await db
    .select({ status: runs.status, n: count() })
    .from(runs)
    .where(whereOf(db, filter))
    .groupBy(runs.status);
  return Object.fromEntries(rows.map((row) => [row.status, row.n]));
}

function whereOf(db: Db, filter: RunFilter): SQL | undefined {
  const q = filter.q?.trim();
  const pattern = q ? `%${q.replace(/[\\%_]/g, '\\$&')}%` : '';
  return and(
    filter.status?.length ? inArray(runs.status, [...filter.status]) : undefined,
    filter.project_id?.length ? inArray(runs.project_id, [...filter.project_id]) : undefined,
    filter.task_type?.length ? inArray(runs.task_type, [...filter.task_type]) : undefined,
    filter.run_type?.length ? inArray(runs.run_type, [...filter.run_type]) : undefined,
    q ? or(ilike(runs.name, pattern), ilike(runs.goal, pattern)) : undefined,
    filter.agent?.length
      ? exists(
          db
            .select({ one: sql`1` })
            .from(variations)
            .innerJoin(agents, eq(agents.id, variations.agent_id))
            .where(and(eq(variations.run_id, runs.id), inArray(agents.name, [...filter.agent]))),
        )
      : undefined,
  );
}

/** One part of a sort: the column, how it is bound in a cursor's comparison, and its value for a row. */
interface SortKey {
  by: SQL | typeof runs.id | typeof runs.priority | typeof runs.created_at;
  kind: CursorKind;
  bind: (value: number) => SQL;
  of: (row: RunRow) => number;
}

interface Order {
  /** All keys go one way, so that one comparison of rows finds the place, by the index that serves the sort. */
  descending: boolean;
  keys: SortKey[];
}

const id: SortKey = {
  by: runs.id,
  kind: 'integer',
  bind: (value) => sql`${value}::int`,
  of: ({ run }) => run.id,
};
/** Stored to the millisecond, so a cursor holds it exactly. */
const created: SortKey = {
  by: runs.created_at,
  kind: 'time',
  bind: (value) => sql`to_timestamp(${value}::bigint / 1000.0)::timestamptz(3)`,
  of: ({ run }) => run.created_at.getTime(),
};
const priority: SortKey = {
  by: runs.priority,
  kind: 'integer',
  bind: (value) => sql`${value}::int`,
  of: ({ run }) => run.priority,
};
const live: SortKey = {
  by: sql`(${runs.completed_at} is null)`,
  kind: 'integer',
  bind: (value) => sql`(${value}::int = 1)`,
  of: ({ run }) => (run.completed_at === null ? 1 : 0),
};

const orders: Record<RunSort, Order> = {
  priority: { descending: true, keys: [priority, created, id] },
  newest: { descending: true, keys: [created, id] },
  oldest: { descending: false, keys: [created, id] },
  live: { descending: true, keys: [live, created, id] },
};

function beyond({ descending, keys }: Order, cursor: string): SQL {
  const values = readCursor(
    cursor,
    keys.map((key) => key.kind),
  );
  const columns = sql.join(
    keys.map((key) => sql`${key.by}`),
    sql`, `,
  );
  const place = sql.join(
    keys.map((key, i) => key.bind(values[i] ?? 0)),
    sql`, `,
  );
  return descending ? sql`(${columns}) < (${place})` : sql`(${columns}) > (${place})`;
}
