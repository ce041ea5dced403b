import { Type } from '@sinclair/typebox';
import { workspacePath, writeWhole } from './files';
import { answer, defineTool, object } from './tool';

export const writeFile = defineTool({
  name: 'write_file',
  description:
    'Writes a whole file: a new one (missing folders are made), or everything in one that is there. ' +
    'To change a part of a file use edit_file.',
  parameters: object({
    path: Type.String({ minLength: 1, description: 'Relative to the root of the workspace' }),
    content: Type.String({ maxLength: 2_000_000, description: 'All of the file' }),
  }),
  changesFiles: true,
  title: (args) => `Write ${args.path}`,
  async run(args, context) {
    const path = workspacePath(args.path, context.environment.root);
    const was = await writeWhole(context, path, args.content);
    const lines = args.content === '' ? 0 : args.content.replace(/\n$/, '').split('\n').length;
    return answer(`${was === 'created' ? 'Created' : 'Replaced'} ${path.slice(2)} (${lines} lines).`);
  },
});
