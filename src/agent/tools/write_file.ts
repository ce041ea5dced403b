import { Type } from '@sinclair/typebox';
import { wholeFile } from '../edit/edit';
import { EditError } from '../edit/errors';
import { rejected } from './edited';
import { readWhole, workspacePath, writeWhole } from './files';
import { answer, defineTool, object, Refused, type ToolContext } from './tool';

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
    const was = await writeWhole(context, path, await written(context, path, args.content));
    const lines = args.content === '' ? 0 : args.content.replace(/\n$/, '').split('\n').length;
    return answer(`${was === 'created' ? 'Created' : 'Replaced'} ${path.slice(2)} (${lines} lines).`);
  },
});

async function written(context: ToolContext, path: string, content: string): Promise<string> {
  try {
    return wholeFile(path.slice(2), content, await present(context, path));
  } catch (error) {
    throw error instanceof EditError ? rejected(context, error.message) : error;
  }
}

/** What is there, where it is a text whose ways can be kept; writing says what else is wrong with the path. */
async function present(context: ToolContext, path: string): Promise<string | null> {
  try {
    const bytes = await readWhole(context, path, 8 * 2 ** 20);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof Refused || error instanceof TypeError) return null;
    throw error;
  }
}
