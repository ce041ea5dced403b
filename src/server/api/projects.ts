import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import type { ProjectCheck } from '../../../drizzle/schema';
import { BakeoffError, invalid, notYet } from '../../core/errors';
import { recall } from '../../core/idempotency';
import {
  createProject,
  deleteProject,
  getProject,
  listProjects,
  nameOfSource,
  type ProjectChange,
  type Source,
  updateProject,
} from '../../core/project';
import type { AgentSide } from '../../jobs/agent-side';
import { json } from '../answer';
import { jsonBody } from '../body';
import { describe, idempotencyKey, paging } from '../describe';
import { readId, readPaging, readQuery } from '../query';
import { pageOf, projectSchema } from '../schemas';
import type { Services } from '../services';
import { asSource, idempotencyOf } from '../start-run';

const tell = describe.bind(null, 'projects');
const strict = { additionalProperties: false } as const;
const later = t.Optional(t.Unknown({ description: 'not built yet: 501 `not_yet`' }));

const checks = t.Array(
  t.Object(
    {
      name: t.String({ minLength: 1, maxLength: 100 }),
      command: t.String({ minLength: 1, maxLength: 4000 }),
      timeout_s: t.Optional(t.Integer({ minimum: 1, maximum: 3600, default: 300 })),
      required: t.Optional(t.Boolean({ default: true })),
    },
    strict,
  ),
  { maxItems: 20 },
);
const name = t.String({ minLength: 1, maxLength: 100, pattern: '\\S' });
const branch = t.Union([t.String({ minLength: 1, maxLength: 300 }), t.Null()]);
const allowedCommands = t.Array(t.String({ minLength: 1, maxLength: 1000, pattern: '\\S' }), {
  maxItems: 200,
  uniqueItems: true,
  description:
    'run without asking where a run asks for `commands`: word for word, or with any plain arguments where it ends in ` *`',
});
const laterFields = { setup: later, network: later, executor: later };

const newBody = t.Object(
  {
    name: t.Optional(name),
    repo_url: t.Optional(t.String({ maxLength: 2000 })),
    local_path: t.Optional(t.String({ maxLength: 4000 })),
    default_branch: t.Optional(branch),
    checks: t.Optional(checks),
    allowed_commands: t.Optional(allowedCommands),
    ...laterFields,
  },
  {
    ...strict,
    examples: [
      { repo_url: 'https://github.com/acme/ledger.git', checks: [{ name: 'tests', command: 'npm test' }] },
    ],
  },
);
const changeBody = t.Object(
  {
    name: t.Optional(name),
    default_branch: t.Optional(branch),
    checks: t.Optional(checks),
    allowed_commands: t.Optional(allowedCommands),
    ...laterFields,
  },
  { ...strict, examples: [{ allowed_commands: ['npm test', 'git status *'] }] },
);

/** `/projects` */
export function projectRoutes({ database, agentSide }: Services) {
  return new Elysia({ prefix: '/projects' })
    .post(
      '',
      async ({ body, request }) => {
        refuseLater(body);
        const key = idempotencyOf(request.headers.get('idempotency-key'), body);
        const before = await recall(database, 'projects', key);
        if (before !== null) return json(await getProject(database, before), 200, place(before));
        if ((body.repo_url === undefined) === (body.local_path === undefined)) {
          throw invalid('repo_url', 'Give exactly one of repo_url and local_path');
        }
        const source = asSource(body.repo_url?.trim() ?? null, body.local_path ?? null);
        await agentSide.checkSource(source);
        await checkBranch(agentSide, source, body.default_branch);
        const input = {
          ...source,
          name: body.name?.trim() || nameOfSource(source.repo_url ?? source.local_path),
          default_branch: body.default_branch ?? null,
          checks: checksOf(body.checks ?? []),
          allowed_commands: body.allowed_commands ?? [],
        };
        const { id, existed } = await createProject(database, input, key);
        return json(await getProject(database, id), existed ? 200 : 201, place(id));
      },
      {
        body: newBody,
        parse: jsonBody(newBody),
        ...tell('Make a project', {
          status: 201,
          takes: newBody,
          gives: projectSchema,
          parameters: [idempotencyKey],
        }),
      },
    )
    .get(
      '',
      async ({ request }) => json(await listProjects(database, readPaging(readQuery(request)))),
      tell('List projects', { gives: pageOf(projectSchema), parameters: paging }),
    )
    .get(
      '/:id',
      async ({ params }) => json(await getProject(database, readId(params.id))),
      tell('One project', { gives: projectSchema }),
    )
    .patch(
      '/:id',
      async ({ params, body }) => {
        refuseLater(body);
        const project = await getProject(database, readId(params.id));
        const source = asSource(project.repo_url, project.local_path);
        await checkBranch(agentSide, source, body.default_branch);
        const change: ProjectChange = {
          ...(body.name === undefined ? {} : { name: body.name.trim() }),
          ...(body.default_branch === undefined ? {} : { default_branch: body.default_branch }),
          ...(body.checks === undefined ? {} : { checks: checksOf(body.checks) }),
          ...(body.allowed_commands === undefined ? {} : { allowed_commands: body.allowed_commands }),
        };
        return json(await updateProject(database, project.id, change));
      },
      {
        body: changeBody,
        parse: jsonBody(changeBody),
        ...tell('Change a project', { takes: changeBody, gives: projectSchema }),
      },
    )
    .delete(
      '/:id',
      async ({ params }) => {
        await deleteProject(database, readId(params.id));
        return new Response(null, { status: 204 });
      },
      tell('Remove a project that no run needs'),
    );
}

const place = (id: number) => ({ location: `/api/v1/projects/${id}` });

/** The same looks as at a run's base, under this field's name. */
async function checkBranch(
  agentSide: AgentSide,
  source: Source,
  branch: string | null | undefined,
): Promise<void> {
  try {
    await agentSide.checkBase(source, branch ?? null);
  } catch (error) {
    if (!(error instanceof BakeoffError) || error.field !== 'base') throw error;
    throw invalid('default_branch', error.message, error.code);
  }
}

function refuseLater(body: Partial<Record<keyof typeof laterFields, unknown>>): void {
  for (const field of ['setup', 'network', 'executor'] as const) {
    if (body[field] !== undefined) throw notYet(field, field);
  }
}

function checksOf(given: (typeof checks)['static']): ProjectCheck[] {
  const names = given.map((check) => check.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) throw invalid('checks', `Two checks are called ${twice}`);
  return given.map((check) => ({
    ...check,
    timeout_s: check.timeout_s ?? 300,
    required: check.required ?? true,
  }));
}
