import { Type } from '@sinclair/typebox';
import { workspacePath } from './files';
import { drawTree, listPaths } from './listing';
import { outputLimit } from './text';
import { answer, defineTool, object } from './tool';

export const listFiles = defineTool({
  name: 'list_files',
  description:
    'Shows the files under a folder as a tree, ignored ones left out. Where there are too many, folders are shown with ' +
    'the number of their files.',
  parameters: object({
    path: Type.Optional(
      Type.String({ description: 'A folder relative to the root of the workspace; default the root' }),
    ),
    depth: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 64, description: 'Levels shown; default as many as fit' }),
    ),
  }),
  changesFiles: false,
  title: (args) => `List ${args.path || 'the workspace'}`,
  async run(args, context) {
    const path = workspacePath(args.path ?? '.', context.environment.root);
    const paths = await listPaths(context, path);
    if (paths.length === 0) return answer('[No files here.]');
    const { text, complete } = drawTree(paths, outputLimit, args.depth);
    return answer(text, !complete);
  },
});
