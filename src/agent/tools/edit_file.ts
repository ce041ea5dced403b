import { Type } from '@sinclair/typebox';
import { editText } from '../edit/edit';
import { excerpt } from '../edit/excerpt';
import { applied, rejected } from './edited';
import { readWhole, workspacePath, writeWhole } from './files';
import { withoutCodes } from './text';
import { answer, defineTool, object, Refused } from './tool';

const maxBytes = 8 * 2 ** 20;

export const editFile = defineTool({
  name: 'edit_file',
  description:
    'Replaces one piece of a file. "search" must be a quotation, with its white space and without line numbers, ' +
    'long enough to stand in one place only. Answers with the changed lines.',
  parameters: object({
    path: Type.String({ minLength: 1, description: 'Relative to the root of the workspace' }),
    search: Type.String({ maxLength: 1_000_000, description: 'What is there now' }),
    replace: Type.String({ maxLength: 1_000_000, description: 'What shall be there; empty to delete' }),
  }),
  changesFiles: true,
  title: (args) => `Edit ${args.path}`,
  async run(args, context) {
    const path = workspacePath(args.path, context.environment.root);
    const bytes = await readWhole(context, path, maxBytes);
    if (bytes.includes(0)) throw new Refused(`${args.path} is a binary file`);
    const encoding = utf8(bytes) ?? singleBytes(bytes, args.search + args.replace, args.path);
    const edit = editText(path.slice(2), encoding.text, args.search, args.replace);
    if (!edit.ok) throw rejected(context, `${args.path}: ${withoutCodes(edit.error)}`);
    await writeWhole(context, path, encoding.encode(edit.text));
    applied(context, edit.tier, [path.slice(2)]);
    const lines = withoutCodes(edit.text).split('\n');
    const last = Math.min(edit.last, edit.first + 60);
    const how = edit.tier === 'exact' ? '' : ` (fitted by ${edit.tier})`;
    return answer(`Edited ${path.slice(2)}${how}:\n${excerpt(lines, edit.first, last)}`, last < edit.last);
  },
});

interface Encoding {
  text: string;
  encode(text: string): Uint8Array;
}

/** Null when the bytes are not UTF-8: decoding them anyway would damage what the edit does not touch. */
function utf8(bytes: Uint8Array): Encoding | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, encode: (changed) => new TextEncoder().encode(changed) };
  } catch {
    return null;
  }
}

/** Every byte a character and back. Which encoding it is, nobody says; so only ASCII can be put in. */
function singleBytes(bytes: Uint8Array, given: string, path: string): Encoding {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
  if (/[^\u0000-\u007f]/.test(given)) {
    throw new Refused(`${path} is not UTF-8; here "search" and "replace" may hold ASCII only`);
  }
  return {
    text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'),
    encode: (changed) => Buffer.from(changed, 'latin1'),
  };
}
