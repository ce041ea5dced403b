import { type Static, Type as t } from '@sinclair/typebox';
import { cleanJson } from '../core/text';
import { fit } from './body';

/** `POST` and `PATCH /projects`, exactly as api.md has them. */

const strict = { additionalProperties: false } as const;
const orNull = <T extends Parameters<typeof t.Optional>[0]>(schema: T) =>
  t.Optional(t.Union([schema, t.Null()]));

const mostChecks = 20;
const mostHosts = 100;
const longestTimeoutS = 3600;

const checks = t.Array(
  t.Object(
    {
      name: t.String({ minLength: 1, maxLength: 100 }),
      command: t.String({ minLength: 1, maxLength: 4000 }),
      timeout_s: t.Optional(t.Integer({ minimum: 1, maximum: longestTimeoutS, default: 300 })),
      required: t.Optional(t.Boolean({ default: true })),
      report: t.Optional(
        t.String({
          minLength: 1,
          maxLength: 500,
          description:
            'a file of the workspace that it writes its results to, for their counts: JUnit XML, TAP',
        }),
      ),
    },
    strict,
  ),
  { maxItems: mostChecks },
);
export type CheckBody = Static<typeof checks>[number];

const name = t.String({ minLength: 1, maxLength: 100, pattern: '\\S' });

const fields = {
  name: t.Optional(name),
  default_branch: orNull(t.String({ minLength: 1, maxLength: 300 })),
  setup: orNull(
    t.String({
      minLength: 1,
      maxLength: 10_000,
      pattern: '\\S',
      description: 'a command that runs before checks and agents: it brings what the project needs; 10 kB',
    }),
  ),
  checks: t.Optional(
    t.Union([checks, t.Null()], {
      description: 'also `[]`: these are all there are; null: they are detected at the first run',
    }),
  ),
  network: t.Optional(
    t.Array(t.String({ minLength: 1, maxLength: 300 }), {
      maxItems: mostHosts,
      description:
        'hosts that its environments may reach: `example.org`, `*.example.org`, `example.org:8443`',
    }),
  ),
  allowed_commands: t.Optional(
    t.Array(t.String({ minLength: 1, maxLength: 1000, pattern: '\\S' }), {
      maxItems: 200,
      uniqueItems: true,
      description:
        'run without asking where a run asks for `commands`: word for word, or with any plain arguments where it ends in ` *`',
    }),
  ),
  token: orNull(
    t.String({
      pattern: '^[\\x21-\\x7e]{1,2000}$',
      description: 'lets git and the forge in at an https `repo_url`; written, never read back',
    }),
  ),
  token_user: orNull(
    t.String({ pattern: '^[\\w.-]{1,200}$', description: 'goes with the token; default `x-access-token`' }),
  ),
  executor: t.Optional(t.Unknown({ description: 'not built yet: 501 `not_yet`' })),
};

export const newProjectBody = t.Object(
  {
    repo_url: t.Optional(t.String({ maxLength: 2000 })),
    local_path: t.Optional(t.String({ maxLength: 4000 })),
    ...fields,
  },
  {
    ...strict,
    examples: [
      {
        repo_url: 'https://github.com/acme/ledger.git',
        setup: 'npm ci',
        network: ['packages.example.org'],
        checks: [{ name: 'tests', command: 'npm test' }],
      },
    ],
  },
);
export type NewProjectBody = Static<typeof newProjectBody>;

export const projectChangeBody = t.Object(fields, {
  ...strict,
  examples: [{ allowed_commands: ['npm test', 'git status *'] }, { checks: null }],
});
export type ProjectChangeBody = Static<typeof projectChangeBody>;

/**
 * Reads what is asked for where no route has done it: the page's forms.
 * @throws BakeoffError 422
 */
export function parseNewProject(body: unknown): NewProjectBody {
  return fit(newProjectBody, cleanJson(body));
}

/** @throws BakeoffError 422 */
export function parseProjectChange(body: unknown): ProjectChangeBody {
  return fit(projectChangeBody, cleanJson(body));
}
