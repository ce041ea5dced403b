import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { decide, listApprovals } from '../../core/approval';
import { invalid } from '../../core/errors';
import { getRun } from '../../core/run';
import { json } from '../answer';
import { jsonBody, requireBytes } from '../body';
import { describe, paging } from '../describe';
import { enqueue } from '../enqueue';
import { readId, readPaging, readQuery } from '../query';
import { approvalSchema, pageOf } from '../schemas';
import type { Services } from '../services';
import { pageOfList } from './paged';

const tell = describe.bind(null, 'steering');
const commentBytes = 10_000;
const planBytes = 50_000;

const body = t.Object(
  {
    decision: t.Union([t.Literal('approve'), t.Literal('deny')]),
    comment: t.Optional(t.String({ maxLength: commentBytes, description: 'what the agent reads, 10 kB' })),
    plan: t.Optional(
      t.String({
        maxLength: planBytes,
        description: 'the plan as you want it, one step a line, 50 kB; with `approve`, for a plan only',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      { decision: 'deny', comment: 'Leave the lock file alone' },
      { decision: 'approve', plan: 'Write a failing test\nMend the rounding' },
    ],
  },
);

/** `/runs/:id/approvals`: what variations wait for a person's word on. */
export function approvalRoutes(services: Services) {
  const { database } = services;
  return new Elysia({ prefix: '/runs' })
    .get(
      '/:id/approvals',
      async ({ params, request }) => {
        const page = readPaging(readQuery(request));
        await getRun(database, readId(params.id));
        return json(pageOfList(await listApprovals(database, readId(params.id)), (one) => one.id, page));
      },
      tell('What was asked of you, and how it was answered', {
        gives: pageOf(approvalSchema),
        parameters: paging,
      }),
    )
    .post(
      '/:id/approvals/:approval',
      async ({ params, body }) => {
        const id = readId(params.id);
        requireBytes('comment', body.comment, commentBytes);
        requireBytes('plan', body.plan, planBytes);
        if (body.plan !== undefined && body.decision === 'deny')
          throw invalid('plan', 'plan comes with approve; say in comment what is wrong with it');
        if (body.plan !== undefined && body.plan.trim() === '') throw invalid('plan', 'plan is empty');
        const approval = readId(params.approval);
        if (body.plan !== undefined) await requirePlan(services, id, approval);
        const decided = await decide(database, id, approval, {
          decision: body.decision,
          comment: body.comment?.trim() || null,
          plan: body.plan?.trim() ?? null,
        });
        await enqueue(services, id);
        return json(decided);
      },
      {
        body,
        parse: jsonBody(body),
        ...tell('Approve or deny; the same decision again changes nothing', {
          takes: body,
          gives: approvalSchema,
        }),
      },
    );
}

/** @throws BakeoffError 422 when what is asked is no plan */
async function requirePlan({ database }: Services, id: number, approval: number): Promise<void> {
  const asked = (await listApprovals(database, id)).find((one) => one.id === approval);
  if (asked && asked.kind !== 'plan') throw invalid('plan', 'plan: what is asked is no plan');
}
