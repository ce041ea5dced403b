import { Html } from '@kitajs/html';
import type { Page, Run } from '../core/contract';
import { ago, duration, moment, money, plural, span, words } from './format';
import { Icon, Marks, State } from './marks';
import { inlineProse } from './prose';
import { type ListQuery, queryString } from './query';

const over = new Set(['completed', 'needs_review', 'failed', 'stopped']);

export function isOver(status: string): boolean {
  return over.has(status);
}

/** The runs as the page lists them: rows, and the way to older ones. Sent again as a whole when a run is added. */
export function RunList({
  page,
  query,
  now,
  any,
}: {
  page: Page<Run>;
  query: ListQuery;
  now: Date;
  any: boolean;
}) {
  return (
    <div class="panel box" id="run-box">
      {page.items.length === 0 ? <Empty query={query} any={any} /> : ''}
      <ol class="runs" id="run-list">
        {page.items.map((run) => (
          <RunRow run={run} now={now} />
        ))}
      </ol>
      {page.items.length === 0 ? (
        ''
      ) : (
        <div class="pager">
          <span class="muted" safe>{`${page.items.length} of ${page.total}`}</span>
          <span>
            {query.cursor === undefined ? (
              ''
            ) : (
              <a class="btn small quiet" href={queryString(query, { cursor: undefined })}>
                First page
              </a>
            )}
            {page.next_cursor === null ? (
              ''
            ) : (
              <a class="btn small quiet" href={queryString(query, { cursor: page.next_cursor })}>
                Older runs
                <Icon i="down" />
              </a>
            )}
          </span>
        </div>
      )}
    </div>
  );
}

function Empty({ query, any }: { query: ListQuery; any: boolean }) {
  if (any) {
    return (
      <div class="empty">
        <h3>{Html.escapeHtml(query.q ? `No run matches “${query.q}”` : 'No run is like that')}</h3>
        <p>Searched are names and goals, within the filters above.</p>
        <div class="btns">
          <a class="btn quiet" href="/">
            Clear filters
          </a>
        </div>
      </div>
    );
  }
  return (
    <div class="empty">
      <h3>No runs yet</h3>
      <p>
        Name a repository and a goal. Several agents try it side by side, and what their work does when it is
        run decides.
      </p>
      <div class="btns">
        <button class="btn primary" type="button" command="show-modal" commandfor="new-run">
          <Icon i="plus" />
          Start a run<kbd>n</kbd>
        </button>
      </div>
    </div>
  );
}

/** A run as a row of the list; the same on the page and from the feed. */
export function RunRow({ run, now }: { run: Run; now: Date }) {
  const statuses = run.variations.map((one) => one.status);
  const live = !isOver(run.status);
  return (
    <li class="run" id={`run-${run.id}`}>
      <div class="run-state">
        <State s={run.status} />
        <Marks statuses={statuses} />
      </div>
      <div class="run-name">
        <a href={`/runs/${run.id}`}>{inlineProse(run.name) as 'safe'}</a>
        <p>
          {Html.escapeHtml(`#${run.id} · ${run.project} · ${words(run.task_type)} · `)}
          <time datetime={run.created_at} title={moment(run.created_at)} safe>
            {ago(run.created_at, now)}
          </time>
        </p>
      </div>
      <div class="run-step">
        <span>{live ? <Progress run={run} /> : <Outcome run={run} />}</span>
        {live && run.status !== 'pending' ? (
          <progress
            class={run.status === 'running' ? 'bar' : 'bar ink'}
            value={run.progress_percentage}
            max={100}
            aria-label={`Progress of run ${run.id}`}
          ></progress>
        ) : (
          ''
        )}
      </div>
      <div class="run-left">
        <Left run={run} now={now} />
      </div>
      <div class="run-cost">
        {Html.escapeHtml(run.usage.model_calls === 0 ? '–' : money(run.usage.cost_usd))}{' '}
        <small safe>{run.options.budget_usd === null ? '' : `of ${money(run.options.budget_usd)}`}</small>
      </div>
    </li>
  );
}

function Progress({ run }: { run: Run }) {
  if (run.status === 'pending') {
    const base = run.waits_for_winner_of;
    const runs = run.depends_on.map((id) => (id === base ? `the winner of #${id}` : `#${id}`)).join(', ');
    return <span safe>{runs === '' ? 'waits for its time' : `waits for ${runs}`}</span>;
  }
  return (
    <>
      <b safe>{`${run.progress_percentage} %`}</b> <span safe>{run.current_step ?? ''}</span>
    </>
  );
}

function Outcome({ run }: { run: Run }) {
  const failure = run.error ?? run.variations.find((one) => one.error)?.error ?? null;
  if (run.status !== 'completed' && failure) return <code>{Html.escapeHtml(failure.code)}</code>;
  const fixed = run.variations.flatMap((one) =>
    one.checks.filter((check) => check.result === 'fixed'),
  ).length;
  const broken = run.variations.flatMap((one) =>
    one.checks.filter((check) => check.result === 'broken'),
  ).length;
  const patches = run.variations.filter((one) => one.patch && one.patch.files > 0).length;
  return (
    <>
      {run.winner ? <State s="winner" word={`${run.winner.position} picked`} /> : ''}{' '}
      <span safe>
        {[
          plural(patches, 'patch', 'patches'),
          fixed ? `${fixed} fixed` : '',
          broken ? `${broken} broken` : '',
        ]
          .filter(Boolean)
          .join(', ')}
      </span>
    </>
  );
}

function Left({ run, now }: { run: Run; now: Date }) {
  if (isOver(run.status)) {
    const seconds = span(run.started_at ?? run.created_at, run.completed_at ?? run.updated_at, now);
    return (
      <>
        {Html.escapeHtml(duration(seconds))} <small>in all</small>
      </>
    );
  }
  if (run.status === 'pending') {
    const seconds = run.scheduled_at === null ? 0 : (Date.parse(run.scheduled_at) - now.getTime()) / 1000;
    return seconds > 0 ? (
      <>
        {Html.escapeHtml(duration(seconds))} <small>to start</small>
      </>
    ) : (
      <>
        waits <small>for others</small>
      </>
    );
  }
  if (run.time_left === null || run.started_at === null) {
    return (
      <>
        waits <small>for a worker</small>
      </>
    );
  }
  return (
    <>
      {Html.escapeHtml(duration(run.time_left))}{' '}
      <small>{run.status === 'running' ? 'left' : 'of work left'}</small>
    </>
  );
}
