import type { Tally } from './found';

type Role = keyof Tally | 'total' | 'left_out' | 'beside';

/** What the words of the runners mean. One that is not here (warnings, assertions, deselected …) counts no test. */
const roles = new Map<string, Role>(
  (
    [
      ['passed', 'pass passed passing successful succeeded xpassed ok'],
      ['failed', 'fail failed failing failure failures error errors cancelled invalid interrupted'],
      ['failed', 'timed_out exec_failed unexpected_success unexpected_successes'],
      ['skipped', 'skip skips skipped ignored pending pendings pending_spec pending_specs todo'],
      ['skipped', 'xfailed expected_failure expected_failures known_failure known_failures'],
      ['skipped', 'incomplete omissions disabled did_not_run'],
      ['total', 'total test tests example examples run runs spec specs tests_run total_tests'],
      ['total', 'test_completed tests_completed doctest doctests property properties feature features'],
      // Counted in the total, and kept from running on purpose.
      ['left_out', 'excluded'],
      // Not counted in the total.
      ['beside', 'error_occurred_outside_of_examples errors_occurred_outside_of_examples'],
    ] as const
  ).flatMap(([role, words]) => words.split(' ').map((word) => [word.replaceAll('_', ' '), role] as const)),
);

/**
 * Reads `1 failed, 2 passed (3 steps)`, `Failures: 1, Errors: 0` and their like. Who tells no number of passed tests
 * tells the total: what did not fail and was not skipped has passed.
 */
export function tally(list: string): Tally {
  const found = new Map<Role, number>();
  for (const part of list.split(/[,;|]/)) {
    const [word, count] = split(part.trim());
    const role = roles.get(word.toLowerCase());
    if (role) found.set(role, (found.get(role) ?? 0) + count);
  }
  const of = (role: Role) => found.get(role) ?? 0;
  const rest = of('total') - of('failed') - of('skipped') - of('left_out');
  const passed = found.has('passed') ? of('passed') : Math.max(0, rest);
  return { passed, failed: of('failed') + of('beside'), skipped: of('skipped') };
}

function split(part: string): [word: string, count: number] {
  const first = /^(\d{1,9})\s+(.*)$/.exec(part);
  if (first) {
    const word = first[2] ?? '';
    const open = word.indexOf(' (');
    return [open === -1 ? word : word.slice(0, open), Number(first[1])];
  }
  const colon = part.search(/[:=]/);
  const count = /^\s*(\d{1,9})\.?$/.exec(part.slice(colon + 1));
  return colon === -1 || !count ? ['', 0] : [part.slice(0, colon).trimEnd(), Number(count[1])];
}
