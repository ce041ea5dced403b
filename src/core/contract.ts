import type {
  ApprovalKind,
  Failure,
  Flag,
  Graft,
  PatchStat,
  Price,
  ProjectCheck,
  Provider,
  Question,
  RunOptions,
  RunStatus,
  RunType,
  TaskType,
  Usage,
  VariationStatus,
} from '../../drizzle/schema';
import type { CheckOutcome, Landing, RunVerdict, Winner } from './contract-outcome';
import type { PlanStep } from './fact';

/** The objects of the JSON API, exactly as they are sent (api.md). Times are ISO-8601 UTC, durations seconds. */

export type {
  CheckOutcome,
  Landing,
  Preflight,
  RunVerdict,
  Winner,
} from './contract-outcome';
export type { DayStat, EditStats, Figures, Stats, WeekWins, Wins } from './contract-stats';

/** The run's status in six words, for the monitoring API. */
export type TaskStatus = 'pending' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

export interface Variation {
  id: number;
  position: number;
  agent: { id: number; name: string; model: string; provider: Provider };
  status: VariationStatus;
  kind: 'agent' | 'graft';
  graft: Graft | null;
  flags: Flag[];
  attempt: number;
  retry_count: number;
  iteration: number;
  progress_percentage: number;
  current_step: string | null;
  plan: PlanStep[] | null;
  branch: string | null;
  patch: PatchStat | null;
  checks: CheckOutcome[];
  usage: Usage;
  result: string | null;
  error: Failure | null;
  worker: string | null;
  /** When it is tried again after a failure that may pass. */
  retry_at: string | null;
  /** The limit of concurrency that it waits for. */
  held: 'all' | 'project' | 'agent' | 'provider' | 'suspect' | null;
  /** A person asked for this, and it is not done yet. */
  wanted: 'stop' | 'pause' | null;
  started_at: string | null;
  completed_at: string | null;
}

/** A state of a variation's files that it can go back to or be forked from. */
export interface Checkpoint {
  /** 1, 2, 3 … within the variation. */
  checkpoint: number;
  /** The step of the conversation after which it was taken. */
  step: number;
  /** The event that told of it. */
  seq: number;
  /** The variation whose event that is: a fork's first checkpoint is one of its source's. */
  told_by: number;
  patch: PatchStat;
  /** It holds the variation's present patch. */
  current: boolean;
  created_at: string;
}

/** An instruction to one variation. */
export interface Directive {
  id: number;
  position: number;
  text: string;
  path: string | null;
  line: number | null;
  created_at: string;
  /** Null while it waits for the agent's next turn. */
  delivered_at: string | null;
}

/** A question that a variation waits on. */
export interface Approval {
  id: number;
  run_id: number;
  position: number;
  kind: ApprovalKind;
  question: Question;
  /** `withdrawn`: what asked it was rolled back, retried or ended. */
  status: 'open' | 'approved' | 'denied' | 'withdrawn';
  comment: string | null;
  plan: string | null;
  created_at: string;
  decided_at: string | null;
}

export interface Run {
  id: number;
  run_id: number;
  task_id: number;
  project_id: number;
  /** The project's name, for lists. */
  project: string;
  name: string;
  goal: string;
  description: string | null;
  instructions: string | null;
  run_type: RunType;
  task_type: TaskType;
  priority: number;
  status: RunStatus;
  task_status: TaskStatus;
  progress_percentage: number;
  current_step: string | null;
  estimated_duration: number | null;
  time_left: number | null;
  base: string | null;
  base_sha: string | null;
  options: RunOptions;
  metadata: Record<string, unknown>;
  depends_on: number[];
  scheduled_at: string | null;
  usage: Usage;
  result: string | null;
  error: Failure | null;
  /** The newest that was given. */
  verdict: RunVerdict | null;
  /** Its variations are being judged, or about to be. */
  judging: boolean;
  winner: Winner | null;
  landing: Landing | null;
  /** Runs of the same flow in their order; null for a run by itself. */
  flow: { place: number; runs: number[] } | null;
  on_dependency_failure: 'fail' | 'wait';
  /** The completed run that it is to start from, as soon as one of that one's several results is the winner. */
  waits_for_winner_of: number | null;
  /** Results of the project's checks on the base. */
  base_checks: CheckOutcome[];
  variations: Variation[];
  created_at: string;
  updated_at: string;
  started_at: string | null;
  completed_at: string | null;
}

export interface Project {
  id: number;
  name: string;
  repo_url: string | null;
  local_path: string | null;
  default_branch: string | null;
  setup: string | null;
  checks: ProjectCheck[];
  network: string[];
  allowed_commands: string[];
  executor: string | null;
  /** Whether a person has said which checks there are; else they are detected at the first run. */
  checks_set: boolean;
  /** Whether a token for its repository is set; the token itself is never read back. */
  has_token: boolean;
  token_user: string | null;
  created_at: string;
  updated_at: string;
}

export interface Agent {
  id: number;
  name: string;
  kind: 'builtin';
  provider: Provider;
  model: string;
  base_url: string | null;
  /** Whether a key is set; the key itself is never read back. */
  has_api_key: boolean;
  scenario: unknown;
  instructions: string | null;
  temperature: number;
  max_tokens: number;
  context_tokens: number;
  fallback: string | null;
  price: Price | null;
  from_environment: boolean;
  created_at: string;
  updated_at: string;
}

export interface Page<T> {
  items: T[];
  total: number;
  next_cursor: string | null;
}

export const outputTypes = ['stdout', 'stderr', 'status', 'diff', 'summary', 'info'] as const;
export type OutputType = (typeof outputTypes)[number];

/** An event as the monitoring API tells it. */
export interface Output {
  seq: number;
  run_id: number;
  variation_id: number | null;
  position: number | null;
  output_type: OutputType;
  content: string;
  timestamp: string;
}

export type Level = 'good' | 'warn' | 'bad' | 'off';

/** One part of the service, as `/health` and the status bar tell it. */
export interface HealthPart {
  status: 'fine' | 'degraded' | 'down' | 'off';
  detail: string | null;
  latency_ms: number | null;
}

export interface Health {
  /** `down` when runs cannot be worked on at all. */
  status: 'fine' | 'degraded' | 'down';
  version: string;
  /** True when agents run without a sandbox. */
  unsafe: boolean;
  parts: {
    database: HealthPart;
    queue: HealthPart;
    sandbox: HealthPart;
    workers: HealthPart;
    models: HealthPart;
    forges: HealthPart;
  };
}

export interface WorkerStatus {
  id: string;
  host: string;
  pid: number;
  concurrency: number;
  version: string;
  sandbox: string;
  sandbox_detail: string | null;
  started_at: string;
  heard_at: string;
  /** Heard in the last 15 s. */
  alive: boolean;
  busy: { run_id: number; position: number }[];
}

export interface QueueStats {
  backend: 'postgres' | 'redis';
  counts: Record<
    'waiting' | 'active' | 'delayed' | 'completed' | 'failed' | 'paused' | 'prioritized',
    number
  >;
  /** Seconds that the oldest queued variation has waited. */
  oldest_age_s: number | null;
  /** Variations ended in the last hour. */
  throughput_per_hour: number;
}
