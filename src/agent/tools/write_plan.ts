import { Type } from '@sinclair/typebox';
import { oneLine } from './text';
import { answer, defineTool, object } from './tool';

export const writePlan = defineTool({
  name: 'write_plan',
  description:
    'Writes down the plan, or its new state: all steps each time, in order. People watch it; progress is read from it.',
  parameters: object({
    steps: Type.Array(
      object({
        text: Type.String({
          minLength: 1,
          maxLength: 1000,
          description: 'What is done in this step, in a few words',
        }),
        status: Type.Union([Type.Literal('pending'), Type.Literal('active'), Type.Literal('done')]),
      }),
      { minItems: 1, maxItems: 40 },
    ),
  }),
  changesFiles: false,
  title: (args) =>
    `Plan: ${args.steps.find((step) => step.status === 'active')?.text ?? `${args.steps.length} steps`}`,
  async run(args, context) {
    const steps = args.steps.map(({ text, status }) => ({ text: oneLine(text, 500), status }));
    await context.journal.planned(steps);
    const done = steps.filter((step) => step.status === 'done').length;
    return answer(`The plan is written down: ${done} of ${steps.length} steps done.`);
  },
});
