import { Type } from '@sinclair/typebox';
import { decode } from '../environment';
import { locate, refuseUnless, shell, workspacePath } from './files';
import { asShown, fit, oneLine } from './text';
import { answer, defineTool, object, Refused } from './tool';

const maxBytes = 200_000;
const defaultResults = 200;

export const search = defineTool({
  name: 'search',
  description:
    'Searches the contents of files for a regular expression, ignored and binary files left out. Answers with ' +
    '`path:line:text`.',
  parameters: object({
    pattern: Type.String({ minLength: 1, maxLength: 10_000, description: 'A regular expression' }),
    path: Type.Optional(
      Type.String({ description: 'A file or folder to search; default the whole workspace' }),
    ),
    glob: Type.Optional(
      Type.String({ maxLength: 1000, description: 'Only files whose name matches, as in *.ts' }),
    ),
    ignore_case: Type.Optional(Type.Boolean()),
    max_results: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: `Default ${defaultResults}` }),
    ),
  }),
  changesFiles: false,
  title: (args) => `Search ${args.pattern}${args.path ? ` in ${args.path}` : ''}`,
  async run(args, context) {
    const path = workspacePath(args.path ?? '.', context.environment.root);
    const limit = args.max_results ?? defaultResults;
    const given = [path, args.pattern, args.glob ?? '', args.ignore_case ? '-i' : '', String(maxBytes)];
    const result = await shell(context, script, given, { keep: maxBytes });
    if (!result.timed_out) refuseUnless(result, path);
    const lines = asShown(decode(result.stdout)).split('\n').filter(Boolean);
    if (lines.length === 0) {
      const wrong = oneLine(asShown(decode(result.stderr)), 500);
      if (result.timed_out) throw new Refused('the search took too long; search a folder, or give a glob');
      if (wrong !== '') throw new Refused(`the search failed: ${wrong}`);
      return answer('[Nothing found.]');
    }
    const shown = lines.slice(0, limit).map((line) => line.replace(/^\.\//, ''));
    const more = lines.length > limit || result.stdout.length >= maxBytes;
    const { text, truncated } = fit(shown.join('\n'));
    return answer(more ? `${text}\n[there are more; narrow the search]` : text, truncated || more);
  },
});

/** $1 path, $2 pattern, $3 glob or nothing, $4 `-i` or nothing, $5 bytes. Lines are cut, so that one cannot take all. */
const script = `${locate}
[ -e "$f" ] || exit 40
if command -v rg >/dev/null 2>&1; then
  rg --no-config --line-number --with-filename --no-heading --color=never --hidden --glob '!.git' --sort=path \\
    --max-columns=400 --max-columns-preview \${3:+--glob "$3"} $4 -e "$2" -- "$f"
else
  grep -rnHIE --exclude-dir=.git \${3:+--include="$3"} $4 -e "$2" -- "$f" | cut -c1-600
fi | head -c "$5"`;
