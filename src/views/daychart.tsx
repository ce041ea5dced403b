import type { DayStat } from '../core/contract';
import { dayName } from './format';

/** Runs a day as bars, drawn without text being stretched. */
export function DayChart({ days }: { days: readonly DayStat[] }) {
  const most = Math.max(1, ...days.map((day) => day.completed + day.failed));
  const slot = 100 / days.length;
  const every = Math.max(1, Math.ceil(days.length / 6));
  const px = (n: number) => ((n / most) * 112).toFixed(1);
  return (
    <figure class="panel pad">
      <figcaption>
        <h2>Runs a day</h2>
        <span class="legend" aria-hidden="true">
          <span>
            <svg aria-hidden="true">
              <rect class="t-good" x=".5" y="1.5" width="13" height="9" rx="1" />
            </svg>
            completed
          </span>
          <span>
            <svg aria-hidden="true">
              <rect class="t-bad" x=".5" y="1.5" width="13" height="9" rx="1" />
            </svg>
            failed, needs review
          </span>
        </span>
      </figcaption>
      <div class="plot">
        <svg class="chart" aria-hidden="true">
          <text class="start" x="0" y="132">
            0
          </text>
          <text class="start" x="0" y="20" safe>
            {String(most)}
          </text>
        </svg>
        <svg
          class="chart"
          role="img"
          aria-label={`Runs per day over ${days.length} days, at most ${most} a day`}
        >
          <line x1="0" x2="100%" y1="128" y2="128" />
          <line x1="0" x2="100%" y1="16" y2="16" />
          {days.map((day, i) => (
            <DayBar day={day} x={i * slot + slot * 0.16} width={slot * 0.68} px={px} />
          ))}
          {days.map((day, i) =>
            i % every === 0 ? (
              <text x={`${((i + 0.5) * slot).toFixed(2)}%`} y="146" safe>
                {dayName(day.day)}
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

function DayBar({
  day,
  x,
  width,
  px,
}: {
  day: DayStat;
  x: number;
  width: number;
  px: (n: number) => string;
}) {
  const at = { x: `${x.toFixed(2)}%`, width: `${width.toFixed(2)}%` };
  const good = Number(px(day.completed));
  const bad = Number(px(day.failed));
  return (
    <g>
      <title
        safe
      >{`${dayName(day.day)}: ${day.completed} completed, ${day.failed} failed or to review`}</title>
      {good > 0 ? <rect class="t-good" {...at} y={String(128 - good)} height={String(good)} /> : ''}
      {bad > 0 ? <rect class="t-bad" {...at} y={String(128 - good - bad)} height={String(bad)} /> : ''}
    </g>
  );
}
