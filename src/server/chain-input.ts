import type { RunType, TaskType } from '../../drizzle/schema';
import { BakeoffError, invalid } from '../core/errors';
import { handedOnMost } from '../core/hand-on';
import { nameFrom } from '../core/run';
import { requireBytes } from './body';
import type { RunBody } from './run-body';
import { type AnyBody, type Asked, either, readRun } from './run-input';
import type { Services } from './services';

/** Run types of several runs, each from the result of the one before. */
export type ChainType = Extract<RunType, 'workflow' | 'pipeline'>;

export function isChain(type: RunType | undefined): type is ChainType {
  return type === 'workflow' || type === 'pipeline';
}

/** What a pipeline does when it is not told. */
const usualStages: readonly { task_type: TaskType }[] = [
  { task_type: 'analysis' },
  { task_type: 'coding' },
  { task_type: 'review' },
  { task_type: 'documentation' },
];
const goalBytes = 100_000;
const nameMost = 200;
/** Texts of context that a run may be given. */
const contextMost = 20;

/**
 * The runs that a workflow or a pipeline is made of, in their order, each found to be right as a run by itself. What was
 * asked for holds for each, but: only the first waits for a time and for others and has a base of its own, and only what
 * the last one makes lands.
 * @throws BakeoffError of the contract; `field` is the field of the whole
 */
export async function readChain(services: Services, body: RunBody): Promise<[Asked, ...Asked[]]> {
  const links = body.run_type === 'workflow' ? goalsOf(body) : stagesOf(body);
  const {
    depends_on = [],
    base,
    scheduled_at,
    options,
    goals: _g,
    stages: _s,
    prompt: _p,
    title: _t,
    ...rest
  } = body;
  const { land, ...shared } = options ?? {};
  const asked: Asked[] = [];
  for (const [i, link] of links.entries()) {
    const first = asked[0];
    const own: AnyBody = {
      ...rest,
      ...link.body,
      options: i === links.length - 1 && land !== undefined ? { ...shared, land } : shared,
      ...(first || base === undefined ? {} : { base }),
      ...(first || scheduled_at === undefined ? {} : { scheduled_at }),
    };
    const others = first
      ? { depends_on: [], base_run: null }
      : { depends_on, base_run: typeof base === 'object' ? base.run : null };
    asked.push(await placed(link.fields, () => readRun(services, own, others, first?.source)));
  }
  const [first, ...more] = asked;
  if (!first) throw invalid('stages', 'There is no stage');
  return [first, ...more];
}

interface Link {
  body: Pick<AnyBody, 'goal' | 'name' | 'description' | 'task_type' | 'agents'>;
  /** Where what is its own stands in the request. */
  fields: Record<string, string>;
}

function goalsOf(body: RunBody): Link[] {
  const { goals } = body;
  if (body.stages !== undefined) throw invalid('stages', 'Only a pipeline has stages: run_type is workflow');
  if (goals === undefined) throw invalid('goals', 'A workflow has goals: 2 to 20, in their order');
  const description = joined(either(body, 'goal', 'prompt'), body.description);
  const name = either(body, 'name', 'title')?.trim();
  return goals.map((goal, i) => ({
    body: {
      goal: requireGoal(goal, `goals.${i}`),
      ...(name ? { name: named(name, ` (${i + 1} of ${goals.length})`) } : {}),
      ...(description === '' ? {} : { description }),
    },
    fields: { goal: `goals.${i}` },
  }));
}

function stagesOf(body: RunBody): Link[] {
  if (body.goals !== undefined) throw invalid('goals', 'Only a workflow has goals: run_type is pipeline');
  if (body.task_type !== undefined)
    throw invalid('task_type', 'Each stage of a pipeline has its own task_type: give stages');
  if ((body.context?.length ?? 0) > contextMost - handedOnMost)
    throw invalid(
      'context',
      `A pipeline’s stages hand on texts of their own: at most ${contextMost - handedOnMost} besides`,
    );
  const whole = either(body, 'goal', 'prompt');
  const name = either(body, 'name', 'title')?.trim();
  const stages: NonNullable<RunBody['stages']> = body.stages ?? [...usualStages];
  return stages.map(({ goal, task_type, agents }, i) => {
    const field = goal === undefined ? 'goal' : `stages.${i}.goal`;
    // A goal of its own is a part of the whole's.
    const description = joined(goal === undefined ? undefined : whole, body.description);
    const own = requireGoal(goal ?? whole ?? '', field);
    return {
      body: {
        goal: own,
        name: named(name || nameFrom(own), ` (${task_type})`),
        task_type,
        ...(description === '' ? {} : { description }),
        ...(agents === undefined ? {} : { agents }),
      },
      fields: { goal: field, ...(agents === undefined ? {} : { agents: `stages.${i}.agents` }) },
    };
  });
}

function requireGoal(goal: string, field: string): string {
  if (goal.trim() === '') throw invalid(field, `${field} is empty: say what should be true when it is done`);
  requireBytes(field, goal.trim(), goalBytes);
  return goal;
}

function joined(...texts: (string | undefined)[]): string {
  return texts
    .map((text) => text?.trim() ?? '')
    .filter((text) => text !== '')
    .join('\n\n');
}

function named(name: string, suffix: string): string {
  const most = nameMost - suffix.length;
  // A cut may halve a surrogate pair.
  const cut = name.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '');
  return `${name.length > most ? `${cut}…` : name}${suffix}`;
}

/** Says which part of the request a refusal is about. */
async function placed<T>(fields: Record<string, string>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const field = error instanceof BakeoffError ? fields[error.field ?? ''] : undefined;
    if (!(error instanceof BakeoffError) || field === undefined) throw error;
    throw new BakeoffError(error.code, error.message, error.status, field);
  }
}
