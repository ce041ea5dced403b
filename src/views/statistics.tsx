import { Html } from '@kitajs/html';
import type { Stats } from '../core/contract';
import { DayChart } from './daychart';
import { ago, bytes, duration, money, percent, plural } from './format';
import { Layout } from './layout';
import { precise, Share } from './share';
import type { Shell } from './shell';
import { Winners } from './wins';

/** How far back the page can look, in days. */
export const ranges = [7, 30, 90] as const;
export type Range = (typeof ranges)[number];

interface Props {
  shell: Shell;
  stats: Stats;
  range: Range;
}

/** How runs went over some days, how much of what agents wrote could be applied, and who won. */
export function StatisticsPage({ shell, stats, range }: Props) {
  return (
    <Layout shell={shell} title="Statistics">
      <div class="head">
        <h1>Statistics</h1>
        <nav class="seg fit end" aria-label="Range">
          {ranges.map((days) => (
            <a href={`/stats?d=${days}`} aria-current={days === range ? 'page' : undefined}>
              {Html.escapeHtml(`${days} days`)}
            </a>
          ))}
        </nav>
      </div>
      <InShort stats={stats} />
      <Rates stats={stats} range={range} />
      <div class="charts">
        <DayChart days={stats.days} />
        <Tiers edits={stats.edits} />
      </div>
      <Winners wins={stats.wins} weeks={stats.wins_by_week} now={shell.now} />
      <p class="muted" safe>
        {stats.freed.last_at === null
          ? 'Retention has freed nothing yet.'
          : `Freed by retention so far: ${bytes(stats.freed.bytes)} of ${plural(stats.freed.runs, 'run')}, last ${ago(stats.freed.last_at, shell.now)}.`}
      </p>
    </Layout>
  );
}

function InShort({ stats }: { stats: Stats }) {
  const { runs, cost_usd, median_duration_s, success_rate, patch_apply_rate, edits } = stats;
  const rate = (share: number | null) => (share === null ? '–' : percent(share));
  return (
    <section class="panel pad big" aria-label="In short">
      <dl class="facts">
        <Fact name="Runs" value={String(runs)} />
        <Fact name="Success" value={rate(success_rate)} />
        <Fact name="Patches apply" value={rate(patch_apply_rate)} />
        <Fact name="Edits apply" value={rate(edits.rate)} />
        <Fact
          name="Cost"
          value={money(cost_usd)}
          more={runs === 0 ? '' : `${money(cost_usd / runs)} a run`}
        />
        <Fact name="Median time" value={median_duration_s === null ? '–' : duration(median_duration_s)} />
      </dl>
    </section>
  );
}

function Fact({ name, value, more = '' }: { name: string; value: string; more?: string }) {
  return (
    <div>
      <dt safe>{name}</dt>
      <dd>
        {Html.escapeHtml(value)} {more === '' ? '' : <small safe>{more}</small>}
      </dd>
    </div>
  );
}

function Rates({ stats, range }: { stats: Stats; range: Range }) {
  const { by_status, patches, edits } = stats;
  const good = by_status.completed ?? 0;
  const ended = good + (by_status.failed ?? 0) + (by_status.needs_review ?? 0) + (by_status.stopped ?? 0);
  const within = `of the last ${range} days`;
  return (
    <section class="panel" aria-labelledby="rates-h">
      <header>
        <h2 id="rates-h">How often it works out</h2>
        <span class="muted">with the range that the true rate is likely in</span>
      </header>
      <table class="table">
        <caption class="vh">Rates, each with what it was counted of</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col" class="n">
              Of
            </th>
            <th scope="col" class="n">
              Rate
            </th>
            <th scope="col" class="bar-col">
              0 to 100 %, likely range
            </th>
          </tr>
        </thead>
        <tbody>
          <Rate name="Runs completed" says={`runs ${within} that ended`} good={good} all={ended} />
          <Rate
            name="Patches applied"
            says={`variations of runs ${within} that proposed one`}
            good={patches.applied}
            all={patches.applied + patches.rejected}
          />
          <Rate
            name="Edits applied"
            says="single edits of the last 30 days; a refused one tells the agent what to mend"
            good={edits.applied}
            all={edits.applied + edits.rejected}
          />
        </tbody>
      </table>
    </section>
  );
}

function Rate({ name, says, good, all }: { name: string; says: string; good: number; all: number }) {
  return (
    <tr>
      <th scope="row">
        {Html.escapeHtml(name)} <small class="opt">{Html.escapeHtml(says)}</small>
      </th>
      <td class="n" safe>{`${good} of ${all}`}</td>
      <td class="n">{all === 0 ? '–' : <b safe>{precise(good / all)}</b>}</td>
      <td>{all === 0 ? <span class="muted">nothing to count yet</span> : <Share good={good} all={all} />}</td>
    </tr>
  );
}

function Tiers({ edits }: { edits: Stats['edits'] }) {
  const tiers = Object.entries(edits.tiers).sort(([, a], [, b]) => b - a);
  return (
    <section class="panel" aria-labelledby="tiers-h">
      <header>
        <h2 id="tiers-h">How edits fitted</h2>
        <span class="muted">last 30 days</span>
      </header>
      <table class="table">
        <caption class="vh">Edits by how exactly they fitted</caption>
        <thead>
          <tr>
            <th scope="col">Fitted but for</th>
            <th scope="col" class="n">
              Edits
            </th>
            <th scope="col" class="n">
              Share
            </th>
          </tr>
        </thead>
        <tbody>
          {tiers.map(([tier, n]) => (
            <Tier name={tier === 'exact' ? 'nothing: exactly' : tier} n={n} of={edits} />
          ))}
          <Tier name="refused" n={edits.rejected} of={edits} />
        </tbody>
      </table>
    </section>
  );
}

function Tier({ name, n, of }: { name: string; n: number; of: Stats['edits'] }) {
  const all = of.applied + of.rejected;
  return (
    <tr>
      <th scope="row" safe>
        {name}
      </th>
      <td class="n" safe>
        {String(n)}
      </td>
      <td class="n" safe>
        {all === 0 ? '–' : percent(n / all)}
      </td>
    </tr>
  );
}
