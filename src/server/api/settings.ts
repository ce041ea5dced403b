import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { letIn } from '../../core/limit';
import { changeSettings, mostJudges, readSettings } from '../../core/settings';
import { json } from '../answer';
import { jsonBody } from '../body';
import { describe } from '../describe';
import { settingsSchema } from '../schemas-service';
import type { Services } from '../services';

const tell = describe.bind(null, 'service');
const strict = { additionalProperties: false } as const;
const limit = t.Optional(
  t.Union([t.Integer({ minimum: 1, maximum: 10_000 }), t.Null()], {
    description: 'variations at the same time; null is no limit',
  }),
);
const days = (description: string) =>
  t.Optional(t.Union([t.Integer({ minimum: 1, maximum: 36_500 }), t.Null()], { description }));

const judging =
  'models that list criteria, answer them and compare ties blind. None: executed checks, size and cost decide, and the verdict says so';

const body = t.Object(
  {
    execution: t.Optional(
      t.Boolean({ description: 'false keeps new work queued, and lets what runs finish' }),
    ),
    limits: t.Optional(
      t.Object({ all: limit, per_project: limit, per_agent: limit, per_provider: limit }, strict),
    ),
    retention_days: days(
      'after so many days an ended run loses streamed pieces and long outputs; null keeps them',
    ),
    remove_after_days: days('after so many days an ended run is removed; null keeps it'),
    judges: t.Optional(
      t.Array(t.String({ minLength: 1, maxLength: 100 }), {
        maxItems: mostJudges,
        description: `names of agents, the preferred first: ${judging}`,
      }),
    ),
  },
  {
    ...strict,
    examples: [
      { execution: false },
      { limits: { all: 8, per_project: 4 } },
      { retention_days: 30 },
      { judges: [] },
    ],
  },
);

/** `/settings`: what is given is changed, the rest stays. */
export function settingsRoutes({ config, database, queue }: Services) {
  const fallback = { retention_days: config.retentionDays };
  return new Elysia()
    .get(
      '/settings',
      async () => json(await readSettings(database, fallback)),
      tell('Settings', { gives: settingsSchema }),
    )
    .patch(
      '/settings',
      async ({ body }) => {
        const settings = await changeSettings(database, body, fallback);
        await queue.hold(!settings.execution);
        // What a higher limit lets in need not wait for the sweep.
        if (body.limits !== undefined) await queue.add(await letIn(database));
        return json(settings);
      },
      {
        body,
        parse: jsonBody(body),
        ...tell('Change settings', { takes: body, gives: settingsSchema }),
      },
    );
}
