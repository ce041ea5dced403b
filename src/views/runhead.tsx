import { Html } from '@kitajs/html';
import type { Run } from '../core/contract';
import { Base, FlowPlace } from './flow';
import { ago, clock, count, duration, moment, money, percent, plural, span } from './format';
import { Icon, LevelMark, Mark, State } from './marks';
import { inlineProse, prose } from './prose';
import { isOver } from './runlist';
import { RunButtons, WaitsToStart } from './steer';

/** Name, goal and numbers of a run; sent again whenever one of them changes. */
export function RunHead({ run, now }: { run: Run; now: Date }) {
  const live = !isOver(run.status);
  return (
    <header class="run-top" id="run-head">
      <div>
        <nav class="crumbs" aria-label="Where you are">
          <a href="/">Runs</a>
          <span aria-hidden="true">/</span>
          <a href={`/?project_id=${run.project_id}`} safe>
            {run.project}
          </a>
          <span aria-hidden="true">/</span>
          <span safe>{`#${run.id}`}</span>
        </nav>
        <h1>{inlineProse(run.name) as 'safe'}</h1>
      </div>
      <RunButtons run={run} />
      <Goal run={run} />
      <FlowPlace run={run} />
      {run.error && !live ? (
        <div class="notice goal" data-l={run.status === 'needs_review' ? 'warn' : 'bad'}>
          <LevelMark l={run.status === 'needs_review' ? 'warn' : 'bad'} />
          <span>
            <code>{Html.escapeHtml(run.error.code)}</code> {Html.escapeHtml(run.error.message)}
          </span>
        </div>
      ) : (
        ''
      )}
      <Standing run={run} now={now} />
      <Facts run={run} now={now} live={live} />
    </header>
  );
}

/** Why nothing happens in a run that is not over. */
function Standing({ run, now }: { run: Run; now: Date }) {
  if (run.status === 'pending') {
    return (
      <div class="notice goal">
        <Mark s="pending" />
        <span>
          <WaitsToStart run={run} now={now} />
        </span>
      </div>
    );
  }
  if (run.status !== 'paused') return '';
  return (
    <div class="notice goal">
      <Mark s="paused" />
      <span>
        Paused: no worker is held, and no model is called. It goes on where it was when it is resumed.
      </span>
    </div>
  );
}

function Goal({ run }: { run: Run }) {
  const goal = run.goal.trim();
  const more = [run.description, run.instructions].filter(
    (text): text is string => text !== null && text.trim() !== '',
  );
  const firstBreak = goal.indexOf('\n');
  const end = Math.min(firstBreak < 0 ? goal.length : firstBreak, 240);
  const start = goal.slice(0, end).trim();
  if (end >= goal.length && more.length === 0) {
    return start === run.name ? '' : <p class="goal">{inlineProse(start) as 'safe'}</p>;
  }
  return (
    <details class="goal">
      <summary>
        {inlineProse(start) as 'safe'}
        {end < goal.length ? '… ' : ' '}
        <span class="link">the whole goal</span>
      </summary>
      {prose(goal.slice(end)) as 'safe'}
      {more.map((text) => prose(text) as 'safe')}
    </details>
  );
}

function Facts({ run, now, live }: { run: Run; now: Date; live: boolean }) {
  const { usage, options } = run;
  const seconds = run.started_at === null ? 0 : span(run.started_at, run.completed_at, now);
  return (
    <dl class="facts">
      <div>
        <dt>State</dt>
        <dd>
          <State s={run.status} />
        </dd>
      </div>
      <div>
        <dt>Progress</dt>
        <dd>
          {Html.escapeHtml(`${run.progress_percentage} %`)}
          <progress
            class={run.status === 'running' ? 'bar' : 'bar ink'}
            value={run.progress_percentage}
            max={100}
            aria-label="Progress"
          ></progress>
        </dd>
      </div>
      <div>
        <dt>{live ? 'Time left' : 'Time'}</dt>
        <dd>
          {live && run.started_at !== null && run.time_left !== null ? (
            <>
              {Html.escapeHtml(`about ${duration(run.time_left)}`)}{' '}
              <small safe>{`after ${clock(seconds)}`}</small>
            </>
          ) : (
            Html.escapeHtml(run.started_at === null ? 'not started' : clock(seconds))
          )}
        </dd>
      </div>
      <div>
        <dt>Cost</dt>
        <dd>
          {Html.escapeHtml(money(usage.cost_usd))}
          {options.budget_usd === null ? (
            ''
          ) : (
            <>
              {' '}
              <small safe>{`of ${money(options.budget_usd)}`}</small>
              <progress
                class="bar ink"
                value={usage.cost_usd ?? 0}
                max={options.budget_usd}
                aria-label="Cost against budget"
              ></progress>
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Tokens</dt>
        <dd>
          {Html.escapeHtml(count(usage.input_tokens + usage.output_tokens))} <Cached usage={usage} />
        </dd>
      </div>
      <div>
        <dt>Priority</dt>
        <dd>
          {Html.escapeHtml(String(run.priority))} <small>of 10</small>
        </dd>
      </div>
      <div>
        <dt>Base</dt>
        <dd>
          <Base run={run} />
        </dd>
      </div>
      <div>
        <dt>{run.started_at === null ? 'Made' : 'Started'}</dt>
        <dd>
          <time
            datetime={run.started_at ?? run.created_at}
            title={moment(run.started_at ?? run.created_at)}
            safe
          >
            {ago(run.started_at ?? run.created_at, now)}
          </time>
        </dd>
      </div>
    </dl>
  );
}

export function Cached({ usage }: { usage: Run['usage'] }) {
  if (usage.input_tokens === 0 || usage.cached_tokens === 0) return '';
  return <small safe>{`${percent(usage.cached_tokens / usage.input_tokens)} cached`}</small>;
}

/** Asks before a run is stopped. A form in a native dialog. */
export function StopDialog({ run }: { run: Run }) {
  const live = run.variations.filter((one) => !isOver(one.status)).length;
  return (
    <dialog id="stop" class="sheet" aria-labelledby="stop-h">
      <header>
        <h2 id="stop-h" safe>{`Stop run #${run.id}?`}</h2>
      </header>
      <form class="form" action={`/runs/${run.id}/stop`} method="post">
        <p safe>
          {`${live === 1 ? 'The variation that is not over ends' : `All ${plural(live, 'variation')} that are not over end`} within a second. What they made so far stays: checkpoints, patches, every event. Each can be retried from its last checkpoint.`}
        </p>
        <div class="btns end">
          <button class="btn" type="button" command="close" commandfor="stop">
            Let it run
          </button>
          <button class="btn danger" type="submit">
            <Icon i="stop" />
            Stop run
          </button>
        </div>
      </form>
    </dialog>
  );
}
