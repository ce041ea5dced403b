import type { Run } from '../../src/core/contract';
import type { Fleet } from './fleet';
import { key } from './model';

/** The runs of a load, all alike but for their label. */
export interface Load {
  runs: { id: number; label: string }[];
  start(label: string): Promise<void>;
}

/** Makes what the load stands on: a project with a check, and an agent for each position. */
export async function openLoad(fleet: Fleet, variations: number): Promise<Load> {
  const project = await fleet.call<{ id: number }>('/projects', {
    name: 'load',
    local_path: fleet.repository,
    checks: [{ name: 'made', command: 'sleep 0.1; test -f made/one-3.txt' }],
  });
  const agents = Array.from({ length: variations }, (_, i) => `chaos-${i + 1}`);
  for (const name of agents) {
    await fleet.call('/agents', {
      ...{ name, provider: 'openai', model: name, base_url: fleet.model.url, api_key: key },
    });
  }
  const runs: Load['runs'] = [];
  return {
    runs,
    async start(label) {
      const { id } = await fleet.call<Run>('/runs', {
        ...{ project_id: project.id, goal: `Do what the load does. [${label}]`, name: label },
        ...{ agents, variations, task_type: 'coding' },
      });
      runs.push({ id, label });
    },
  };
}

/** How many of a load's runs have ended, and are ranked. */
export async function ended({ sql }: Pick<Fleet, 'sql'>, load: Load): Promise<number> {
  if (load.runs.length === 0) return 0;
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from runs r
    where completed_at is not null and id in ${sql(load.runs.map((run) => run.id))}
      and not exists (select from verdicts where run_id = r.id and status in ('wanted', 'judging'))`;
  return row?.count ?? 0;
}

/** Diffs by position, as the API gives them out. */
export async function diffsOf(fleet: Fleet, run: number, variations: number): Promise<string[]> {
  const diffs: string[] = [];
  for (let i = 1; i <= variations; i += 1) diffs.push(await fleet.text(`/runs/${run}/variations/${i}/diff`));
  return diffs;
}
