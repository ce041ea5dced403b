import { Type } from '@sinclair/typebox';
import { withoutCodes } from './text';
import { defineTool, object } from './tool';

export const finish = defineTool({
  name: 'finish',
  description:
    'Ends the work. Call it alone, when the goal is reached and checked, or when it cannot be reached. The summary is what ' +
    'the person reads first; where the goal asks for a text (an analysis, a review), it is that text.',
  parameters: object({
    summary: Type.String({
      minLength: 1,
      maxLength: 200_000,
      description: 'What was done and why, how it was checked, what is left. Markdown.',
    }),
  }),
  changesFiles: false,
  title: () => 'Finish',
  async run(args) {
    return { ok: true, output: 'Finished.', truncated: false, finished: withoutCodes(args.summary) };
  },
});
