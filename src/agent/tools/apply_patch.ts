import { Type } from '@sinclair/typebox';
import { applyEdits, type Change, needed } from '../edit/apply';
import { EditError } from '../edit/errors';
import { readPatch } from '../edit/formats';
import { decode } from '../environment';
import { applied, rejected } from './edited';
import { readWhole, refuseUnless, shell, workspacePath, writeWhole } from './files';
import { listPaths } from './listing';
import { fit, withoutCodes } from './text';
import { answer, defineTool, object, Refused, type ToolContext } from './tool';

const maxBytes = 8 * 2 ** 20;

export const applyPatch = defineTool({
  name: 'apply_patch',
  description:
    'Applies a patch to any number of files, all of it or nothing: a unified diff (paths relative to the root), ' +
    'search/replace blocks, or "*** Begin Patch". Quote a few lines around each change, so that it has one place.',
  parameters: object({
    patch: Type.String({ minLength: 1, maxLength: 4_000_000, description: 'The patch' }),
  }),
  changesFiles: true,
  title: (args) => {
    const names = namesIn(args.patch);
    return names.length === 0 ? 'Apply a patch' : `Patch ${names.join(', ')}`;
  },
  async run(args, context) {
    try {
      const paths = await listPaths(context, './');
      const files: Record<string, string> = {};
      for (const path of needed(args.patch, { paths, barred: [] })) files[path] = await textOf(context, path);
      const result = applyEdits(files, args.patch, { paths });
      if (!result.ok) throw rejected(context, fit(withoutCodes(result.error.message), 8000).text);
      await refuseLinks(context, result.changes);
      await write(context, result.changes);
      applied(
        context,
        result.report.tier,
        result.changes.map((change) => change.path),
      );
      return answer(fit(result.report.lines.join('\n'), 4000).text);
    } catch (error) {
      throw error instanceof EditError ? rejected(context, withoutCodes(error.message)) : error;
    }
  },
});

function namesIn(patch: string): string[] {
  try {
    const names = readPatch(patch).map((operation) => operation.names.at(-1)?.replace(/^[ab]\//, '') ?? '');
    return [...new Set(names)].slice(0, 20);
  } catch (error) {
    if (error instanceof EditError) return [];
    throw error;
  }
}

async function textOf(context: ToolContext, path: string): Promise<string> {
  const bytes = await readWhole(context, workspacePath(path, context.environment.root), maxBytes);
  try {
    if (bytes.includes(0)) throw new TypeError('binary');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Refused(`${path} is not a text in UTF-8; use edit_file or run_command for it`);
  }
}

/** Asks the workspace itself: nothing goes onto or through a link, and nothing that is there is overwritten as new. */
async function refuseLinks(context: ToolContext, changes: readonly Change[]): Promise<void> {
  const script = `for f; do
  d=$f
  while [ "$d" != . ]; do
    [ -L "$d" ] && { printf '%s' "$d"; exit 48; }
    case $d in */*) d=\${d%/*} ;; *) d=. ;; esac
  done
done`;
  const paths = changes.map((change) => workspacePath(change.path, context.environment.root));
  const linked = await shell(context, script, paths, { keep: 4096 });
  if (linked.exit_code === 48) {
    throw rejected(
      context,
      `${withoutCodes(decode(linked.stdout)).replace(/^\.\//, '')} is a link, and nothing is written onto or through one. Nothing was changed.`,
    );
  }
  refuseUnless(linked, './');
  const fresh = paths.filter((_, at) => changes[at]?.before === null);
  const there = await shell(
    context,
    `for f; do [ -e "$f" ] && { printf '%s' "$f"; exit 49; }; done; exit 0`,
    fresh,
    { keep: 4096 },
  );
  if (there.exit_code === 49) {
    throw rejected(
      context,
      `${withoutCodes(decode(there.stdout)).replace(/^\.\//, '')} is there already, so it cannot be created. Nothing was changed.`,
    );
  }
  refuseUnless(there, './');
}

/** All of it or nothing: what was written is put back when something cannot be. */
async function write(context: ToolContext, changes: readonly Change[]): Promise<void> {
  const done: Change[] = [];
  try {
    for (const change of changes) {
      done.push(change);
      await put(context, change.path, change.after);
      if (change.after !== null && change.executable === true)
        await run(context, 'chmod +x -- "$1"', change.path);
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    for (const change of done.reverse()) await put(context, change.path, change.before);
    throw rejected(context, `${error.message}. Nothing was changed.`);
  }
}

async function put(context: ToolContext, path: string, text: string | null): Promise<void> {
  if (text === null) await run(context, 'rm -f -- "$1"', path);
  else await writeWhole(context, workspacePath(path, context.environment.root), text);
}

async function run(context: ToolContext, script: string, path: string): Promise<void> {
  const result = await shell(context, script, [workspacePath(path, context.environment.root)], {
    keep: 4096,
  });
  refuseUnless(result, `./${path}`);
}
