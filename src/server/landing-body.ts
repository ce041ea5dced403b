import { type Static, Type as t } from '@sinclair/typebox';
import { type Author, type LandingRequest, landingModes } from '../../drizzle/schema';
import { invalid } from '../core/errors';
import type { Source } from '../core/project';
import type { Services } from './services';

const strict = { additionalProperties: false } as const;

const person = t.Object(
  { name: t.String({ minLength: 1, maxLength: 200 }), email: t.String({ minLength: 1, maxLength: 254 }) },
  strict,
);

const stepsWords =
  'one commit; else one for each checkpoint, in the agent’s words: title and body are a pull request’s then';

/** How a winner is to land: `POST /runs/:id/landing`, and `options.land` of a run. */
export const landingBody = t.Object(
  {
    mode: t.Union(
      landingModes.map((mode) => t.Literal(mode)),
      { description: 'merge: into a branch of a local repository' },
    ),
    target: t.Optional(
      t.String({ maxLength: 250, description: 'the branch that it is for; default the project’s' }),
    ),
    title: t.Optional(
      t.String({
        maxLength: 250,
        description: 'of the one commit and the pull request, one line; made from the run when absent',
      }),
    ),
    body: t.Optional(
      t.String({
        maxLength: 60_000,
        description:
          'of the pull request, or else of the one commit, below its title; made from the run when absent',
      }),
    ),
    labels: t.Optional(
      t.Array(t.String({ minLength: 1, maxLength: 50 }), { maxItems: 20, description: 'of a pull request' }),
    ),
    squash: t.Optional(t.Boolean({ default: true, description: stepsWords })),
    author: t.Optional(person),
    co_authors: t.Optional(t.Array(person, { maxItems: 10 })),
    checkout: t.Optional(
      t.Boolean({
        default: false,
        description: 'mode merge into a branch that is checked out: bring its files along, if they are clean',
      }),
    ),
  },
  {
    ...strict,
    examples: [
      { mode: 'pull_request', target: 'main', labels: ['bakeoff'] },
      { mode: 'branch', squash: false, author: { name: 'Ada', email: 'ada@example.org' } },
    ],
  },
);
export type LandingBody = Static<typeof landingBody>;

/**
 * A landing as it was asked for, found to make sense; `checkLanding` looks at the rest.
 * @param within where the body stands in the request, such as `options.land`
 * @throws BakeoffError 422 naming the field
 */
export function readLanding(body: LandingBody, within?: string): LandingRequest {
  const field = fieldOf(within);
  const { mode, squash = true, checkout = false } = body;
  const title = body.title?.trim() || null;
  if (title !== null && control.test(title)) throw invalid(field('title'), 'title is one line of text');
  const labels = [...new Set((body.labels ?? []).map((label) => label.trim()))];
  const wrong = labels.findIndex((label) => label === '' || control.test(label));
  if (wrong >= 0) throw invalid(field(`labels.${wrong}`), 'A label is a word or some, on one line');
  if (labels.length > 0 && mode !== 'pull_request')
    throw invalid(field('labels'), `Only a pull request has labels: mode is ${mode}`);
  if (checkout && mode !== 'merge')
    throw invalid(field('checkout'), `Only a merge can bring checked-out files along: mode is ${mode}`);
  const text = body.body?.trim() || null;
  for (const [name, said] of Object.entries({ title, body: text }))
    if (said !== null && !squash && mode !== 'pull_request')
      throw invalid(
        field(name),
        `The agent’s steps keep their own words: ${name} goes with squash, or a pull request`,
      );
  return {
    ...{ mode, title, labels, squash, checkout },
    target: body.target?.trim() || null,
    body: text,
    author: body.author === undefined ? null : readAuthor(body.author, field('author')),
    co_authors: (body.co_authors ?? []).map((one, i) => readAuthor(one, field(`co_authors.${i}`))),
  };
}

/**
 * Finds out what can be known of a landing before there is a winner: whether its mode fits where the code lives, and
 * whether its target can be a branch, and is one of a local repository.
 * @throws BakeoffError 422 naming the field
 */
export async function checkLanding(
  { agentSide }: Pick<Services, 'agentSide'>,
  source: Source,
  { mode, target }: LandingRequest,
  within?: string,
): Promise<void> {
  const field = fieldOf(within);
  if (mode === 'merge' && source.local_path === null)
    throw invalid(field('mode'), 'A merge is into a local repository, and this one is remote: use branch');
  if (mode === 'pull_request' && source.repo_url === null)
    throw invalid(field('mode'), 'A local repository takes no pull requests: use branch or merge');
  if (target !== null) await agentSide.checkBranch(source, target, field('target'));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Git's header of a commit holds them as `name <email>`, and drops names that are nothing but signs. */
function readAuthor(body: Author, field: string): Author {
  const name = body.name.trim();
  const email = body.email.trim();
  if (control.test(name) || /[<>]/.test(name) || !/[\p{L}\p{N}]/u.test(name))
    throw invalid(`${field}.name`, 'A name has letters, is on one line, and has no < or >');
  if (control.test(email) || !/^[^\s<>@]+@[^\s<>@]+$/.test(email))
    throw invalid(`${field}.email`, 'An email address is something@something');
  return { name, email };
}

function fieldOf(within: string | undefined): (name: string) => string {
  return (name) => (within === undefined ? name : `${within}.${name}`);
}
