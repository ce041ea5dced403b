import { Type } from '@sinclair/typebox';
import { numbered } from '../edit/excerpt';
import { decode } from '../environment';
import { readLines, workspacePath } from './files';
import { withoutCodes } from './text';
import { answer, defineTool, object, Refused } from './tool';

const maxLines = 2000;
const maxChars = 32_000;

export const readFile = defineTool({
  name: 'read_file',
  description:
    'Reads a text file with line numbers (number, tab, text). Long files come in parts: ask for a range of lines. ' +
    'The numbers are not part of the file.',
  parameters: object({
    path: Type.String({ minLength: 1, description: 'Relative to the root of the workspace' }),
    start_line: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'From 1; default 1' }),
    ),
    end_line: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'Inclusive; default as many as fit' }),
    ),
  }),
  changesFiles: false,
  title: (args) => `Read ${args.path}${args.start_line ? ` from line ${args.start_line}` : ''}`,
  async run(args, context) {
    const path = workspacePath(args.path, context.environment.root);
    const from = args.start_line ?? 1;
    const to = Math.min(args.end_line ?? from + maxLines - 1, from + maxLines - 1);
    if (to < from) throw new Refused('"end_line" is before "start_line"');
    const file = await readLines(context, path, from, to, 200_000);
    if (file.content.includes(0)) throw new Refused(`${args.path} is a binary file of ${file.bytes} bytes`);
    if (file.bytes === 0) return answer('[The file is empty.]');
    if (from > file.lines)
      throw new Refused(`${args.path} has ${file.lines} lines; there is no line ${from}`);
    const content = withoutCodes(decode(file.content));
    const lines = content.replace(/\n$/, '').split('\n');
    const shown = whatFits(numbered(lines, from).split('\n'));
    const last = from + shown.length - 1;
    const complete = from === 1 && last >= file.lines;
    const notes = [
      ...(complete
        ? []
        : [
            `[lines ${from}–${last} of ${file.lines}${last < file.lines ? `; go on with start_line ${last + 1}` : ''}]`,
          ]),
      ...(content.includes('\r\n') ? ['[lines end in CRLF]'] : []),
    ];
    return answer([...shown, ...notes].join('\n'), last < Math.min(to, file.lines));
  },
});

/** Whole lines, at least one. */
function whatFits(lines: string[]): string[] {
  let chars = 0;
  const end = lines.findIndex((line) => {
    chars += line.length + 1;
    return chars > maxChars;
  });
  return end === -1 ? lines : lines.slice(0, Math.max(1, end));
}
