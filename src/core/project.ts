import { count, desc, eq, or, sql } from 'drizzle-orm';
import { type ProjectCheck, projects, runs } from '../../drizzle/schema';
import type { Page, Project } from './contract';
import { readCursor, writeCursor } from './cursor';
import type { Database, Tx } from './db';
import { conflict, notFound } from './errors';
import type { Idempotency } from './idempotency';
import { remember } from './idempotency';
import type { TokenColumns } from './token';

/** Where code lives: exactly one of the two. Validated before it comes here. */
export type Source = { repo_url: string; local_path: null } | { repo_url: null; local_path: string };

export type NewProject = Source & {
  name: string;
  default_branch: string | null;
  checks: ProjectCheck[];
  /** A person has said which checks there are, even none; when absent, only if there are any. Else they are detected. */
  checks_set?: boolean;
  /** Run before the checks and the agent's work. */
  setup?: string | null;
  /** Hosts that its environments may reach, as `readHosts` has them. */
  network?: string[];
  /** Commands that an agent may run without asking, where its run asks for `commands`; none when absent. */
  allowed_commands?: string[];
} & Partial<TokenColumns>;

/** @throws BakeoffError 409 when the name is taken. */
export async function createProject(
  { sql: client }: Pick<Database, 'sql'>,
  input: NewProject,
  idempotency?: Idempotency,
): Promise<{ id: number; existed: boolean }> {
  return client.begin((tx) => remember(tx, 'projects', idempotency, () => insertProject(tx, input)));
}

/**
 * The project of a source, made at its first use; of two callers at once the second gets the first's.
 * @returns its id
 */
export async function projectOf({ sql: client }: Pick<Database, 'sql'>, source: Source): Promise<number> {
  const place = source.repo_url ?? source.local_path;
  const wanted = nameOfSource(place);
  return client.begin(async (tx) => {
    // By name, which the place decides: two places of one name must not take it at the same time either.
    await tx`select pg_advisory_xact_lock(hashtextextended(${`project:${wanted}`}, 0))`;
    const [found] = await tx<{ id: number }[]>`
      select id from projects where coalesce(repo_url, local_path) = ${place} order by id limit 1`;
    if (found) return found.id;
    const names = await tx<{ name: string }[]>`
      select name from projects where name = ${wanted} or name like ${`${wanted.replace(/[\\%_]/g, '\\$&')}-%`}`;
    const taken = new Set(names.map((row) => row.name));
    let name = wanted;
    for (let n = 2; taken.has(name); n += 1) name = `${wanted}-${n}`;
    return insertProject(tx, { ...source, name, default_branch: null, checks: [] });
  });
}

async function insertProject(tx: Tx, input: NewProject): Promise<number> {
  const [row] = await tx<{ id: number }[]>`
    insert into projects (name, repo_url, local_path, default_branch, setup, checks, checks_set, network,
      allowed_commands, token, token_user)
    values (${input.name}, ${input.repo_url}, ${input.local_path}, ${input.default_branch}, ${input.setup ?? null},
      ${tx.json(input.checks.map((check) => ({ ...check })))}, ${input.checks_set ?? input.checks.length > 0},
      ${tx.json(input.network ?? [])}, ${tx.json(input.allowed_commands ?? [])},
      ${input.token ?? null}, ${input.token_user ?? null})
    on conflict (name) do nothing returning id`;
  if (!row) throw conflict('name_taken', `There is a project ${input.name} already`);
  return row.id;
}

/** The last part of a URL or path, without `.git`. */
export function nameOfSource(place: string): string {
  const last =
    place
      .replace(/[/\\]+$/, '')
      .split(/[/\\:]/)
      .at(-1) ?? '';
  return last.replace(/\.git$/i, '') || 'project';
}

/** @throws BakeoffError 404 */
export async function getProject({ db }: Pick<Database, 'db'>, id: number): Promise<Project> {
  const [row] = await db.select().from(projects).where(eq(projects.id, id));
  if (!row) throw notFound('project', id);
  return toProject(row);
}

/** Newest first. */
export async function listProjects(
  { db }: Pick<Database, 'db'>,
  { limit = 50, cursor }: { limit?: number; cursor?: string } = {},
): Promise<Page<Project>> {
  const after = cursor ? (readCursor(cursor, ['integer'])[0] ?? null) : null;
  const [rows, [counted]] = await Promise.all([
    db
      .select()
      .from(projects)
      .where(after === null ? undefined : sql`${projects.id} < ${after}::bigint`)
      .orderBy(desc(projects.id))
      .limit(limit + 1),
    db.select({ total: count() }).from(projects),
  ]);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(toProject),
    total: counted?.total ?? 0,
    next_cursor: last ? writeCursor([last.id]) : null,
  };
}

/** A project by what a person types: its name, or its URL or path. */
export async function findProject({ db }: Pick<Database, 'db'>, words: string): Promise<Project | null> {
  const [row] = await db
    .select()
    .from(projects)
    .where(or(eq(projects.name, words), eq(projects.repo_url, words), eq(projects.local_path, words)))
    .orderBy(sql`${projects.name} = ${words} desc`, projects.id)
    .limit(1);
  return row ? toProject(row) : null;
}

export type ProjectChange = Partial<
  Pick<NewProject, 'name' | 'default_branch' | 'setup' | 'network' | 'allowed_commands'> &
    TokenColumns & {
      /** Said by a person, even if there are none; null forgets them, so that they are detected again. */
      checks: ProjectCheck[] | null;
    }
>;

/** @throws BakeoffError 404, or 409 when the name is taken. */
export async function updateProject(
  { db }: Pick<Database, 'db'>,
  id: number,
  { checks, ...change }: ProjectChange,
): Promise<Project> {
  const said = checks === undefined ? {} : { checks: checks ?? [], checks_set: checks !== null };
  try {
    const [row] = await db
      .update(projects)
      .set({ ...change, ...said, updated_at: new Date() })
      .where(eq(projects.id, id))
      .returning();
    if (!row) throw notFound('project', id);
    return toProject(row);
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict('name_taken', `There is a project ${change.name} already`);
    throw error;
  }
}

/**
 * Keeps the checks that were found in a project's repository, unless a person has said which there are or others were
 * found before. Inside a caller's transaction, or by itself.
 * @returns whether they are the project's checks now
 */
export async function storeDetectedChecks(
  { sql: client }: { sql: Database['sql'] | Tx },
  projectId: number,
  checks: readonly ProjectCheck[],
): Promise<boolean> {
  const { count: stored } = await client`
    update projects set checks = ${client.json(checks.map((check) => ({ ...check })))}, updated_at = now()
    where id = ${projectId} and not checks_set and checks = '[]'`;
  return stored > 0;
}

/** @throws BakeoffError 404, or 409 while runs need it. */
export async function deleteProject({ db }: Pick<Database, 'db'>, id: number): Promise<void> {
  const [used] = await db.select({ id: runs.id }).from(runs).where(eq(runs.project_id, id)).limit(1);
  if (used) throw conflict('project_in_use', `Run ${used.id} needs project ${id}`);
  const gone = await db.delete(projects).where(eq(projects.id, id)).returning({ id: projects.id });
  if (gone.length === 0) throw notFound('project', id);
}

/** drizzle wraps the driver's error. */
export function isUniqueViolation(error: unknown): boolean {
  const cause = (error as { cause?: { code?: string } }).cause;
  return (error as { code?: string }).code === '23505' || cause?.code === '23505';
}

function toProject(row: typeof projects.$inferSelect): Project {
  const { token, ...rest } = row;
  return {
    ...rest,
    has_token: token !== null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
