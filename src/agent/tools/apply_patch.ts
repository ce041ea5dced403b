import { Type } from '@sinclair/typebox';
import { planPatch } from '../edit/patch';
import { decode } from '../environment';
import { isGitFolder } from './files';
import { asShown, fit } from './text';
import { answer, defineTool, object, Refused } from './tool';

export const applyPatch = defineTool({
  name: 'apply_patch',
  description:
    'Applies a unified diff (as `git diff` writes it, paths relative to the root), all of it or nothing. Line numbers ' +
    'and context must be right; for a small change edit_file is easier.',
  parameters: object({
    patch: Type.String({
      minLength: 1,
      maxLength: 4_000_000,
      description: 'The diff, without a fence around it',
    }),
  }),
  changesFiles: true,
  title(args) {
    const plan = planPatch(args.patch);
    return 'error' in plan ? 'Apply a patch' : `Patch ${plan.paths.join(', ')}`;
  },
  async run(args, context) {
    const plan = planPatch(args.patch);
    if ('error' in plan) throw new Refused(plan.error);
    if (plan.paths.some((path) => path.split('/').some(isGitFolder)))
      throw new Refused("git's own folder is out of bounds");
    let said = '';
    for (const strip of plan.strip) {
      // git itself refuses paths that leave the tree, lead through links, or into its own folder.
      const result = await context.environment.exec(
        ['git', 'apply', '--whitespace=nowarn', `-p${strip}`, '-'],
        {
          stdin: plan.text,
          timeoutMs: 60_000,
          signal: context.signal,
          maxOutputBytes: 16_384,
        },
      );
      if (result.exit_code === 0) return answer(`Applied to ${plan.paths.slice(0, 50).join(', ')}.`);
      said ||= asShown(decode(result.stderr)).trim();
    }
    throw new Refused(`The patch does not apply; nothing was changed.\n${fit(said, 4000).text}`);
  },
});
