import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { providers } from '../../../drizzle/schema';
import { createAgent, deleteAgent, getAgent, listAgents, type NewAgent, updateAgent } from '../../core/agent';
import { invalid, notYet } from '../../core/errors';
import { recall } from '../../core/idempotency';
import { json } from '../answer';
import { jsonBody } from '../body';
import { describe, idempotencyKey, paging } from '../describe';
import { readId, readPaging, readQuery } from '../query';
import { agentSchema, agentTestSchema, pageOf } from '../schemas';
import type { Services } from '../services';
import { idempotencyOf } from '../start-run';

const tell = describe.bind(null, 'agents');
const strict = { additionalProperties: false } as const;
const orNull = <T extends Parameters<typeof t.Optional>[0]>(schema: T) =>
  t.Optional(t.Union([schema, t.Null()]));
const usd = t.Number({ minimum: 0, maximum: 1_000_000 });

const fields = {
  base_url: orNull(t.String({ maxLength: 2000 })),
  api_key: orNull(t.String({ minLength: 1, maxLength: 1000, description: 'written, never read back' })),
  scenario: t.Optional(
    t.Unknown({ description: 'of a scripted agent: what it says and does, turn by turn' }),
  ),
  instructions: orNull(t.String({ maxLength: 100_000 })),
  temperature: t.Optional(t.Number({ minimum: 0, maximum: 2 })),
  max_tokens: t.Optional(t.Integer({ minimum: 1, maximum: 1_000_000 })),
  context_tokens: t.Optional(t.Integer({ minimum: 1000, maximum: 10_000_000 })),
  fallback: orNull(t.String({ minLength: 1, maxLength: 100 })),
  price: orNull(t.Object({ input: usd, output: usd, cached: usd }, strict)),
};
const name = t.String({ minLength: 1, maxLength: 100, pattern: '^[^\\s].*$' });
const model = t.String({ minLength: 1, maxLength: 200 });
const provider = t.Union(providers.map((one) => t.Literal(one)));
const kind = t.Optional(t.Union([t.Literal('builtin'), t.Literal('acp')]));
const newBody = t.Object(
  { name, kind, provider, model: t.Optional(model), ...fields },
  {
    ...strict,
    examples: [{ name: 'Sonnet', provider: 'anthropic', model: 'claude-sonnet-4-6', api_key: 'sk-…' }],
  },
);
const changeBody = t.Object({ name: t.Optional(name), model: t.Optional(model), ...fields }, strict);

/** `/agents` */
export function agentRoutes({ database, vault, agentSide }: Services) {
  return new Elysia({ prefix: '/agents' })
    .post(
      '',
      async ({ body, request }) => {
        if (body.kind === 'acp') throw notYet('kind acp', 'kind');
        if (body.provider !== 'scripted' && body.model === undefined)
          throw invalid('model', 'model: say which model answers');
        const key = idempotencyOf(request.headers.get('idempotency-key'), body);
        const before = await recall(database, 'agents', key);
        if (before !== null) return json(await getAgent(database, before), 200, place(before));
        const input: NewAgent = {
          name: body.name,
          provider: body.provider,
          model: body.model ?? 'scripted',
          base_url: baseUrl(body.base_url),
          api_key: body.api_key ?? null,
          scenario: body.scenario ?? null,
          instructions: body.instructions ?? null,
          temperature: body.temperature ?? 0,
          max_tokens: body.max_tokens ?? 8192,
          context_tokens: body.context_tokens ?? 128_000,
          fallback: body.fallback ?? null,
          price: body.price ?? null,
        };
        if (input.provider === 'scripted') agentSide.checkScenario(input.scenario);
        else if (input.scenario !== null) throw invalid('scenario', 'Only scripted agents have a scenario');
        const { id, existed } = await createAgent(database, vault, input, key);
        return json(await getAgent(database, id), existed ? 200 : 201, place(id));
      },
      {
        body: newBody,
        parse: jsonBody(newBody),
        ...tell('Make an agent', {
          status: 201,
          takes: newBody,
          gives: agentSchema,
          parameters: [idempotencyKey],
        }),
      },
    )
    .get(
      '',
      async ({ request }) => json(await listAgents(database, readPaging(readQuery(request)))),
      tell('List agents', { gives: pageOf(agentSchema), parameters: paging }),
    )
    .get(
      '/:id',
      async ({ params }) => json(await getAgent(database, readId(params.id))),
      tell('One agent', { gives: agentSchema }),
    )
    .patch(
      '/:id',
      async ({ params, body }) => {
        const current = await getAgent(database, readId(params.id));
        if (body.scenario !== undefined) {
          if (current.provider !== 'scripted')
            throw invalid('scenario', 'Only scripted agents have a scenario');
          agentSide.checkScenario(body.scenario);
        }
        const change = {
          ...body,
          ...(body.base_url === undefined ? {} : { base_url: baseUrl(body.base_url) }),
        };
        return json(await updateAgent(database, vault, current.id, change));
      },
      {
        body: changeBody,
        parse: jsonBody(changeBody),
        ...tell('Change an agent', { takes: changeBody, gives: agentSchema }),
      },
    )
    .delete(
      '/:id',
      async ({ params }) => {
        await deleteAgent(database, readId(params.id));
        return new Response(null, { status: 204 });
      },
      tell('Remove an agent that nothing needs'),
    )
    .post(
      '/:id/test',
      async ({ params }) => {
        const agent = await getAgent(database, readId(params.id));
        return json(await agentSide.testAgent(agent.id));
      },
      tell('Make one small model call', { gives: agentTestSchema }),
    );
}

const place = (id: number) => ({ location: `/api/v1/agents/${id}` });

function baseUrl(value: string | null | undefined): string | null {
  if (value === undefined || value === null) return null;
  const url = URL.canParse(value) ? new URL(value) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    throw invalid('base_url', 'base_url is not an http or https URL');
  if (url.username || url.password) throw invalid('base_url', 'base_url holds a password; use api_key');
  return value.replace(/\/+$/, '');
}
