import type { BakeoffError } from '../core/errors';
import type { Entry, EntryError } from '../views/form';

/** What the form sent, as text; nothing is trusted yet. */
export function readEntry(form: URLSearchParams): Entry {
  const text = (name: string) => (form.get(name) ?? '').trim();
  return {
    project: text('project'),
    goal: (form.get('goal') ?? '').replaceAll('\r\n', '\n').trim(),
    variations: text('variations') || '1',
    agents: form
      .getAll('agents')
      .filter((name) => name !== '')
      .slice(0, 16),
    base: text('base'),
    task_type: text('task_type') || 'general',
    timeout: text('timeout'),
    budget_usd: text('budget_usd').replace(/^\$/, '').trim(),
    approval: text('approval') || 'none',
    priority: text('priority') || '5',
    scheduled_at: text('scheduled_at'),
    depends_on: text('depends_on'),
    max_retries: text('max_retries'),
    mode: text('mode') || 'tools',
    pick: text('pick') || 'person',
    max_iterations: text('max_iterations'),
    land: text('land'),
    stop_losers: text('stop_losers'),
  };
}

/**
 * The entry as the body of `POST /api/v1/runs`, so that the form takes the same road as every script. `projects` are
 * the names there are; anything else is a URL or a folder.
 */
export function bodyOf(
  entry: Entry,
  project: { id: number } | null,
): { body: Record<string, unknown> } | { error: EntryError } {
  if (entry.project === '')
    return { error: { field: 'project', message: 'Name a project, a URL or a folder.' } };
  if (entry.goal === '')
    return { error: { field: 'goal', message: 'Say what should be true when it is done.' } };
  const variations = Number(entry.variations);
  if (!Number.isInteger(variations) || variations < 1 || variations > 16) {
    return { error: { field: 'variations', message: 'Between 1 and 16 variations.' } };
  }
  const options: Record<string, unknown> = {};
  if (entry.timeout !== '') {
    const minutes = Number(entry.timeout.replace(',', '.'));
    if (!(minutes > 0)) return { error: { field: 'timeout', message: 'A number of minutes, such as 10.' } };
    options.timeout_s = Math.round(minutes * 60);
  }
  if (entry.budget_usd !== '') {
    const usd = Number(entry.budget_usd.replace(',', '.'));
    if (!(usd > 0)) return { error: { field: 'budget_usd', message: 'An amount in dollars, such as 3.00.' } };
    options.budget_usd = usd;
  }
  if (entry.approval !== 'none') options.approval = entry.approval;
  if (entry.mode !== 'tools') options.mode = entry.mode;
  if (entry.max_retries !== '') {
    const retries = Number(entry.max_retries);
    if (!Number.isInteger(retries) || retries < 0)
      return { error: { field: 'max_retries', message: 'A whole number, such as 3; 0 for none.' } };
    options.max_retries = retries;
  }
  if (entry.max_iterations !== '') {
    const iterations = Number(entry.max_iterations);
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > 20)
      return { error: { field: 'max_iterations', message: 'Between 1 and 20.' } };
    options.max_iterations = iterations;
  }
  if (entry.pick !== 'person') options.pick = entry.pick;
  if (entry.land !== '') options.land = { mode: entry.land };
  if (entry.stop_losers !== '') options.stop_losers = true;
  const priority = Number(entry.priority);
  if (!Number.isInteger(priority) || priority < 1 || priority > 10)
    return { error: { field: 'priority', message: 'Between 1 and 10; 10 goes first.' } };
  const scheduled = timeOf(entry.scheduled_at);
  if (scheduled === 'unreadable')
    return { error: { field: 'scheduled_at', message: 'A time, such as 2026-11-22 02:00, in UTC.' } };
  const after = entry.depends_on.split(/[\s,;]+/).filter(Boolean);
  if (!after.every((id) => /^#?\d{1,9}$/.test(id)))
    return { error: { field: 'depends_on', message: 'Numbers of runs, such as 12, 14.' } };
  return {
    body: {
      ...placeOf(entry.project, project),
      goal: entry.goal,
      variations,
      task_type: entry.task_type,
      ...(entry.base === '' ? {} : { base: entry.base }),
      ...(entry.agents.length === 0 ? {} : { agents: shared(entry.agents, variations) }),
      ...(priority === 5 ? {} : { priority }),
      ...(scheduled === null ? {} : { scheduled_at: scheduled }),
      ...(after.length === 0 ? {} : { depends_on: after.map((id) => Number(id.replace('#', ''))) }),
      ...(Object.keys(options).length === 0 ? {} : { options }),
    },
  };
}

/** A `datetime-local`, which the form says is UTC, as ISO-8601; null for none. */
export function timeOf(text: string): string | null | 'unreadable' {
  if (text === '') return null;
  const read = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?Z?$/.exec(text);
  const date = read ? new Date(`${read[1]}T${read[2]}${read[3] ?? ':00'}Z`) : null;
  return date === null || Number.isNaN(date.getTime()) ? 'unreadable' : date.toISOString();
}

function placeOf(text: string, project: { id: number } | null): Record<string, unknown> {
  if (project !== null) return { project_id: project.id };
  return /^[/~.]/.test(text) ? { local_path: text } : { repo_url: text };
}

/** One agent for all; several take turns. */
function shared(agents: readonly string[], variations: number): string[] {
  const [only, second] = agents;
  if (only !== undefined && second === undefined) return [only];
  return Array.from({ length: variations }, (_, i) => agents[i % agents.length] ?? '');
}

/** The contract's field names, as the form has them. */
const fields: Record<string, keyof Entry> = {
  goal: 'goal',
  prompt: 'goal',
  project_id: 'project',
  repo_url: 'project',
  local_path: 'project',
  variations: 'variations',
  agents: 'agents',
  base: 'base',
  task_type: 'task_type',
  priority: 'priority',
  scheduled_at: 'scheduled_at',
  depends_on: 'depends_on',
  'options.approval': 'approval',
  'options.max_retries': 'max_retries',
  'options.mode': 'mode',
  'options.pick': 'pick',
  'options.max_iterations': 'max_iterations',
  'options.land': 'land',
  'options.land.mode': 'land',
  'options.stop_losers': 'stop_losers',
  'options.timeout_s': 'timeout',
  'options.budget_usd': 'budget_usd',
};

/** A refusal of the contract, at the form's own field. */
export function entryError(error: BakeoffError): EntryError {
  const name = error.field?.replace(/\.\d+.*$/, '').replace(/\[.*$/, '') ?? '';
  return { field: fields[name] ?? null, message: error.message };
}
