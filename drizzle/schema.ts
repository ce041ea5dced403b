import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  serial,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { PlanStep } from '../src/core/fact';
import type { FailureCode } from '../src/core/failure';
import type { MadeVerdict } from '../src/core/judging';

/** Statuses of a variation, in the words of the contract. */
export const variationStatuses = [
  'queued',
  'running',
  'paused',
  'awaiting_approval',
  'needs_review',
  'completed',
  'failed',
  'stopped',
] as const;
export type VariationStatus = (typeof variationStatuses)[number];

/** A run's status: `pending` until released, then derived from its variations. */
export const runStatuses = ['pending', ...variationStatuses] as const;
export type RunStatus = (typeof runStatuses)[number];

export const taskTypes = ['general', 'analysis', 'coding', 'research', 'review', 'documentation'] as const;
export type TaskType = (typeof taskTypes)[number];
export const runTypes = ['agent', 'task', 'workflow', 'pipeline'] as const;
export type RunType = (typeof runTypes)[number];
/** What a variation waits for a person's word on, when its run asks for it. */
export const approvalModes = ['none', 'plan', 'commands', 'commit'] as const;
export type ApprovalMode = (typeof approvalModes)[number];
export type ApprovalKind = Exclude<ApprovalMode, 'none'>;
export const providers = ['openai', 'anthropic', 'ollama', 'scripted'] as const;
export type Provider = (typeof providers)[number];

/** USD per million tokens. */
export interface Price {
  input: number;
  output: number;
  cached: number;
}

export interface ProjectCheck {
  name: string;
  command: string;
  /** Seconds. */
  timeout_s: number;
  required: boolean;
  /** A file of the workspace that the check writes its results to (JUnit XML, TAP); its counts are read from there. */
  report?: string;
}

/** How a winner goes out, and who chooses it. */
export const landingModes = ['branch', 'pull_request', 'merge'] as const;
export type LandingMode = (typeof landingModes)[number];
export const pickers = ['person', 'verdict'] as const;
export type Picker = (typeof pickers)[number];

export interface Author {
  name: string;
  email: string;
}

/** A landing as it is asked for; what is null is made from the run. */
export interface LandingRequest {
  mode: LandingMode;
  /** The branch that it is for; null is the project's default branch. */
  target: string | null;
  title: string | null;
  body: string | null;
  labels: string[];
  /** One commit; else one for each checkpoint. */
  squash: boolean;
  author: Author | null;
  co_authors: Author[];
  /** Mode `merge` into a branch that is checked out: its files may be brought along, if they are clean. */
  checkout: boolean;
}

/** A file, or hunks of one, that a graft takes from a variation. */
export interface GraftPart {
  variation: number;
  path: string;
  /** Numbered from 1, as in the variation's diff against what the graft starts from; absent: the whole file. */
  hunks?: number[];
}

export interface Graft {
  /** The variation whose files it starts from; null is the base. */
  on: number | null;
  parts: GraftPart[];
}

/** A file that decides how a patch is judged, and that the patch touched. */
export interface Flag {
  path: string;
  kind: 'test' | 'runner';
  change: 'added' | 'modified' | 'deleted';
}

/** What a check's own words say of its results. */
export type Counts =
  | { kind: 'tests'; passed: number; failed: number; skipped: number; total: number }
  | { kind: 'findings'; findings: number };

/** What a run may be told; defaults are filled in when it is created. */
export interface RunOptions {
  dry_run: boolean;
  verbose: boolean;
  max_steps: number;
  /** Automatic tries after failures that may pass. */
  max_retries: number;
  /** Seconds of work. */
  timeout_s: number;
  approval: ApprovalMode;
  /** `patch`: one answer without tools, which is a patch. */
  mode: 'tools' | 'patch';
  budget_usd: number | null;
  budget_tokens: number | null;
  /** Rounds of work, each followed by checks. */
  max_iterations: number;
  /** Once one variation passes everything required, the others are stopped. */
  stop_losers: boolean;
  pick: Picker;
  /** What happens to the winner as soon as there is one; null: nothing. */
  land: LandingRequest | null;
}

export interface ContextText {
  title: string;
  text: string;
}

/** Token counts summed over calls; `cost_usd` is null as soon as one call has no known price. */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  model_calls: number;
  cost_usd: number | null;
}

export interface Failure {
  code: FailureCode;
  message: string;
}

export interface PatchStat {
  files: number;
  additions: number;
  deletions: number;
  bytes: number;
}

/** A stretch of a variation's events that belongs to a conversation: `from` < seq <= `to`. */
export interface Stretch {
  position: number;
  from: number;
  to: number;
}

/** What an approval asks about; which field is there follows from its kind. */
export interface Question {
  /** `plan`: the agent's plan, one step a line. */
  plan?: string;
  /** `commands`: the command, verbatim. */
  command?: string;
  /** `commit`: what the final patch changes. */
  patch?: PatchStat;
}

const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });
const id = () => serial('id').primaryKey();
const at = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const createdAt = () => at('created_at').notNull().defaultNow();
const updatedAt = () => at('updated_at').notNull().defaultNow();
const emptyUsage = sql`'{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0,"model_calls":0,"cost_usd":0}'::jsonb`;

export const projects = pgTable(
  'projects',
  {
    id: id(),
    name: text('name').notNull(),
    /** Exactly one of the two says where the code lives. */
    repo_url: text('repo_url'),
    local_path: text('local_path'),
    default_branch: text('default_branch'),
    setup: text('setup'),
    checks: jsonb('checks').$type<ProjectCheck[]>().notNull().default([]),
    /** A person has said which checks there are, even none; else they are detected at the first run. */
    checks_set: boolean('checks_set').notNull().default(false),
    /** What git and the forge are given for this project: sealed with the installation's key, never read back. */
    token: bytes('token'),
    token_user: text('token_user'),
    network: jsonb('network').$type<string[]>().notNull().default([]),
    allowed_commands: jsonb('allowed_commands').$type<string[]>().notNull().default([]),
    executor: text('executor'),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  (table) => [
    uniqueIndex('projects_name').on(table.name),
    index('projects_source').on(sql`coalesce(${table.repo_url}, ${table.local_path})`),
    check('projects_one_source', sql`num_nonnulls(${table.repo_url}, ${table.local_path}) = 1`),
  ],
);

export const agents = pgTable(
  'agents',
  {
    id: id(),
    name: text('name').notNull(),
    kind: text('kind').$type<'builtin'>().notNull().default('builtin'),
    provider: text('provider').$type<Provider>().notNull(),
    model: text('model').notNull(),
    base_url: text('base_url'),
    /** Sealed with the installation's key; never read back. */
    api_key: bytes('api_key'),
    scenario: jsonb('scenario').$type<unknown>(),
    instructions: text('instructions'),
    temperature: doublePrecision('temperature').notNull().default(0),
    max_tokens: integer('max_tokens').notNull().default(8192),
    context_tokens: integer('context_tokens').notNull().default(128_000),
    /** Name of the agent that takes a call over when this one's model is not to be had. */
    fallback: text('fallback'),
    price: jsonb('price').$type<Price>(),
    /** Made from the environment at start (`OPENAI_API_KEY` …), with the key read from there at each use. */
    from_environment: boolean('from_environment').notNull().default(false),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  (table) => [uniqueIndex('agents_name').on(table.name)],
);

export const runs = pgTable(
  'runs',
  {
    id: id(),
    project_id: integer('project_id')
      .notNull()
      .references(() => projects.id),
    name: text('name').notNull(),
    goal: text('goal').notNull(),
    description: text('description'),
    instructions: text('instructions'),
    run_type: text('run_type').$type<RunType>().notNull().default('agent'),
    task_type: text('task_type').$type<TaskType>().notNull().default('general'),
    priority: integer('priority').notNull().default(5),
    status: text('status').$type<RunStatus>().notNull(),
    /** Branch, tag or commit asked for; null is the project's default branch. */
    base: text('base'),
    /** The commit that `base` meant when the first workspace was made. */
    base_sha: text('base_sha'),
    /** Another run whose result is the base; `base` is its commit once this run is released. */
    base_run: integer('base_run'),
    on_dependency_failure: text('on_dependency_failure').$type<'fail' | 'wait'>().notNull().default('fail'),
    /** Seconds, from the project's history when the run was made. */
    estimated_duration: integer('estimated_duration'),
    options: jsonb('options').$type<RunOptions>().notNull(),
    context: jsonb('context').$type<ContextText[]>().notNull().default([]),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    scheduled_at: at('scheduled_at'),
    usage: jsonb('usage').$type<Usage>().notNull().default(emptyUsage),
    result: text('result'),
    error: jsonb('error').$type<Failure>(),
    /** The number of the run's newest event; taken under this row's lock (invariant 2). */
    seq: bigint('seq', { mode: 'number' }).notNull().default(0),
    created_at: createdAt(),
    updated_at: updatedAt(),
    started_at: at('started_at'),
    completed_at: at('completed_at'),
    /** The position chosen, by whom and why. */
    winner: integer('winner'),
    winner_by: text('winner_by').$type<Picker>(),
    winner_note: text('winner_note'),
    winner_at: at('winner_at'),
    /** The first run of the flow that it belongs to, and its place there, from 1. */
    flow: integer('flow'),
    flow_place: integer('flow_place'),
    /** When retention took its streamed pieces and long outputs away. */
    thinned_at: at('thinned_at'),
  },
  (table) => [
    index('runs_pending').on(table.id).where(sql`${table.status} = 'pending'`),
    index('runs_of_flow').on(table.flow, table.flow_place).where(sql`${table.flow} is not null`),
    index('runs_to_thin').on(table.completed_at).where(sql`${table.thinned_at} is null`),
    index('runs_by_priority').on(
      table.priority.desc().nullsFirst(),
      table.created_at.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    index('runs_live_first').on(
      sql`(${table.completed_at} is null) desc nulls first`,
      table.created_at.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    index('runs_newest').on(table.created_at.desc().nullsFirst(), table.id.desc().nullsFirst()),
    index('runs_by_status').on(
      table.status,
      table.priority.desc().nullsFirst(),
      table.created_at.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    index('runs_by_project').on(
      table.project_id,
      table.created_at.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    check('runs_priority', sql`${table.priority} between 1 and 10`),
  ],
);

/** A run starts when all that it depends on are completed. */
export const runDependencies = pgTable(
  'run_dependencies',
  {
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    depends_on: integer('depends_on')
      .notNull()
      .references(() => runs.id),
  },
  (table) => [
    primaryKey({ columns: [table.run_id, table.depends_on] }),
    index('run_dependencies_back').on(table.depends_on),
  ],
);

export const variations = pgTable(
  'variations',
  {
    id: id(),
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    agent_id: integer('agent_id')
      .notNull()
      .references(() => agents.id),
    status: text('status').$type<VariationStatus>().notNull().default('queued'),
    /** What a person wants of a running variation; its worker watches it. */
    wanted: text('wanted').$type<'stop' | 'pause'>(),
    /** Fence (invariant 3): raised by every worker that takes the variation. */
    epoch: integer('epoch').notNull().default(0),
    /** The epoch that the present job was made for; with `id` it names the job. */
    job_epoch: integer('job_epoch').notNull().default(0),
    /** The number of the last batch of events written under this epoch: an append that is sent again is known by it. */
    batch: integer('batch').notNull().default(0),
    /** Workers lost under it since its model last answered. */
    losses: integer('losses').notNull().default(0),
    /** Automatic tries since a person last started it. */
    tries: integer('tries').notNull().default(0),
    /** Queued, but not to be taken before this time: the pause before another try. */
    not_before: at('not_before'),
    /** Queued, but kept from the queue by this limit of concurrency. */
    held: text('held').$type<'all' | 'project' | 'agent' | 'provider' | 'suspect'>(),
    /** Milliseconds worked since a person last started it; waiting is not counted. */
    worked_ms: bigint('worked_ms', { mode: 'number' }).notNull().default(0),
    /** The step after which a person last started it: `max_steps` counts from here. */
    steps_before: integer('steps_before').notNull().default(0),
    /** Earlier stretches of its conversation, after a fork or a rollback; then come its own events after `past_from`. */
    lineage: jsonb('lineage').$type<Stretch[]>().notNull().default([]),
    past_from: bigint('past_from', { mode: 'number' }).notNull().default(0),
    /** The number of the checkpoint that holds its patch; 0 before there is one. */
    checkpoint: integer('checkpoint').notNull().default(0),
    /** The event up to which its workspace was last found to be as that checkpoint has it. */
    saved_seq: bigint('saved_seq', { mode: 'number' }).notNull().default(0),
    /** What its model call under way may cost at most. */
    reserved_tokens: bigint('reserved_tokens', { mode: 'number' }).notNull().default(0),
    reserved_usd: doublePrecision('reserved_usd').notNull().default(0),
    attempt: integer('attempt').notNull().default(0),
    retry_count: integer('retry_count').notNull().default(0),
    iteration: integer('iteration').notNull().default(1),
    /** Iterations before a person last started it: `max_iterations` counts from here. */
    iterations_before: integer('iterations_before').notNull().default(0),
    progress_percentage: integer('progress_percentage').notNull().default(0),
    current_step: text('current_step'),
    plan: jsonb('plan').$type<PlanStep[]>(),
    /** `graft`: composed of parts of others, without an agent's work; its agent is who would go on with it. */
    kind: text('kind').$type<'agent' | 'graft'>().notNull().default('agent'),
    graft: jsonb('graft').$type<Graft>(),
    /** Files that judge its patch and that the patch touches. */
    flags: jsonb('flags').$type<Flag[]>().notNull().default([]),
    /** What its checks said against it and its agent has not heard yet. */
    feedback: text('feedback'),
    /** A person's mended patch, to be applied to the base instead of asking a model. */
    mended: text('mended'),
    branch: text('branch'),
    /** The commit made of base and patch, under `refs/bakeoff/<run>/<position>` of the mirror. */
    commit_sha: text('commit_sha'),
    patch: jsonb('patch').$type<PatchStat>(),
    usage: jsonb('usage').$type<Usage>().notNull().default(emptyUsage),
    result: text('result'),
    error: jsonb('error').$type<Failure>(),
    worker: text('worker'),
    created_at: createdAt(),
    updated_at: updatedAt(),
    started_at: at('started_at'),
    completed_at: at('completed_at'),
  },
  (table) => [
    uniqueIndex('variations_of_run').on(table.run_id, table.position),
    index('variations_live').on(table.status, table.id).where(sql`${table.status} in ('queued', 'running')`),
    index('variations_held').on(table.id).where(sql`${table.held} is not null`),
    index('variations_ended').on(table.completed_at).where(sql`${table.completed_at} is not null`),
    index('variations_by_agent').on(table.agent_id),
  ],
);

export const events = pgTable(
  'events',
  {
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    /** Position of the variation; null for the run's own. */
    variation: integer('variation'),
    type: text('type').notNull(),
    payload: jsonb('payload').$type<Record<string, unknown>>().notNull(),
    created_at: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.run_id, table.seq] }),
    index('events_of_variation').on(table.run_id, table.variation, table.seq),
    // The rate of edits that apply is read from the record, and only from its last weeks.
    index('events_of_patches')
      .on(table.created_at)
      .where(sql`${table.type} in ('patch.applied', 'patch.rejected')`),
  ],
);

export const checkpoints = pgTable(
  'checkpoints',
  {
    id: id(),
    variation_id: integer('variation_id')
      .notNull()
      .references(() => variations.id, { onDelete: 'cascade' }),
    /** 1, 2, 3 … within the variation. */
    number: integer('number').notNull(),
    epoch: integer('epoch').notNull(),
    base_sha: text('base_sha').notNull(),
    /** The cumulative patch against `base_sha`, gzip. */
    patch: bytes('patch').notNull(),
    sha256: text('sha256').notNull(),
    stat: jsonb('stat').$type<PatchStat>().notNull(),
    /** The loop's step after which it was taken: the position in the conversation. */
    step: integer('step').notNull(),
    /** The event that told of it, and the conversation up to there: `lineage`, then the events after `past_from`. */
    seq: bigint('seq', { mode: 'number' }).notNull().default(0),
    lineage: jsonb('lineage').$type<Stretch[]>().notNull().default([]),
    past_from: bigint('past_from', { mode: 'number' }).notNull().default(0),
    created_at: createdAt(),
  },
  (table) => [uniqueIndex('checkpoints_of_variation').on(table.variation_id, table.number)],
);

/** A person's instructions, one row for each variation that is to hear it. */
export const directives = pgTable(
  'directives',
  {
    id: id(),
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    variation_id: integer('variation_id')
      .notNull()
      .references(() => variations.id, { onDelete: 'cascade' }),
    text: text('text').notNull(),
    path: text('path'),
    line: integer('line'),
    created_at: createdAt(),
    /** When it entered the conversation. */
    delivered_at: at('delivered_at'),
  },
  (table) => [
    index('directives_of_run').on(table.run_id, table.id),
    index('directives_waiting').on(table.variation_id, table.id).where(sql`${table.delivered_at} is null`),
  ],
);

/** Questions that variations wait on. */
export const approvals = pgTable(
  'approvals',
  {
    id: id(),
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    variation_id: integer('variation_id')
      .notNull()
      .references(() => variations.id, { onDelete: 'cascade' }),
    kind: text('kind').$type<ApprovalKind>().notNull(),
    /** The place in the conversation that asks: the same question is not asked twice. */
    key: text('key').notNull(),
    question: jsonb('question').$type<Question>().notNull(),
    decision: text('decision').$type<'approve' | 'deny'>(),
    comment: text('comment'),
    /** The plan as the person changed it. */
    plan: text('plan'),
    created_at: createdAt(),
    reminded_at: at('reminded_at'),
    decided_at: at('decided_at'),
    /** Set when a rollback, a retry or an end has made it pointless: it can no longer be decided. */
    withdrawn_at: at('withdrawn_at'),
  },
  (table) => [
    index('approvals_of_run').on(table.run_id, table.id),
    uniqueIndex('approvals_of_variation')
      .on(table.variation_id, table.kind, table.key)
      .where(sql`${table.withdrawn_at} is null`),
    index('approvals_open')
      .on(table.created_at)
      .where(sql`${table.decision} is null and ${table.withdrawn_at} is null`),
  ],
);

/** Results of checks; `variation_id` null is the base's own. */
export const checks = pgTable(
  'checks',
  {
    id: id(),
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    variation_id: integer('variation_id').references(() => variations.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    command: text('command').notNull(),
    required: boolean('required').notNull(),
    /** Null when it was killed, by a signal or for its time. */
    exit_code: integer('exit_code'),
    /**
     * `passed` / `failed` on the base; against it: fixed, passes, still_fails, broken; or could_not_run. Where the patch
     * touches what judges it, the worse of its own and the base's version.
     */
    result: text('result').notNull(),
    /** Another result when it was run again: it decides nothing. */
    flaky: boolean('flaky').notNull().default(false),
    /** Of the base: a failure has been looked at twice, and may be built on. */
    confirmed: boolean('confirmed').notNull().default(true),
    counts: jsonb('counts').$type<Counts>(),
    /** With the base's version of what judges the patch; null when the patch touches nothing of that. */
    on_base_tests: jsonb('on_base_tests').$type<{ result: string; exit_code: number | null }>(),
    /** The event that told of it. */
    seq: bigint('seq', { mode: 'number' }).notNull().default(0),
    duration_ms: integer('duration_ms').notNull(),
    output: text('output').notNull(),
    created_at: createdAt(),
  },
  (table) => [
    uniqueIndex('checks_of_base').on(table.run_id, table.name).where(sql`${table.variation_id} is null`),
    uniqueIndex('checks_of_variation')
      .on(table.variation_id, table.name)
      .where(sql`${table.variation_id} is not null`),
  ],
);

/** What a process of the cluster does for a row that wants it: whoever claims it first, under a new epoch. */
const errand = {
  worker: text('worker'),
  epoch: integer('epoch').notNull().default(0),
  /** Tries that failed for what may pass. */
  tries: integer('tries').notNull().default(0),
  not_before: at('not_before'),
};

/** Rankings of a run's variations; the newest that is given counts. */
export const verdicts = pgTable(
  'verdicts',
  {
    id: id(),
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    status: text('status').$type<'wanted' | 'judging' | 'given' | 'dropped'>().notNull().default('wanted'),
    /** `run`: it came to its end; `person`: judge again. */
    asked_by: text('asked_by').$type<'run' | 'person'>().notNull().default('run'),
    ...errand,
    /** What models have answered so far, by question: nothing that was paid for is asked twice. */
    answers: jsonb('answers').$type<Record<string, unknown>>().notNull().default({}),
    verdict: jsonb('verdict').$type<MadeVerdict>(),
    usage: jsonb('usage').$type<Usage>().notNull().default(emptyUsage),
    /** The event that told of it. */
    seq: bigint('seq', { mode: 'number' }).notNull().default(0),
    created_at: createdAt(),
    given_at: at('given_at'),
  },
  (table) => [
    index('verdicts_of_run').on(table.run_id, table.id),
    uniqueIndex('verdicts_open').on(table.run_id).where(sql`${table.status} in ('wanted', 'judging')`),
    index('verdicts_to_give').on(table.id).where(sql`${table.status} in ('wanted', 'judging')`),
  ],
);

/** A pull request as its forge last told of it. */
export interface PullRequest {
  number: number;
  url: string;
  state: 'open' | 'closed' | 'merged';
  checks: 'pending' | 'passed' | 'failed' | 'none';
  merged_sha: string | null;
}

export const landingStatuses = [
  'wanted',
  'landing',
  'landed',
  'failed',
  'undo_wanted',
  'undoing',
  'undone',
] as const;
export type LandingStatus = (typeof landingStatuses)[number];

/** Winners on their way out; of a run at most one that has not failed and is not undone. */
export const landings = pgTable(
  'landings',
  {
    id: id(),
    run_id: integer('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    variation: integer('variation').notNull(),
    request: jsonb('request').$type<LandingRequest>().notNull(),
    status: text('status').$type<LandingStatus>().notNull().default('wanted'),
    ...errand,
    branch: text('branch'),
    target: text('target'),
    /** The target's commit that it was made for, and the commit that was pushed. */
    target_sha: text('target_sha'),
    commit_sha: text('commit_sha'),
    pull_request: jsonb('pull_request').$type<PullRequest>(),
    error: jsonb('error').$type<{ code: string; message: string; paths?: string[] }>(),
    polled_at: at('polled_at'),
    created_at: createdAt(),
    updated_at: updatedAt(),
    landed_at: at('landed_at'),
  },
  (table) => [
    index('landings_of_run').on(table.run_id, table.id),
    uniqueIndex('landings_live').on(table.run_id).where(sql`${table.status} not in ('failed', 'undone')`),
    index('landings_to_do')
      .on(table.id)
      .where(sql`${table.status} in ('wanted', 'landing', 'undo_wanted', 'undoing')`),
    index('landings_to_watch')
      .on(table.polled_at)
      .where(
        sql`${table.status} = 'landed' and ${table.pull_request} is not null
          and (${table.pull_request}->>'state' in ('open', 'closed') or ${table.polled_at} is null)`,
      ),
  ],
);

/** Deliveries of other services' webhooks that were taken: each counts once. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    source: text('source').notNull(),
    id: text('id').notNull(),
    received_at: at('received_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.source, table.id] }),
    index('webhook_deliveries_age').on(table.received_at),
  ],
);

/** Processes that work the queue, each heard every few seconds. */
export const workers = pgTable('workers', {
  id: text('id').primaryKey(),
  host: text('host').notNull(),
  pid: integer('pid').notNull(),
  concurrency: integer('concurrency').notNull(),
  version: text('version').notNull(),
  /** `bubblewrap`, `unsafe` or `none`, with the reason in `sandbox_detail`. */
  sandbox: text('sandbox').notNull(),
  sandbox_detail: text('sandbox_detail'),
  started_at: at('started_at').notNull().defaultNow(),
  heard_at: at('heard_at').notNull().defaultNow(),
  /** The database's process that its heartbeat comes through: gone as soon as the worker is dead. */
  backend_pid: integer('backend_pid'),
  backend_start: timestamp('backend_start', { withTimezone: true }),
});

export const settings = pgTable('settings', {
  key: text('key').primaryKey(),
  value: jsonb('value').$type<unknown>().notNull(),
  updated_at: updatedAt(),
});

/** Answers to creating calls that carried an `Idempotency-Key`. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    scope: text('scope').notNull(),
    key: text('key').notNull(),
    /** Hash of the body: the same key with another body is a mistake, and is told so. */
    body_sha256: text('body_sha256').notNull(),
    resource_id: integer('resource_id').notNull(),
    created_at: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.key] }),
    index('idempotency_keys_age').on(table.created_at),
  ],
);
