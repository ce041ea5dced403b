import { Elysia } from 'elysia';
import { notYet } from '../../core/errors';
import { describe } from '../describe';
import { errorSchema } from '../schemas';

/** Calls of the contract that are not built yet: each answers 501, so that nobody takes silence for success. */
const later: readonly [method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string][] = [
  ['GET', '/api-keys'],
  ['POST', '/api-keys'],
  ['GET', '/users'],
  ['POST', '/users'],
  ['GET', '/webhooks'],
  ['POST', '/webhooks'],
  ['GET', '/webhooks/:id'],
  ['PATCH', '/webhooks/:id'],
  ['DELETE', '/webhooks/:id'],
  ['DELETE', '/api-keys/:id'],
  ['GET', '/users/:id'],
  ['PATCH', '/users/:id'],
  ['DELETE', '/users/:id'],
];

/** What other services will call. */
const laterCallbacks: typeof later = [['POST', '/webhook/github-actions']];

export const laterRoutes = () => refusing(later);
export const laterCallbackRoutes = () => refusing(laterCallbacks);

function refusing(calls: typeof later) {
  const routes = new Elysia();
  for (const [method, path] of calls) {
    routes.route(
      method,
      path,
      () => {
        throw notYet(`${method} ${path}`);
      },
      describe('not yet', 'Not built yet', { status: 501, gives: errorSchema }),
    );
  }
  return routes;
}
