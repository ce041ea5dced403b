import { Html } from '@kitajs/html';
import type { WorkerStatus } from '../core/contract';
import { ago, moment, plural } from './format';
import { Layout } from './layout';
import { LevelMark } from './marks';
import type { Shell } from './shell';
import { visible } from './visible';

/** Who works here. */
export function WorkersPage({ shell, workers }: { shell: Shell; workers: readonly WorkerStatus[] }) {
  return (
    <Layout shell={shell} title="Workers">
      <div>
        <nav class="crumbs" aria-label="Where you are">
          <a href="/settings">Settings</a>
          <span aria-hidden="true">/</span>
          <span>Workers</span>
        </nav>
        <h1>Workers</h1>
      </div>
      <p class="muted">
        Processes that work on runs, on this machine and on others that share the database. One that dies is
        missed within seconds, and what it worked on goes on elsewhere from its last checkpoint; it is listed
        for a day.
      </p>
      <WorkerList workers={workers} now={shell.now} />
    </Layout>
  );
}

/** The workers, asked for again every few seconds where there is script. */
export function WorkerList({ workers, now }: { workers: readonly WorkerStatus[]; now: Date }) {
  return (
    <section
      class="panel"
      id="workers"
      aria-label="Workers"
      hx-get="/workers/list"
      hx-trigger="every 3s"
      hx-swap="outerMorph"
    >
      {workers.length === 0 ? (
        <div class="empty">
          <h3>No worker is running</h3>
          <p>
            Runs stay queued until there is one. The service has its own unless it was told otherwise; another
            is started with <code>./bakeoff worker</code>.
          </p>
        </div>
      ) : (
        <>
          <header>
            <h2 safe>{summary(workers)}</h2>
          </header>
          <table class="table workers">
            <caption class="vh">Workers, the living first</caption>
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col">Works on</th>
                <th scope="col">Heard</th>
                <th scope="col" class="opt">
                  Runs since
                </th>
                <th scope="col" class="opt">
                  Sandbox
                </th>
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <Row worker={worker} now={now} />
              ))}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}

function summary(workers: readonly WorkerStatus[]): string {
  const living = workers.filter((worker) => worker.alive);
  const busy = living.reduce((sum, worker) => sum + worker.busy.length, 0);
  const places = living.reduce((sum, worker) => sum + worker.concurrency, 0);
  const gone = workers.length - living.length;
  return [
    living.length === 0
      ? 'None alive'
      : `${living.length} alive, ${busy} of ${plural(places, 'place')} taken`,
    gone > 0 ? `${gone} gone` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

function Row({ worker, now }: { worker: WorkerStatus; now: Date }) {
  const { id, host, pid, version, alive, busy, concurrency, sandbox, sandbox_detail } = worker;
  return (
    <tr>
      <th scope="row">
        {Html.escapeHtml(visible(host))} <small safe>{`process ${pid}, version ${visible(version)}`}</small>
        <small>
          <code safe>{visible(id)}</code>
        </small>
      </th>
      <td>
        <span class="state" data-l={alive ? 'good' : 'bad'}>
          <LevelMark l={alive ? 'good' : 'bad'} />
          {alive ? 'alive' : 'gone'}
        </span>
      </td>
      <td>
        {busy.length === 0 ? (
          <span class="muted">nothing</span>
        ) : (
          <ul class="busy">
            {busy.map((one) => (
              <li>
                <a href={`/runs/${one.run_id}?v=${one.position}`} safe>
                  {`#${one.run_id}, variation ${one.position}`}
                </a>
              </li>
            ))}
          </ul>
        )}
        <small safe>{`${busy.length} of ${plural(concurrency, 'place')}`}</small>
      </td>
      <td>
        <Time at={worker.heard_at} now={now} />
      </td>
      <td class="opt">
        <Time at={worker.started_at} now={now} />
      </td>
      <td class="opt">
        {Html.escapeHtml(visible(sandbox))}{' '}
        {sandbox_detail === null || sandbox_detail === '' ? (
          ''
        ) : (
          <small safe>{visible(sandbox_detail)}</small>
        )}
      </td>
    </tr>
  );
}

function Time({ at, now }: { at: string; now: Date }) {
  return (
    <time datetime={at} title={moment(at)} safe>
      {ago(at, now)}
    </time>
  );
}
