import type {
  ApprovalKind,
  Counts,
  Failure,
  Flag,
  GraftPart,
  LandingMode,
  PatchStat,
  Picker,
  PullRequest,
  Question,
  Usage,
} from '../../drizzle/schema';
import type { AssistantMessage } from './conversation';

/** One line of an agent's plan. */
export interface PlanStep {
  text: string;
  status: 'pending' | 'active' | 'done';
}

/** Where a check, or a set-up, is run: on the base, on base and patch, or on these with the base's version of what judges. */
export type CheckedOn = 'base' | 'patch' | 'base_tests';

/** Why a variation waits for a worker again. */
export type QueuedWhy =
  | 'shutdown'
  | 'worker_lost'
  | 'resumed'
  | 'decided'
  | 'directive'
  | 'retry'
  | 'rollback'
  | 'fork'
  | 'graft'
  | 'mended';

/** `passed`, `failed` on the base; the others compare the patch with the base. */
export type CheckResult =
  | 'passed'
  | 'failed'
  | 'fixed'
  | 'passes'
  | 'still_fails'
  | 'broken'
  | 'could_not_run';

/** What a directive asks a variation to put its change on top of: a branch as it was then, in the files on which both had changed the same places. */
export interface Rebase {
  target: string;
  target_sha: string;
  paths: string[];
}

/** Of a run that ended long ago, retention has taken the text away (a long output's middle, a verbose prompt). */
export interface Thinned {
  thinned?: true;
}

/**
 * What an event of each type says. Streams come in parts: `agent.thinking`, `agent.message` and `tool.output`
 * with the same `call` or `tool` belong together, in order. `call` counts a variation's model calls and `tool`
 * its tool calls, both from 1.
 */
export interface Payloads {
  'run.created': { name: string; goal: string; variations: number; agents: string[] };
  /** It waited for a time or for other runs, and waits no more. */
  'run.released': Record<string, never>;
  'run.queued': Record<string, never>;
  'run.started': Record<string, never>;
  'run.paused': Record<string, never>;
  'run.resumed': Record<string, never>;
  'run.completed': { summary: string | null };
  'run.failed': { error: Failure };
  'run.needs_review': { error: Failure };
  'run.stopped': { error: Failure };
  'variation.queued': {
    agent: string;
    model: string;
    /** Absent when it is new. */
    why?: QueuedWhy;
    /** Where it goes on from, after a fork, a rollback or a retry; 0 is the start. */
    checkpoint?: number;
    /** The variation that it was forked from. */
    forked_from?: number;
  };
  'variation.started': { attempt: number; epoch: number; worker: string; agent: string; model: string };
  /** It goes on where it was: from which checkpoint (null: nothing was changed yet), after which step of the conversation. */
  'variation.resumed': { checkpoint: number | null; step: number };
  /** A failure that may pass: it waits, and goes on at `at`. */
  'variation.retrying': { error: Failure; retry: number; of: number; at: string; delay_ms: number };
  'variation.paused': Record<string, never>;
  'variation.progress': { percentage: number; step: string | null };
  'variation.completed': { summary: string | null; patch: PatchStat | null };
  'variation.failed': { error: Failure };
  'variation.needs_review': { error: Failure };
  'variation.stopped': { error: Failure };
  'workspace.ready': { base_sha: string; duration_ms: number };
  'agent.thinking': { call: number; text: string } & Thinned;
  'agent.message': { call: number; text: string } & Thinned;
  'plan.generated': { steps: PlanStep[] };
  'step.started': { step: number };
  'step.completed': { step: number; duration_ms: number };
  /** `added`: what the model was told since its last answer, so that the conversation can be made again from events. */
  'model.requested': {
    call: number;
    provider: string;
    model: string;
    messages: number;
    added: string[];
    prompt?: unknown;
  } & Thinned;
  /** Holds the whole answer: recorded before its tools run, so that it is never paid for twice (invariant 5). */
  'model.responded': {
    call: number;
    provider: string;
    model: string;
    finish_reason: string;
    usage: Omit<Usage, 'model_calls' | 'cost_usd'>;
    cost_usd: number | null;
    latency_ms: number;
    message: AssistantMessage;
  };
  'model.retried': { call: number; error: string; try: number; delay_ms: number };
  'model.fell_back': { call: number; from: string; to: string; error: string };
  'tool.started': { tool: number; id: string; name: string; arguments: unknown; title: string };
  /** A call that was cut off, or whose changes were lost with its workspace, is run again as the same `tool`. */
  'tool.repeated': { tool: number; id: string; name: string };
  'tool.output': { tool: number; stream: 'stdout' | 'stderr'; text: string } & Thinned;
  /** `output` is what the model is told. `exit_code` is a command's; null when it was killed. */
  'tool.finished': {
    tool: number;
    id: string;
    name: string;
    ok: boolean;
    exit_code?: number | null;
    duration_ms: number;
    truncated: boolean;
    output: string;
  } & Thinned;
  'patch.proposed': PatchStat;
  /** A variation's patch, kept as a commit; or an edit of a tool, and how exactly it had to fit. */
  'patch.applied': { commit: string; ref: string } | { tier: string; files: string[] };
  /** `edit`: a tool's, of which the model was told; not the variation's patch. */
  'patch.rejected': { reasons: string[]; edit?: true };
  'checkpoint.saved': { checkpoint: number; step: number } & PatchStat;
  'checkpoint.restored': { checkpoint: number; step: number } & PatchStat;
  /** `failed`: the required checks that sent it back; an opinion's reason where there are none. */
  'iteration.started': { iteration: number; failed?: string[]; opinion?: string };
  'setup.started': { on: CheckedOn | 'work'; command: string };
  /** `cached`: what it makes was there already. */
  'setup.finished': {
    on: CheckedOn | 'work';
    cached: boolean;
    exit_code: number | null;
    duration_ms: number;
    output: string;
  } & Thinned;
  /** `on`: what was done there; an older event does not say it. */
  'network.denied': { on?: CheckedOn | 'work'; host: string; port: number; reason: string };
  /** `again`: a result that differs from the base's, or a failure there, is looked at a second time. */
  'check.started': { name: string; command: string; on: CheckedOn; again?: true };
  'check.finished': {
    name: string;
    command: string;
    on: CheckedOn;
    result: CheckResult;
    exit_code: number | null;
    duration_ms: number;
    output: string;
    again?: true;
    /** Taken over from this run, which found it out about the same commit. */
    cached?: number;
    /** Its result changed on being run again. */
    flaky?: true;
    counts?: Counts;
  } & Thinned;
  /** The patch touches files that judge it. */
  'patch.flagged': { files: Flag[] };
  /** A model's opinion, where no check can tell. */
  'goal.assessed': {
    agent: string;
    model: string;
    met: boolean;
    missing: string[];
    reason: string;
    sha256: string;
    cost_usd: number | null;
  };
  'directive.received': {
    directive: number;
    text: string;
    path: string | null;
    line: number | null;
    rebase?: Rebase;
  };
  /** It entered the conversation with this model call. */
  'directive.delivered': { directive: number; call: number };
  'approval.requested': { approval: number; kind: ApprovalKind; question: Question };
  'approval.reminded': { approval: number; kind: ApprovalKind; waited_s: number };
  'approval.decided': {
    approval: number;
    kind: ApprovalKind;
    decision: 'approve' | 'deny';
    comment: string | null;
    /** The plan as the person changed it. */
    plan: string | null;
  };
  /**
   * What a judge said to one question of a verdict; or, `verdict` null, that none could say whether a variation's goal is
   * met. `about`: positions, in the order in which they were shown.
   */
  'judge.answered': {
    verdict: number | null;
    question: 'criteria' | 'answers' | 'pair' | 'goal';
    about: number[];
    agent: string;
    model: string;
    text: string | null;
    failure: { code: string; message: string } | null;
    cost_usd: number | null;
  };
  /** `asks`: the winner was to be picked by the verdict, and executed checks did not decide: a person is asked. */
  'verdict.given': {
    verdict: number;
    ranking: { position: number; rank: number }[];
    decided_by: string | null;
    tie: boolean;
    summary: string;
    asks: boolean;
  };
  'winner.chosen': { variation: number; by: Picker; note: string | null };
  'winner.cleared': { variation: number; why: 'person' | 'reopened' };
  'graft.created': { variation: number; on: number | null; parts: GraftPart[] };
  'landing.started': {
    landing: number;
    variation: number;
    mode: LandingMode;
    target: string;
    branch: string;
  };
  'landing.succeeded': {
    landing: number;
    mode: LandingMode;
    branch: string;
    target: string;
    commit: string;
    pull_request: PullRequest | null;
  };
  /** `undo`: it is as it was, and could not be undone. */
  'landing.failed': {
    landing: number;
    error: { code: string; message: string; paths?: string[] };
    undo?: true;
  };
  'landing.updated': { landing: number; pull_request: PullRequest };
  'landing.undone': {
    landing: number;
    how: 'branch_deleted' | 'closed' | 'reverted' | 'nothing';
    commit?: string;
  };
  'budget.warned': { kind: 'usd' | 'tokens'; used: number; limit: number };
  'budget.exceeded': { kind: 'usd' | 'tokens'; used: number; limit: number };
}

export type FactType = keyof Payloads;

/** What is said to the record: an event before it has its place in a run. */
export type Fact = { [T in FactType]: { type: T; payload: Payloads[T] } }[FactType];

/** An event as it stands in the record. */
export type Event = Fact & { run_id: number; seq: number; variation: number | null; created_at: string };

/** Hands a fact to the record, in order; writes happen a little later, in batches. */
export type Emit = (fact: Fact) => void;

/** Resolves once everything emitted so far is committed; rejects when it was refused (`Fenced`) or lost. */
export type Flush = () => Promise<void>;

/** The ends of a run: after one of these the run is over, until a person starts it again. */
export const runEnds: ReadonlySet<string> = new Set<FactType>([
  'run.completed',
  'run.failed',
  'run.needs_review',
  'run.stopped',
]);
