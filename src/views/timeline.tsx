import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import { nameOf } from './compare-words';
import { clock, span } from './format';
import { Mark } from './marks';
import { isOver } from './runlist';
import type { Step, TimelineSteps } from './timeline-steps';

interface Props {
  run: Run;
  steps: TimelineSteps;
  current: number;
  now: Date;
}

/** Where the time went, a lane for each variation. Sizes are SVG attributes in %, so no text is distorted. */
export function Timeline({ run, steps, current, now }: Props) {
  const start = Date.parse(run.started_at ?? run.created_at);
  const passed = span(run.started_at ?? run.created_at, run.completed_at, now);
  const live = !isOver(run.status);
  if (run.started_at === null) return <section id="timeline" hidden></section>;
  const total = Math.max(
    1,
    live ? Math.max(passed * 1.08, passed + Math.min(run.time_left ?? 0, passed * 1.5)) : passed,
  );
  const scale: Scale = {
    x: (ms) => clamp(((ms - start) / 1000 / total) * 100),
    now: live ? clamp((passed / total) * 100) : null,
  };
  const lanes = Map.groupBy(steps.steps, (step) => step.variation);
  return (
    <section class="panel timeline" id="timeline" aria-labelledby="tl-h">
      <header>
        <h2 id="tl-h">Timeline</h2>
        <Legend />
      </header>
      <div class="lanes">
        {run.variations.map((one) => (
          <Lane
            run={run}
            variation={one}
            steps={lanes.get(one.position) ?? []}
            scale={scale}
            current={one.position === current}
          />
        ))}
        <svg class="axis" aria-hidden="true">
          <text class="first" x="0" y="14">
            0:00
          </text>
          {ticks(total)
            .filter((tick) => scale.now === null || Math.abs((tick / total) * 100 - scale.now) > 9)
            .map((tick) => (
              <text x={pct((tick / total) * 100)} y="14" safe>
                {clock(tick)}
              </text>
            ))}
          {scale.now === null ? (
            <text class="last" x="100%" y="14" safe>
              {clock(total)}
            </text>
          ) : (
            <text class="here" x={pct(scale.now)} y="14" safe>
              {`now ${clock(passed)}`}
            </text>
          )}
        </svg>
      </div>
    </section>
  );
}

interface Scale {
  /** Per cent of the width for a time. */
  x: (ms: number) => number;
  now: number | null;
}

function Lane({
  run,
  variation,
  steps,
  scale,
  current,
}: {
  run: Run;
  variation: Variation;
  steps: Step[];
  scale: Scale;
  current: boolean;
}) {
  const { position } = variation;
  const n = (kind: Step['kind']) => steps.filter((step) => step.kind === kind).length;
  const label = `Variation ${nameOf(variation)}: ${n('model')} model calls, ${n('cmd')} commands and edits, ${n('good') + n('bad') + n('still') + n('unknown')} checks, ${n('wait')} waits, ${n('pin')} checkpoints, ${n('say')} directives`;
  return (
    <>
      <a href={`/runs/${run.id}?v=${position}`} aria-current={current ? 'true' : undefined}>
        <Mark s={variation.status} />
        <span safe>{nameOf(variation)}</span>
        <small safe>{isOver(variation.status) ? '' : `${variation.progress_percentage} %`}</small>
      </a>
      <svg class="lane" role="img" aria-label={Html.escapeHtml(label)}>
        {steps.map((step) => (
          <Shape
            step={step}
            scale={scale}
            address={current ? `#e${step.seq}` : `/runs/${run.id}?v=${position}#e${step.seq}`}
          />
        ))}
        {scale.now === null ? (
          ''
        ) : (
          <>
            <line class="t-left" x1={pct(scale.now + 0.8)} x2="100%" y1="15" y2="15" />
            <line class="t-now" x1={pct(scale.now)} x2={pct(scale.now)} y1="0" y2="100%" />
          </>
        )}
      </svg>
    </>
  );
}

const boxes = {
  model: { class: 't-model', y: '8', height: '14', rx: '2' },
  cmd: { class: 't-cmd', y: '13', height: '9', rx: '1.5' },
  good: { class: 't-good', y: '3', height: '15', rx: '2' },
  bad: { class: 't-bad', y: '13', height: '18', rx: '2' },
  // On the line: neither better nor worse for the patch.
  still: { class: 't-still', y: '9', height: '13', rx: '2' },
  unknown: { class: 't-unknown', y: '9', height: '13', rx: '2' },
} as const;

function Shape({ step, scale, address }: { step: Step; scale: Scale; address: string }) {
  const x = scale.x(step.from);
  const end = step.to === null ? (scale.now ?? 100) : scale.x(step.to);
  const width = Math.max(0.25, end - x - 0.12);
  if (step.kind === 'say') {
    return (
      <>
        <line class="t-say" x1={pct(x)} x2={pct(x)} y1="0" y2="100%" />
        <a href={address} tabindex="-1">
          <title safe>{step.title}</title>
          <svg x={pct(x)} y="0" overflow="visible" aria-hidden="true">
            <path class="t-flag" d="M0 0h8l-2 3 2 3H0Z" />
          </svg>
        </a>
      </>
    );
  }
  if (step.kind === 'wait') {
    return (
      <a href={address} tabindex="-1">
        <title safe>{step.title}</title>
        <rect
          class="t-wait"
          fill="url(#hatch)"
          x={pct(x)}
          width={pct(Math.min(width, 100 - x))}
          y="8.5"
          height="13"
          rx="2"
        />
      </a>
    );
  }
  if (step.kind === 'pin') {
    return (
      <a href={address} tabindex="-1">
        <title safe>{step.title}</title>
        <svg x={pct(x)} y="28" overflow="visible" aria-hidden="true">
          <path class="t-pin" d="M0-3.5 3.5 0 0 3.5-3.5 0Z" />
        </svg>
      </a>
    );
  }
  const box = boxes[step.kind];
  return (
    <a href={address} tabindex="-1">
      <title safe>{step.title}</title>
      <rect
        class={box.class}
        x={pct(x)}
        width={pct(Math.min(width, 100 - x))}
        y={box.y}
        height={box.height}
        rx={box.rx}
      />
    </a>
  );
}

function Legend() {
  return (
    <div class="legend" aria-hidden="true">
      <span>
        <svg aria-hidden="true">
          <rect class="t-model" y="1" width="14" height="10" rx="2" />
        </svg>
        model
      </span>
      <span>
        <svg aria-hidden="true">
          <rect class="t-cmd" y="4" width="14" height="7" rx="1.5" />
        </svg>
        command, edit
      </span>
      <span>
        <svg aria-hidden="true">
          <rect class="t-good" width="6" height="9" rx="1.5" />
          <rect class="t-bad" x="8" y="3" width="6" height="9" rx="1.5" />
        </svg>
        check passes, broken
      </span>
      <span>
        <svg aria-hidden="true">
          <rect class="t-still" y="2" width="6" height="8" rx="1.5" />
          <rect class="t-unknown" x="8" y="2" width="6" height="8" rx="1.5" />
        </svg>
        still fails, could not run
      </span>
      <span>
        <svg aria-hidden="true">
          <rect class="t-wait" fill="url(#hatch)" x=".5" y="1.5" width="13" height="9" rx="2" />
        </svg>
        waits
      </span>
      <span>
        <svg aria-hidden="true">
          <path class="t-pin" d="M6 2l4 4-4 4-4-4Z" />
        </svg>
        checkpoint
      </span>
      <span>
        <svg aria-hidden="true">
          <path class="t-flag" d="M3 0h8l-2 3 2 3H3v6H2V0Z" />
        </svg>
        directive
      </span>
    </div>
  );
}

/** Three or four round times along the axis. */
function ticks(total: number): number[] {
  const step =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400].find((one) => total / one <= 5) ??
    86_400;
  const found: number[] = [];
  for (let tick = step; tick < total * 0.93 && found.length < 6; tick += step) found.push(tick);
  return found;
}

function pct(x: number): string {
  return `${x.toFixed(2)}%`;
}

function clamp(x: number): number {
  return Math.min(100, Math.max(0, x));
}
