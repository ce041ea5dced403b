import { Html } from '@kitajs/html';
import type { Figures, Page, Project, Run, Stats } from '../core/contract';
import { type Entry, type EntryError, StartForm } from './form';
import { duration, money, percent } from './format';
import { Layout } from './layout';
import { Icon } from './marks';
import { isFiltered, type ListQuery, queryString, type Show } from './query';
import { RunList } from './runlist';
import type { Shell } from './shell';
import { Problem } from './toast';
import { type AllWaits, Waits, waitCount } from './waits';

interface Props {
  shell: Shell;
  query: ListQuery;
  page: Page<Run>;
  stats: Figures;
  counts: Counts;
  /** The oldest of what waits for a person. */
  waits: AllWaits;
  /** A dialog that the page is to begin with. */
  sheet?: JSX.Element | undefined;
  problem?: { strong: string; rest: string } | undefined;
  projects: readonly Project[];
  /** A form that was sent and is wrong: it comes back as it was, with what is wrong. */
  sent?: { entry: Entry; error: EntryError };
}

/** The list of runs, the form that starts one, and the last week. */
export function HomePage(props: Props) {
  const { shell, query, page, stats, counts, waits, projects, sent } = props;
  return (
    <Layout
      shell={shell}
      title={homeTitle(counts, waitCount(waits))}
      status={homeStatus(counts, waitCount(waits))}
      sheet={props.sheet}
    >
      <Problem problem={props.problem} />
      <h1 class="vh">Runs</h1>
      <div class="cols">
        <div>
          <Waits {...waits} now={shell.now} />
          <section id="runs" aria-labelledby="runs-h">
            <div class="head">
              <h2 id="runs-h">Runs</h2>
              <Filters query={query} counts={counts} />
              <form class="filters" action="/">
                {query.show === 'all' ? '' : <input type="hidden" name="show" value={query.show} />}
                {query.q === undefined ? (
                  ''
                ) : (
                  <input type="hidden" name="q" value={Html.escapeHtml(query.q)} />
                )}
                <label class="vh" for="f-project">
                  Project
                </label>
                <select id="f-project" name="project_id">
                  <option value="">All projects</option>
                  {projects.map((project) => (
                    <option value={String(project.id)} selected={project.id === query.project_id} safe>
                      {project.name}
                    </option>
                  ))}
                </select>
                <label class="vh" for="f-sort">
                  Order
                </label>
                <select id="f-sort" name="sort">
                  {(['live', 'newest', 'priority'] as const).map((sort) => (
                    <option value={sort} selected={sort === query.sort} safe>
                      {sortNames[sort]}
                    </option>
                  ))}
                </select>
                <button class="btn" type="submit">
                  Show
                </button>
              </form>
            </div>
            {query.q === undefined ? (
              ''
            ) : (
              <p class="chips found">
                <a
                  href={queryString(query, { q: undefined })}
                  aria-current="true"
                  aria-label="Clear the search"
                >
                  {Html.escapeHtml(`“${query.q}”`)}
                  <Icon i="close" />
                </a>
              </p>
            )}
            <RunList page={page} query={query} now={shell.now} any={counts.all > 0 || isFiltered(query)} />
          </section>
        </div>
        <aside aria-label="Start and statistics">
          <section class={sent ? 'panel' : 'panel start-here'} aria-labelledby="start-h">
            <header>
              <h2 id="start-h">Start a run</h2>
            </header>
            <div class="pad">
              <StartForm shell={shell} prefix="s" entry={sent?.entry} error={sent?.error} />
            </div>
          </section>
          <Week stats={stats} />
        </aside>
      </div>
      {query.cursor === undefined ? (
        <div
          id="feed"
          hidden
          hx-sse:connect={queryString(query, {}, '/feed')}
          hx-trigger="load, every 2s"
        ></div>
      ) : (
        ''
      )}
    </Layout>
  );
}

/** What the tab says: how much waits for a person, else how many runs are live. */
export function homeTitle(counts: Counts, waits: number): string {
  if (waits > 0) return `${waits} ${waits === 1 ? 'waits' : 'wait'} for you`;
  return counts.live > 0 ? `${counts.live} live` : 'Runs';
}

/** What the tab's icon shows. */
export function homeStatus(counts: Counts, waits: number): string | null {
  if (waits > 0) return 'awaiting_approval';
  return counts.live > 0 ? 'running' : null;
}

const sortNames = { live: 'Live first', newest: 'Newest', priority: 'Priority' };
const showNames: Record<Show, string> = {
  all: 'All',
  live: 'Live',
  waiting: 'Waiting',
  completed: 'Completed',
  review: 'Needs review',
  failed: 'Failed',
  stopped: 'Stopped',
};

/** How many runs each filter would show, the other filters as they are. */
export type Counts = Record<Show, number>;

/** Filters as links, each with how many runs it would show. */
export function Filters({ query, counts }: { query: ListQuery; counts: Counts }) {
  return (
    <nav class="chips end" id="filters" aria-label="Filter by status">
      {(Object.keys(showNames) as Show[]).map((show) => (
        <a href={queryString(query, { show })} aria-current={show === query.show ? 'true' : undefined}>
          {Html.escapeHtml(showNames[show])} <span safe>{String(counts[show])}</span>
        </a>
      ))}
    </nav>
  );
}

/** The last seven days in four numbers and seven bars. */
export function Week({ stats }: { stats: Figures }) {
  const days = stats.days.slice(-7);
  const most = Math.max(1, ...days.map((day) => day.completed + day.failed));
  const label = days.map((day) => `${dayName(day.day, 'long')} ${day.completed + day.failed}`).join(', ');
  return (
    <section class="panel pad" id="week" aria-labelledby="week-h">
      <div class="head">
        <h2 id="week-h">Last 7 days</h2>
      </div>
      <dl class="facts four">
        <Fact name="Runs" value={String(stats.runs)} />
        <Fact name="Success" value={stats.success_rate === null ? '–' : percent(stats.success_rate)} />
        <Fact name="Cost" value={money(stats.cost_usd)} />
        <Fact
          name="Median"
          value={stats.median_duration_s === null ? '–' : duration(stats.median_duration_s)}
        />
      </dl>
      <svg class="chart spark" role="img" aria-label={`Runs ended per day: ${label}`}>
        {days.map((day, i) => (
          <Bar day={day} at={i} of={days.length} most={most} />
        ))}
      </svg>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt safe>{name}</dt>
      <dd safe>{value}</dd>
    </div>
  );
}

function Bar({ day, at, of, most }: { day: Stats['days'][number]; at: number; of: number; most: number }) {
  const slot = 100 / of;
  const x = `${(at * slot + slot * 0.16).toFixed(2)}%`;
  const width = `${(slot * 0.68).toFixed(2)}%`;
  const good = (day.completed / most) * 52;
  const bad = (day.failed / most) * 52;
  return (
    <g>
      {day.completed > 0 ? (
        <rect class="t-good" x={x} y={String(60 - good)} width={width} height={String(good)} />
      ) : (
        ''
      )}
      {day.failed > 0 ? (
        <rect class="t-bad" x={x} y={String(59 - good - bad)} width={width} height={String(bad)} />
      ) : (
        ''
      )}
      <line x1={x} x2={`${(at * slot + slot * 0.84).toFixed(2)}%`} y1="60.5" y2="60.5" />
      <text x={`${((at + 0.5) * slot).toFixed(2)}%`} y="76" safe>
        {dayName(day.day, 'short').slice(0, 2)}
      </text>
    </g>
  );
}

function dayName(day: string, length: 'long' | 'short'): string {
  return new Intl.DateTimeFormat('en', { weekday: length, timeZone: 'UTC' }).format(
    new Date(`${day}T00:00:00Z`),
  );
}
