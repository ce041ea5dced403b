import type { Question } from '../../drizzle/schema';
import type { Output, OutputType } from './contract';
import type { Event } from './fact';

/**
 * An event as the monitoring API tells it; null for what is only bookkeeping there. Every end of a run or variation is
 * a `status`, but that one which was completed with a summary is told by its `summary` alone.
 */
export function toOutput(event: Event, variationIds: ReadonlyMap<number, number>): Output | null {
  const told = tell(event);
  if (told === null) return null;
  return {
    seq: event.seq,
    run_id: event.run_id,
    variation_id: event.variation === null ? null : (variationIds.get(event.variation) ?? null),
    position: event.variation,
    output_type: told[0],
    content: told[1],
    timestamp: event.created_at,
  };
}

/** Event types that may make outputs of each kind: lets the query leave out the others. */
export const eventTypesOf: Record<OutputType, readonly Event['type'][]> = {
  stdout: ['tool.output', 'check.finished'],
  stderr: ['tool.output'],
  status: [
    ...([
      'run.created',
      'run.queued',
      'run.released',
      'run.started',
      'run.paused',
      'run.resumed',
      'run.completed',
      'run.failed',
      'run.needs_review',
    ] as const),
    ...([
      'run.stopped',
      'variation.queued',
      'variation.started',
      'variation.resumed',
      'variation.progress',
      'variation.retrying',
      'variation.paused',
      'approval.requested',
      'approval.reminded',
    ] as const),
    ...(['variation.completed', 'variation.failed', 'variation.needs_review', 'variation.stopped'] as const),
  ],
  diff: ['patch.proposed', 'patch.applied', 'patch.rejected', 'checkpoint.saved', 'checkpoint.restored'],
  summary: ['variation.completed', 'run.completed'],
  info: [
    ...(['workspace.ready', 'agent.thinking', 'agent.message', 'plan.generated', 'model.retried'] as const),
    ...([
      'model.fell_back',
      'tool.started',
      'tool.repeated',
      'tool.finished',
      'iteration.started',
      'check.started',
      'setup.started',
      'setup.finished',
      'network.denied',
      'patch.flagged',
      'goal.assessed',
    ] as const),
    ...([
      'judge.answered',
      'verdict.given',
      'winner.chosen',
      'winner.cleared',
      'graft.created',
      'landing.started',
      'landing.succeeded',
      'landing.failed',
      'landing.updated',
      'landing.undone',
    ] as const),
    ...(['budget.warned', 'budget.exceeded'] as const),
    ...(['directive.received', 'directive.delivered', 'approval.decided'] as const),
  ],
};

type Told = [OutputType, string] | null;

function tell(event: Event): Told {
  switch (event.type) {
    case 'tool.output':
      return [event.payload.stream, event.payload.text];
    case 'check.finished':
      return [
        'stdout',
        `check ${event.payload.name} on ${event.payload.on}: ${event.payload.result}\n${event.payload.output}`,
      ];
    case 'run.created':
      return ['status', `created: ${event.payload.name}`];
    case 'run.queued':
    case 'variation.queued':
      return ['status', 'queued'];
    case 'run.started':
      return ['status', 'running'];
    case 'run.released':
      return ['status', 'released'];
    case 'run.paused':
    case 'variation.paused':
      return ['status', 'paused'];
    case 'run.resumed':
      return ['status', 'running'];
    case 'variation.retrying':
      return [
        'status',
        `tried again (${event.payload.retry} of ${event.payload.of}) at ${event.payload.at}: ${event.payload.error.code}: ${event.payload.error.message}`,
      ];
    case 'directive.received':
      return ['info', `directive ${event.payload.directive}: ${event.payload.text}`];
    case 'directive.delivered':
      return ['info', `directive ${event.payload.directive} taken up`];
    case 'approval.requested':
      return ['status', `awaiting approval: ${event.payload.kind}${asked(event.payload.question)}`];
    case 'approval.reminded':
      return ['status', `still awaiting approval: ${event.payload.kind}`];
    case 'approval.decided':
      return [
        'info',
        `${event.payload.kind} ${event.payload.decision === 'approve' ? 'approved' : 'denied'}${event.payload.comment ? `: ${event.payload.comment}` : ''}`,
      ];
    case 'variation.started':
      return ['status', `running: attempt ${event.payload.attempt} by ${event.payload.agent}`];
    case 'variation.resumed':
      return ['status', `goes on after step ${event.payload.step}`];
    case 'variation.progress':
      return ['status', `${event.payload.percentage} %${event.payload.step ? ` ${event.payload.step}` : ''}`];
    case 'run.completed':
    case 'variation.completed':
      return event.payload.summary?.trim() ? ['summary', event.payload.summary] : ['status', 'completed'];
    case 'run.failed':
    case 'variation.failed':
      return ['status', `failed: ${event.payload.error.code}: ${event.payload.error.message}`];
    case 'run.needs_review':
    case 'variation.needs_review':
      return ['status', `needs review: ${event.payload.error.code}: ${event.payload.error.message}`];
    case 'run.stopped':
    case 'variation.stopped':
      return ['status', `stopped: ${event.payload.error.message}`];
    case 'patch.proposed':
      return [
        'diff',
        `${event.payload.files} files, +${event.payload.additions} −${event.payload.deletions}`,
      ];
    case 'checkpoint.saved':
      return [
        'diff',
        `checkpoint ${event.payload.checkpoint}: ${event.payload.files} files, +${event.payload.additions} −${event.payload.deletions}`,
      ];
    case 'checkpoint.restored':
      return ['diff', `checkpoint ${event.payload.checkpoint} restored`];
    case 'patch.applied':
      return 'commit' in event.payload
        ? ['diff', `applies: ${event.payload.commit}`]
        : ['diff', `edited (${event.payload.tier}): ${event.payload.files.join(', ')}`];
    case 'patch.rejected':
      return ['diff', `rejected: ${event.payload.reasons.join('; ')}`];
    case 'workspace.ready':
      return ['info', `workspace ready at ${event.payload.base_sha}`];
    case 'agent.thinking':
    case 'agent.message':
      return ['info', event.payload.text];
    case 'plan.generated':
      return ['info', event.payload.steps.map((step) => `[${markOf(step.status)}] ${step.text}`).join('\n')];
    case 'model.retried':
      return ['info', `asking again in ${event.payload.delay_ms} ms: ${event.payload.error}`];
    case 'model.fell_back':
      return ['info', `${event.payload.to} takes over from ${event.payload.from}: ${event.payload.error}`];
    case 'tool.started':
      return ['info', event.payload.title];
    case 'tool.repeated':
      return ['info', `${event.payload.name} was cut off and is run again`];
    case 'tool.finished':
      return [
        'info',
        `${event.payload.name}: ${event.payload.ok ? 'done' : 'failed'} in ${event.payload.duration_ms} ms`,
      ];
    case 'iteration.started':
      return ['info', `iteration ${event.payload.iteration}`];
    case 'check.started':
      return ['info', `check ${event.payload.name} on ${event.payload.on}: ${event.payload.command}`];
    case 'budget.warned':
    case 'budget.exceeded':
      return ['info', `budget: ${event.payload.used} of ${event.payload.limit} ${event.payload.kind}`];
    case 'setup.started':
      return ['info', `set-up: ${event.payload.command}`];
    case 'setup.finished':
      return [
        'info',
        event.payload.cached
          ? 'set-up: what it makes was there already'
          : `set-up ended with ${event.payload.exit_code ?? 'a signal'}\n${event.payload.output}`,
      ];
    case 'network.denied':
      return [
        'info',
        `network: ${event.payload.host}:${event.payload.port} was denied: ${event.payload.reason}`,
      ];
    case 'patch.flagged':
      return [
        'info',
        `it touches what judges it: ${event.payload.files.map((file) => `${file.path} (${file.change})`).join(', ')}`,
      ];
    case 'goal.assessed':
      return [
        'info',
        `opinion of ${event.payload.agent}: ${event.payload.met ? 'the goal is met' : 'the goal is not met'}. ${event.payload.reason}`,
      ];
    case 'judge.answered':
      return [
        'info',
        `judge ${event.payload.agent}: ${event.payload.question}: ${event.payload.text ?? event.payload.failure?.message ?? ''}`,
      ];
    case 'verdict.given':
      return ['info', `verdict: ${event.payload.summary}`];
    case 'winner.chosen':
      return [
        'info',
        `winner: variation ${event.payload.variation}, picked by ${event.payload.by === 'person' ? 'a person' : 'the verdict'}${event.payload.note ? `: ${event.payload.note}` : ''}`,
      ];
    case 'winner.cleared':
      return ['info', `variation ${event.payload.variation} is no winner any more`];
    case 'graft.created':
      return ['info', `variation ${event.payload.variation} is a graft`];
    case 'landing.started':
      return ['info', `landing: ${event.payload.mode} ${event.payload.branch} for ${event.payload.target}`];
    case 'landing.succeeded':
      return [
        'info',
        `landed: ${event.payload.branch} at ${event.payload.commit}${event.payload.pull_request ? `, ${event.payload.pull_request.url}` : ''}`,
      ];
    case 'landing.failed':
      return [
        'info',
        `${event.payload.undo ? 'undoing the landing' : 'landing'} failed: ${event.payload.error.code}: ${event.payload.error.message}`,
      ];
    case 'landing.updated':
      return ['info', `${event.payload.pull_request.url} is ${event.payload.pull_request.state}`];
    case 'landing.undone':
      return ['info', 'landing undone'];
    case 'step.started':
    case 'step.completed':
    case 'model.requested':
    case 'model.responded':
      return null;
  }
}

function asked({ command, plan }: Question): string {
  const text = command ?? plan;
  return text === undefined ? '' : `: ${text}`;
}

function markOf(status: 'pending' | 'active' | 'done'): string {
  return { pending: ' ', active: '>', done: 'x' }[status];
}
