import { Type } from '@sinclair/typebox';
import { oneLine } from './text';
import { answer, defineTool, object } from './tool';

export const reportProgress = defineTool({
  name: 'report_progress',
  description:
    'Tells the people who watch how far the work is and what is being done now. Not needed where the plan says it.',
  parameters: object({
    percentage: Type.Number({ minimum: 0, maximum: 100, description: 'Of the whole work' }),
    step: Type.Optional(
      Type.String({ maxLength: 1000, description: 'What is being done now, in a few words' }),
    ),
  }),
  changesFiles: false,
  title: (args) => `${Math.round(args.percentage)} %${args.step ? `: ${args.step}` : ''}`,
  async run(args, context) {
    await context.journal.progress(Math.round(args.percentage), args.step ? oneLine(args.step, 200) : null);
    return answer('Noted.');
  },
});
