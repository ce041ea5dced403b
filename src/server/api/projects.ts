import { Elysia } from 'elysia';
import { deleteProject, getProject, listProjects } from '../../core/project';
import { json } from '../answer';
import { jsonBody } from '../body';
import { describe, idempotencyKey, paging } from '../describe';
import { newProjectBody, projectChangeBody } from '../project-body';
import { changeProject, makeProject } from '../project-input';
import { readId, readPaging, readQuery } from '../query';
import { pageOf, projectSchema } from '../schemas';
import type { Services } from '../services';

const tell = describe.bind(null, 'projects');

/** `/projects` */
export function projectRoutes(services: Services) {
  const { database } = services;
  return new Elysia({ prefix: '/projects' })
    .post(
      '',
      async ({ body, request }) => {
        const made = await makeProject(services, body, request.headers.get('idempotency-key'));
        const place = { location: `/api/v1/projects/${made.id}` };
        return json(await getProject(database, made.id), made.existed ? 200 : 201, place);
      },
      {
        body: newProjectBody,
        parse: jsonBody(newProjectBody),
        ...tell('Make a project', {
          status: 201,
          takes: newProjectBody,
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
    .patch('/:id', async ({ params, body }) => json(await changeProject(services, readId(params.id), body)), {
      body: projectChangeBody,
      parse: jsonBody(projectChangeBody),
      ...tell('Change a project', { takes: projectChangeBody, gives: projectSchema }),
    })
    .delete(
      '/:id',
      async ({ params }) => {
        await deleteProject(database, readId(params.id));
        return new Response(null, { status: 204 });
      },
      tell('Remove a project that no run needs'),
    );
}
