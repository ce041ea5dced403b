import { Html } from '@kitajs/html';
import type { Stats } from '../core/contract';
import { DayChart } from './daychart';
import { ago, bytes, duration, money, percent, plural } from './format';
import { Layout } from './layout';
import type { Shell } from './shell';

/** How far back the page can look, in days. */
export const ranges = [7, 30, 90] as const;
export type Range = (typeof ranges)[number];

interface Props {
  shell: Shell;
  stats: Stats;
  range: Range;
}

/** How runs went over some days, and how much of what agents wrote could be applied. */
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

/** A rate with the range that the true one lies in, nine times of ten and more. */
function Share({ good, all }: { good: number; all: number }) {
  const [low, high] = likely(good, all);
  const rate = good / all;
  const pct = (share: number) => `${(share * 100).toFixed(1)}%`;
  return (
    <svg
      class="share"
      role="img"
      aria-label={`${precise(rate)}, likely between ${precise(low)} and ${precise(high)}`}
    >
      <rect class="rail" width="100%" y="5" height="4" rx="2" />
      <rect class="t-model" x={pct(low)} width={pct(high - low)} y="5" height="4" rx="2" />
      <rect class="tip" x={pct(Math.min(rate, 0.99))} width="2" y="1" height="12" rx="1" />
    </svg>
  );
}

/** Wilson's interval, 95 %. */
function likely(good: number, all: number): [low: number, high: number] {
  const z = 1.96;
  const rate = good / all;
  const middle = rate + (z * z) / (2 * all);
  const reach = z * Math.sqrt((rate * (1 - rate) + (z * z) / (4 * all)) / all);
  const whole = 1 + (z * z) / all;
  return [Math.max(0, (middle - reach) / whole), Math.min(1, (middle + reach) / whole)];
}

/** Near 100 % a tenth counts, and what is not all is not said to be. */
function precise(share: number): string {
  if (share <= 0.9 || share === 1) return percent(share);
  return `${Math.min(99.9, Math.round(share * 1000) / 10)} %`;
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
