import { Html } from '@kitajs/html';
import type { WeekWins } from '../core/contract';
import { cut, dayName } from './format';

/** Weeks shown, the present one included: ninety days. */
const shown = 13;
const dayMs = 86_400_000;
/** Pixels of the tallest bar, and of the ground it stands on. */
const tall = 28;
const ground = 31;

/** Contests and wins by week, a row of bars for each agent: drawn without text being stretched. */
export function WeekChart({
  agents,
  weeks,
  now,
}: {
  /** Names. */
  agents: readonly string[];
  weeks: readonly WeekWins[];
  now: Date;
}) {
  const mondays = mondaysUntil(now);
  const most = Math.max(1, ...weeks.map((one) => one.runs));
  const slot = 100 / shown;
  return (
    <figure class="panel pad">
      <figcaption>
        <h2>Wins a week</h2>
        <span class="legend" aria-hidden="true">
          <span>
            <svg aria-hidden="true">
              <rect class="t-model" x=".5" y="1.5" width="13" height="9" rx="1" />
            </svg>
            won
          </span>
          <span>
            <svg aria-hidden="true">
              <rect class="rail" x=".5" y="1.5" width="13" height="9" rx="1" />
            </svg>
            took part
          </span>
        </span>
      </figcaption>
      <div class="weeks">
        {agents.map((agent) => (
          <>
            <span safe>{cut(agent, 40)}</span>
            <AgentWeeks
              agent={agent}
              bars={mondays.map((monday) => ({
                monday,
                of: weeks.find((one) => one.agent === agent && one.week === monday),
              }))}
              most={most}
            />
          </>
        ))}
        <svg class="axis" aria-hidden="true">
          {mondays.map((monday, i) =>
            i % 4 === 0 ? (
              // On a phone the first and the last have room.
              <text
                class={i > 0 && i < shown - 1 ? 'minor' : undefined}
                x={`${((i + 0.5) * slot).toFixed(2)}%`}
                y="14"
                safe
              >
                {dayName(monday)}
              </text>
            ) : (
              ''
            ),
          )}
        </svg>
      </div>
    </figure>
  );
}

function AgentWeeks({
  agent,
  bars,
  most,
}: {
  agent: string;
  bars: readonly { monday: string; of: WeekWins | undefined }[];
  most: number;
}) {
  const slot = 100 / shown;
  const said = bars.flatMap(({ monday, of }) =>
    of ? [`${of.wins} of ${of.runs} in the week of ${dayName(monday)}`] : [],
  );
  const label = `${agent} won ${said.join(', ') || 'nothing lately'}`;
  return (
    <svg class="week" role="img" aria-label={Html.escapeHtml(label)}>
      <line class="t-grid" x1="0" x2="100%" y1={ground + 0.5} y2={ground + 0.5} />
      {bars.map(({ monday, of }, i) =>
        of ? (
          <g>
            <title safe>{`${dayName(monday)}: ${of.wins} of ${of.runs} won`}</title>
            <Bar kind="rail" at={i * slot} n={of.runs} most={most} />
            {of.wins > 0 ? <Bar kind="t-model" at={i * slot} n={of.wins} most={most} /> : ''}
          </g>
        ) : (
          ''
        ),
      )}
    </svg>
  );
}

function Bar({ kind, at, n, most }: { kind: string; at: number; n: number; most: number }) {
  const slot = 100 / shown;
  const height = Math.max(2, (n / most) * tall);
  return (
    <rect
      class={kind}
      x={`${(at + slot * 0.16).toFixed(2)}%`}
      width={`${(slot * 0.68).toFixed(2)}%`}
      y={(ground - height).toFixed(1)}
      height={height.toFixed(1)}
    />
  );
}

/** The Mondays of the weeks shown, the oldest first; UTC. */
function mondaysUntil(now: Date): string[] {
  const monday = now.getTime() - ((now.getUTCDay() + 6) % 7) * dayMs;
  return Array.from({ length: shown }, (_, i) =>
    new Date(monday - (shown - 1 - i) * 7 * dayMs).toISOString().slice(0, 10),
  );
}
