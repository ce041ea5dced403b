import { createHash } from 'node:crypto';
import type { Project } from '../core/contract';
import type { BakeoffError } from '../core/errors';
import { type CheckEntry, mostRows, type ProjectEntry, type ProjectError } from '../views/project-entry';

/** The form as it is for a project as it is. */
export function entryOf(project: Project): ProjectEntry {
  const checks = project.checks.map((check) => ({
    name: line(check.name),
    command: lines(check.command),
    timeout_s: String(check.timeout_s),
    required: check.required,
    report: line(check.report ?? ''),
  }));
  return {
    name: line(project.name),
    default_branch: line(project.default_branch ?? ''),
    setup: lines(project.setup ?? ''),
    network: project.network.join('\n'),
    allowed_commands: lines(project.allowed_commands.join('\n')),
    checks,
    checks_shown: checks.length,
    checks_were: digestOf(checks),
    checks_do: '',
  };
}

/** What the form sent, as text; nothing is trusted yet. */
export function readEntry(form: URLSearchParams): ProjectEntry {
  const of = (name: string) => form.get(name) ?? '';
  const shown = Math.min(Math.max(0, Math.trunc(Number(of('checks_shown'))) || 0), mostRows);
  const checks = Array.from({ length: mostRows }, (_, i) => ({
    name: line(of(`checks.${i}.name`)),
    command: lines(of(`checks.${i}.command`)),
    timeout_s: line(of(`checks.${i}.timeout_s`)),
    required: form.has(`checks.${i}.required`),
    report: line(of(`checks.${i}.report`)),
  }));
  const last = checks.findLastIndex((check, i) => !isEmpty(check) || i < shown);
  const wish = of('checks_do');
  return {
    name: line(of('name')),
    default_branch: line(of('default_branch')),
    setup: lines(of('setup')),
    network: lines(of('network')),
    allowed_commands: lines(of('allowed_commands')),
    checks: checks.slice(0, last + 1),
    checks_shown: shown,
    checks_were: of('checks_were').slice(0, 64),
    checks_do: wish === 'keep' || wish === 'detect' ? wish : '',
  };
}

/** A text as a field of one line gives it back, and as one of several does. */
const line = (text: string): string => text.replace(/\s+/g, ' ').trim();
const lines = (text: string): string => text.replace(/\r\n?/g, '\n').trim();

/** A change as `PATCH /api/v1/projects/:id` takes it; `rows` says which row each of its checks was written in. */
export interface AskedChange {
  body: Record<string, unknown>;
  rows: number[];
}

/**
 * The entry as the body of `PATCH /api/v1/projects/:id`, so that the form takes the same road as every script: of the
 * project only what differs from it, since somebody else may have changed the rest.
 */
export function changeOf(entry: ProjectEntry, project: Project): AskedChange | { error: ProjectError } {
  if (entry.name === '') return { error: { field: 'name', message: 'A project has a name.' } };
  const now = entryOf(project);
  const checks = checksOf(entry);
  if ('error' in checks) return checks;
  const changed = <T>(name: keyof ProjectEntry, value: () => T) =>
    entry[name] === now[name] ? {} : { [name]: value() };
  const body = {
    ...changed('name', () => entry.name),
    ...changed('default_branch', () => entry.default_branch || null),
    ...changed('setup', () => entry.setup || null),
    ...changed('network', () => entry.network.split(/[\s,]+/).filter(Boolean)),
    ...changed('allowed_commands', () => linesOf(entry.allowed_commands)),
    ...wishOf(entry, checks.kept),
  };
  return { body, rows: checks.rows };
}

/** A refusal of the contract, at the form's own field. */
export function projectError(error: BakeoffError, rows: readonly number[]): ProjectError {
  const { field = '', message, code } = error;
  const says = message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
  const told = { message: `${says.slice(0, 1).toUpperCase()}${says.slice(1)}` };
  if (code === 'name_taken') return { field: 'name', ...told };
  const [name = '', place, part] = field.split('.');
  if (name === 'checks' && place !== undefined)
    return { field: `checks.${rows[Number(place)] ?? place}.${part ?? 'name'}`, ...told };
  const known = ['name', 'default_branch', 'setup', 'network', 'allowed_commands', 'checks'].includes(name);
  return { field: known ? name : null, ...told };
}

function isEmpty({ name, command, report }: CheckEntry): boolean {
  return name === '' && command === '' && report === '';
}

/** The rows that are checks, each with its place in the form. */
function checksOf(entry: ProjectEntry): { kept: CheckEntry[]; rows: number[] } | { error: ProjectError } {
  const rows: number[] = [];
  for (const [i, check] of entry.checks.entries()) {
    const wrong = (name: keyof CheckEntry, message: string) => ({
      error: { field: `checks.${i}.${name}`, message },
    });
    if (check.name === '') {
      // One that was there is removed by it; of a new one it was forgotten.
      if (i >= entry.checks_shown && !isEmpty(check)) return wrong('name', 'A check has a name.');
      continue;
    }
    if (check.command === '') return wrong('command', 'Say what is run.');
    if (!/^\d{1,4}$/.test(check.timeout_s)) return wrong('timeout_s', 'Whole seconds, 1 to 3600.');
    rows.push(i);
  }
  return { rows, kept: rows.flatMap((i) => entry.checks[i] ?? []) };
}

/** Checks that were shown and came back as they were are not said by a person, unless that is asked for. */
function wishOf(
  { checks_do, checks_were }: ProjectEntry,
  kept: readonly CheckEntry[],
): Record<string, unknown> {
  if (checks_do === 'detect') return { checks: null };
  if (checks_do === '' && digestOf(kept) === checks_were) return {};
  return {
    checks: kept.map(({ timeout_s, report, ...check }) => ({
      ...check,
      timeout_s: Number(timeout_s),
      ...(report === '' ? {} : { report }),
    })),
  };
}

function linesOf(text: string): string[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return [...new Set(lines)];
}

function digestOf(checks: readonly CheckEntry[]): string {
  const told = checks.map((one) => [one.name, one.command, one.timeout_s, one.required, one.report]);
  return createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 32);
}
