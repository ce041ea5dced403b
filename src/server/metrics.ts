import { countByStatus } from '../core/run-list';
import { listWorkers } from '../core/worker';
import type { Services } from './services';

/** Figures in Prometheus's text format, version 0.0.4. */
export async function readMetrics({ database, queue, version }: Services): Promise<string> {
  const [statuses, workers, counts, [sums]] = await Promise.all([
    countByStatus(database),
    listWorkers(database),
    queue.counts(),
    database.sql<{ cost: number; calls: number; input: number; output: number }[]>`
      select coalesce(sum((usage->>'cost_usd')::float8), 0) as cost,
        coalesce(sum((usage->>'model_calls')::float8), 0) as calls,
        coalesce(sum((usage->>'input_tokens')::float8), 0) as input,
        coalesce(sum((usage->>'output_tokens')::float8), 0) as output
      from runs`,
  ]);
  const living = workers.filter((worker) => worker.alive);
  return [
    metric('bakeoff_info', 'gauge', 'Version of the service', [[`version="${version}"`, 1]]),
    metric(
      'bakeoff_runs',
      'gauge',
      'Runs by status',
      Object.entries(statuses).map(([status, n]) => [`status="${status}"`, n]),
    ),
    metric(
      'bakeoff_jobs',
      'gauge',
      'Jobs of the queue by state',
      Object.entries(counts).map(([state, n]) => [`state="${state}"`, n]),
    ),
    metric('bakeoff_workers', 'gauge', 'Workers heard lately', [['', living.length]]),
    metric('bakeoff_variations_running', 'gauge', 'Variations being worked on', [
      ['', living.reduce((all, worker) => all + worker.busy.length, 0)],
    ]),
    metric('bakeoff_model_calls_total', 'counter', 'Answers of models', [['', sums?.calls ?? 0]]),
    metric('bakeoff_model_tokens_total', 'counter', 'Tokens of models', [
      ['kind="input"', sums?.input ?? 0],
      ['kind="output"', sums?.output ?? 0],
    ]),
    metric('bakeoff_model_cost_usd_total', 'counter', 'Cost of models, where it is known', [
      ['', sums?.cost ?? 0],
    ]),
    metric('process_resident_memory_bytes', 'gauge', 'Memory of this process', [
      ['', process.memoryUsage.rss()],
    ]),
    metric('process_start_time_seconds', 'gauge', 'When this process started', [
      ['', Date.now() / 1000 - process.uptime()],
    ]),
  ].join('');
}

function metric(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  values: [labels: string, value: number][],
): string {
  const lines = values.map(([labels, value]) => `${name}${labels ? `{${labels}}` : ''} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
