import { Elysia } from 'elysia';
import { BakeoffError } from '../../core/errors';
import { getRun } from '../../core/run';
import { judgeAgain } from '../../core/verdict';
import { json } from '../answer';
import { noFields, optionalBody } from '../body';
import { describe } from '../describe';
import { readId } from '../query';
import { runSchema } from '../schemas';
import { verdictSchema } from '../schemas-verdict';
import type { Services } from '../services';

const tell = describe.bind(null, 'results');

/** The ranking of a run's variations, with the evidence for each place. */
export function verdictRoutes({ database }: Services) {
  return new Elysia({ prefix: '/runs' })
    .get(
      '/:id/verdict',
      async ({ params }) => {
        const { verdict, judging } = await getRun(database, readId(params.id));
        if (verdict) return json(verdict);
        const message = judging
          ? 'Its variations are being judged'
          : 'It was not judged: that is done when several variations are completed, or when asked for';
        throw new BakeoffError('verdict_not_found', message, 404);
      },
      tell('The newest ranking, with its evidence', { gives: verdictSchema }),
    )
    .post(
      '/:id/verdict',
      async ({ params }) => {
        await judgeAgain(database, readId(params.id));
        return json(await getRun(database, readId(params.id)), 202);
      },
      {
        body: noFields,
        parse: optionalBody(noFields),
        ...tell('Judge again: `judging` is true until the new ranking is there', {
          status: 202,
          gives: runSchema,
        }),
      },
    );
}
