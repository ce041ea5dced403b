import { type Static, Type as t } from '@sinclair/typebox';
import { approvalModes, pickers, runTypes, taskTypes } from '../../drizzle/schema';
import { maxDependencies } from '../core/dependency';
import { invalid } from '../core/errors';
import { cleanJson } from '../core/text';
import { fit } from './body';
import { landingBody } from './landing-body';

/** Ids are Postgres's integers. */
const maxId = 2 ** 31 - 1;
const strict = { additionalProperties: false } as const;
const line = (max: number) => t.String({ maxLength: max });
const oneOf = <T extends string>(values: readonly T[]) => t.Union(values.map((value) => t.Literal(value)));
/** In the contract, answered with 501 until it is built; its shape is its own issue's. */
const later = t.Optional(t.Unknown({ description: 'not built yet: 501 `not_yet`' }));

const runId = t.Integer({ minimum: 1, maximum: maxId });
export const timeText = t.String({
  maxLength: 40,
  description: 'ISO 8601 with its zone, at most a year ahead; a time that is past is now',
});

const agentRef = t.Union([
  t.Integer({ minimum: 1, maximum: maxId }),
  t.String({ minLength: 1, maxLength: 100 }),
]);

const stage = t.Object(
  {
    goal: t.Optional(t.String({ maxLength: 100_000, description: 'default the run’s' })),
    task_type: oneOf(taskTypes),
    agents: t.Optional(t.Array(agentRef, { minItems: 1, maxItems: 16, description: 'default the run’s' })),
  },
  strict,
);

/** `POST /runs`, exactly as api.md has it; aliases included. */
export const runBody = t.Object(
  {
    project_id: t.Optional(t.Integer({ minimum: 1, maximum: maxId })),
    repo_url: t.Optional(line(2000)),
    github_url: t.Optional(line(2000)),
    local_path: t.Optional(line(4000)),
    goal: t.Optional(
      t.String({
        maxLength: 100_000,
        description: 'What should be true when it is done. Of a workflow: what all of its goals are for',
      }),
    ),
    prompt: t.Optional(t.String({ maxLength: 100_000, description: 'the same as `goal`' })),
    name: t.Optional(line(200)),
    title: t.Optional(line(200)),
    description: t.Optional(line(100_000)),
    instructions: t.Optional(line(100_000)),
    variations: t.Optional(t.Integer({ minimum: 1, maximum: 16 })),
    agents: t.Optional(t.Array(agentRef, { minItems: 1, maxItems: 16 })),
    run_type: t.Optional(oneOf(runTypes)),
    task_type: t.Optional(oneOf(taskTypes)),
    priority: t.Optional(t.Integer({ minimum: 1, maximum: 10 })),
    base: t.Optional(
      t.Union([line(300), t.Object({ run: runId }, { ...strict, description: 'that run’s result' })]),
    ),
    context: t.Optional(
      t.Array(t.Object({ title: line(200), text: line(200_000) }, strict), { maxItems: 20 }),
    ),
    metadata: t.Optional(
      t.Unsafe<Record<string, unknown>>(t.Object({}, { description: 'any JSON object, 16 kB' })),
    ),
    options: t.Optional(
      t.Object(
        {
          dry_run: t.Optional(t.Boolean()),
          verbose: t.Optional(t.Boolean()),
          max_steps: t.Optional(t.Integer({ minimum: 1, maximum: 1000 })),
          timeout_s: t.Optional(t.Integer({ minimum: 1, maximum: 86_400 })),
          budget_usd: t.Optional(t.Number({ exclusiveMinimum: 0, maximum: 1_000_000 })),
          budget_tokens: t.Optional(t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
          max_retries: t.Optional(t.Integer({ minimum: 0, maximum: 10 })),
          approval: t.Optional(oneOf(approvalModes)),
          mode: t.Optional(oneOf(['tools', 'patch'])),
          max_iterations: t.Optional(
            t.Integer({
              minimum: 1,
              maximum: 20,
              description: 'rounds of work, each followed by checks; default 3',
            }),
          ),
          stop_losers: t.Optional(
            t.Boolean({
              description: 'once one variation passes everything required, the others are stopped',
            }),
          ),
          pick: t.Optional(
            t.Union(
              pickers.map((one) => t.Literal(one)),
              {
                description:
                  'who chooses the winner; default a person. The verdict chooses only where executed checks decided, and asks a person else',
              },
            ),
          ),
          land: t.Optional(landingBody),
          executor: later,
        },
        strict,
      ),
    ),
    goals: t.Optional(
      t.Array(t.String({ maxLength: 100_000 }), {
        minItems: 2,
        maxItems: 20,
        description:
          'of a workflow: one run for each, in this order, each from the winner of the one before; a single result needs none',
      }),
    ),
    stages: t.Optional(
      t.Array(stage, {
        minItems: 1,
        maxItems: 10,
        description:
          'of a pipeline: one run for each, in this order, each with what the one before made; default analysis, coding, review, documentation',
      }),
    ),
    scheduled_at: t.Optional(timeText),
    depends_on: t.Optional(
      t.Array(runId, { maxItems: maxDependencies, description: 'runs that must be completed first' }),
    ),
    on_dependency_failure: t.Optional(oneOf(['fail', 'wait'])),
  },
  {
    ...strict,
    examples: [
      {
        repo_url: 'https://github.com/acme/ledger.git',
        goal: 'Round refunds by the currency’s exponent',
        variations: 3,
        options: { pick: 'verdict', stop_losers: true, land: { mode: 'pull_request', labels: ['bakeoff'] } },
      },
      {
        ...{ project_id: 1, run_type: 'workflow' },
        goals: ['Write the parser', 'Let the command line use it', 'Document it'],
      },
      {
        ...{ project_id: 1, run_type: 'pipeline', goal: 'Make the parser accept tabs' },
        stages: [
          { task_type: 'coding', agents: ['openai'] },
          { task_type: 'review', agents: ['anthropic'] },
        ],
      },
    ],
  },
);
export type RunBody = Static<typeof runBody>;

const key = t.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$', description: 'names the run within the flow' });
const runOrKey = t.Union([runId, key]);

/** Several runs in one call: each as in `POST /runs`, and naming others of the flow by their keys. */
export const flowBody = t.Object(
  {
    runs: t.Array(
      t.Object(
        {
          ...runBody.properties,
          key,
          depends_on: t.Optional(
            t.Array(runOrKey, {
              maxItems: maxDependencies,
              description: 'keys of the flow, or ids of other runs',
            }),
          ),
          base: t.Optional(t.Union([line(300), t.Object({ run: runOrKey }, strict)])),
        },
        strict,
      ),
      { minItems: 1, maxItems: 50 },
    ),
  },
  {
    ...strict,
    examples: [
      {
        runs: [
          { key: 'parser', project_id: 1, goal: 'Write the parser' },
          { key: 'docs', project_id: 1, goal: 'Document it', base: { run: 'parser' } },
        ],
      },
    ],
  },
);
export type FlowBody = Static<typeof flowBody>;

/**
 * Reads what is asked for where no route has done it: the page's form.
 * @throws BakeoffError 422
 */
export function parseRunBody(body: unknown): RunBody {
  return fit(runBody, cleanJson(body));
}

const yearMs = 366 * 24 * 3_600_000;
const isoTime = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/i;

/**
 * A time that a run may be told to begin at.
 * @throws BakeoffError 422 naming the field
 */
export function readTime(field: string, text: string): Date {
  const [, day] = isoTime.exec(text.trim()) ?? [];
  const time = new Date(text.trim());
  // A day that its month does not have would be taken for one of the next.
  if (day === undefined || Number.isNaN(time.getTime()) || !isDay(day)) {
    throw invalid(
      field,
      `${field} is no time with its zone, as 2030-01-31T09:00:00Z or 2030-01-31T10:00:00+01:00`,
    );
  }
  if (time.getTime() > Date.now() + yearMs) throw invalid(field, `${field} is more than a year ahead`);
  return time;
}

function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}
