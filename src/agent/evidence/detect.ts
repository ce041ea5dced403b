import type { ProjectCheck } from '../../../drizzle/schema';
import { deno, javascript } from './detect/javascript';
import { cargo, elixir, go, gradle, maven, php, ruby } from './detect/languages';
import { python } from './detect/python';
import { openRoot, type Root } from './detect/root';
import type { Candidate, Stack } from './detect/stack';
import { just, make, script } from './detect/targets';

export interface Detected {
  checks: ProjectCheck[];
  /** A command that brings what the checks need; a suggestion. */
  setup: string | null;
  /** By which file each check (by its name) and the set-up (`setup`) was found. */
  why: { check: string; from: string }[];
}

type Detect = (root: Root) => Promise<Stack | null>;

const stacks: Detect[] = [javascript, deno, python, cargo, go, gradle, maven, ruby, elixir, php];
/** Mostly a way to call the same: they fill what the stacks leave open. */
const callers: Detect[] = [make, just, script];

const order: readonly Candidate['name'][] = ['tests', 'types', 'build', 'lint', 'vet'];

/**
 * The checks that a commit's files speak for, by the usual signs of the usual stacks, in a fixed order and with names of
 * their own: tests, types and build are required, lint is not. Only the root of the tree is looked at, and nothing of the
 * repository's text gets into a command.
 * @throws GitError when the mirror has no such commit; AbortError
 */
export async function detectChecks(mirror: string, sha: string, signal?: AbortSignal): Promise<Detected> {
  if (!/^[0-9a-f]{40,64}$/.test(sha)) throw new TypeError('a commit is named by its whole id');
  const root = await openRoot(mirror, sha, signal);
  const found: Stack[] = [];
  for (const detect of stacks) {
    const stack = await detect(root);
    if (stack) found.push(stack);
  }
  for (const detect of callers) {
    const stack = await detect(root);
    const open = ({ name }: Candidate) =>
      !found.some(({ checks }) => checks.some((one) => one.name === name));
    if (stack) found.push({ ...stack, checks: stack.checks.filter(open) });
  }
  return together(found);
}

function together(found: readonly Stack[]): Detected {
  const checks: ProjectCheck[] = [];
  const why: Detected['why'] = [];
  for (const kind of order) {
    for (const { label, checks: candidates } of found) {
      for (const { command, from } of candidates.filter((one) => one.name === kind)) {
        const name = checks.some((one) => one.name === kind) ? `${kind} (${label})` : kind;
        const required = kind !== 'lint' && kind !== 'vet';
        checks.push({ name, command, timeout_s: kind === 'tests' ? 600 : 300, required });
        why.push({ check: name, from });
      }
    }
  }
  const setups = found.flatMap(({ setup, checks: { length } }) => (setup && length > 0 ? [setup] : []));
  why.push(...setups.map(({ from }) => ({ check: 'setup', from })));
  return { checks, setup: setups.map(({ command }) => command).join(' && ') || null, why };
}
