import { Html } from '@kitajs/html';
import { taskTypes } from '../../drizzle/schema';
import type { WeekWins, Wins } from '../core/contract';
import { cut, money, percent, plural } from './format';
import { precise, Share } from './share';
import { WeekChart } from './weekchart';

/** Under so many contests a rate says nothing. */
const fewest = 5;
/** Agents in the narrower tables: those with the most contests. */
const mostAside = 6;

interface Props {
  wins: readonly Wins[];
  weeks: readonly WeekWins[];
  now: Date;
}

/** Which agents win where they meet others, and what a win costs. */
export function Winners({ wins, weeks, now }: Props) {
  const agents = totalsOf(wins);
  const aside = agents.toSorted((a, b) => b.runs - a.runs).slice(0, mostAside);
  return (
    <>
      <section class="panel" id="wins" aria-labelledby="wins-h">
        <header>
          <h2 id="wins-h">Which agent earns its money</h2>
          <span class="muted">runs of the last 90 days by two agents or more, won by one of them</span>
        </header>
        {agents.length === 0 ? (
          <div class="empty">
            <h3>No contest yet</h3>
            <p>
              A run counts once at least two agents tried it and one of them won: picked as the winner, or
              alone in the first place of its verdict.
            </p>
          </div>
        ) : (
          <section class="scroll" tabindex="0" aria-label="Agents by win rate, scrolls sideways">
            <Agents agents={agents} />
          </section>
        )}
      </section>
      {agents.length === 0 ? (
        ''
      ) : (
        <div class="charts">
          <ByTask agents={aside} wins={wins} />
          <WeekChart agents={aside.map((one) => one.agent)} weeks={weeks} now={now} />
        </div>
      )}
    </>
  );
}

/** An agent over all kinds of task. */
interface AgentWins extends Pick<Wins, 'agent' | 'model' | 'runs' | 'wins' | 'cost_usd'> {}

/** The best first; of equals who had to win more often. */
function totalsOf(wins: readonly Wins[]): AgentWins[] {
  const totals = new Map<string, AgentWins>();
  for (const { agent, model, runs, wins: won, cost_usd } of wins) {
    const sum = totals.get(agent) ?? { agent, model, runs: 0, wins: 0, cost_usd: 0 };
    const cost = sum.cost_usd === null || cost_usd === null ? null : sum.cost_usd + cost_usd;
    totals.set(agent, { ...sum, runs: sum.runs + runs, wins: sum.wins + won, cost_usd: cost });
  }
  return [...totals.values()].sort((a, b) => b.wins / b.runs - a.wins / a.runs || b.runs - a.runs);
}

function Agents({ agents }: { agents: readonly AgentWins[] }) {
  return (
    <table class="table">
      <caption class="vh">Agents by win rate: runs by at least two agents that one of them won</caption>
      <thead>
        <tr>
          <th scope="col">Agent</th>
          <th scope="col" class="n">
            Won
          </th>
          <th scope="col" class="n" aria-sort="descending">
            Win rate
          </th>
          <th scope="col" class="bar-col">
            0 to 100 %, likely range
          </th>
          <th scope="col" class="n">
            Cost a win
          </th>
        </tr>
      </thead>
      <tbody>
        {agents.map(({ agent, model, runs, wins, cost_usd }) => (
          <tr>
            <th scope="row">
              {Html.escapeHtml(agent)} <small class="opt">{Html.escapeHtml(model)}</small>
            </th>
            <td class="n">
              {String(wins) as 'safe'} <small safe>{`of ${runs}`}</small>
            </td>
            <td class="n">
              <b safe>{precise(wins / runs)}</b>
            </td>
            <td>
              <Share good={wins} all={runs} />
            </td>
            <td class="n" safe>
              {costOfWin(cost_usd, wins)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function costOfWin(cost: number | null, wins: number): string {
  if (cost === null) return 'unknown';
  return wins === 0 ? '–' : money(cost / wins);
}

function ByTask({ agents, wins }: { agents: readonly AgentWins[]; wins: readonly Wins[] }) {
  const types = taskTypes.filter((type) => wins.some((one) => one.task_type === type));
  return (
    <section class="panel" aria-labelledby="by-task-h">
      <header>
        <h2 id="by-task-h">Win rate by task</h2>
        <span class="muted" safe>{`from ${plural(fewest, 'contest')} on`}</span>
      </header>
      <section class="scroll" tabindex="0" aria-label="Win rate by task, scrolls sideways">
        <table class="table heat">
          <caption class="vh">Win rate by task type and agent</caption>
          <thead>
            <tr>
              <th scope="col">Task</th>
              {agents.map(({ agent }) => (
                <th scope="col" class="n" safe>
                  {cut(agent, 40)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {types.map((type) => (
              <tr>
                <th scope="row">{type}</th>
                {agents.map(({ agent }) => (
                  <Heat of={wins.find((one) => one.agent === agent && one.task_type === type)} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function Heat({ of }: { of: Wins | undefined }) {
  if (!of) return <td class="n">–</td>;
  const { wins, runs, rate } = of;
  const said = `${wins} of ${runs}`;
  if (runs < fewest)
    return (
      <td class="n" title={said}>
        <small>too few</small>
      </td>
    );
  const step = Math.min(4, Math.floor(rate * 5));
  return (
    <td class={step === 0 ? 'n' : `n q${step}`} title={said} safe>
      {percent(rate)}
    </td>
  );
}
