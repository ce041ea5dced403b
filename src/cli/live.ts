import type { RunStatus } from '../../drizzle/schema';
import type { Run } from '../core/contract';
import type { CheckedOn, Event, QueuedWhy } from '../core/fact';
import { fit, pad, paint, plain, type Screen } from './screen';
import { approveWith, questionWords } from './waiting';
import { cost, diffStat, exitWord, marks, moment, statusWord } from './words';

interface Line {
  position: number;
  agent: string;
  status: RunStatus;
  percentage: number;
  step: string;
  cost: number | null;
  /** What was printed last, where lines are not redrawn. */
  said: string;
}

export interface Live {
  event(event: Event): void;
  /** Leaves the last state standing. */
  end(): void;
}

/**
 * Shows a run while it goes: on a terminal one line a variation, redrawn in place (at most every 80 ms); elsewhere one
 * line for each change, with the seconds since the start.
 */
export function openLive(screen: Screen, run: Run, now: () => number = Date.now): Live {
  const start = now();
  const lines = new Map(
    run.variations.map((variation): [number, Line] => [
      variation.position,
      {
        position: variation.position,
        agent: plain(variation.agent.name),
        status: variation.status,
        percentage: variation.progress_percentage,
        step: plain(variation.current_step ?? ''),
        cost: 0,
        said: '',
      },
    ]),
  );
  const columns = Math.min(
    24,
    Math.max(5, ...[...lines.values()].map((line) => Bun.stringWidth(line.agent))),
  );
  let drawn = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;

  const draw = () => {
    timer = null;
    const rows = [...lines.values()].map((line) => row(screen, line, columns));
    const up = drawn > 0 ? `\u001b[${drawn}A` : '';
    screen.write(up + rows.map((text) => `\r\u001b[2K${text}\n`).join(''));
    drawn = rows.length;
  };
  const say = (line: Line) => {
    const words = `${line.position} ${pad(line.agent, columns)}  ${pad(statusWord(line.status), 9)}  ${line.step}`;
    if (words === line.said) return;
    line.said = words;
    screen.write(
      `${pad(`${((now() - start) / 1000).toFixed(1)} s`, 8, 'start')}  ${fit(words, 200).trimEnd()}\n`,
    );
  };
  if (screen.live) draw();

  return {
    event(event) {
      if (event.variation === null) return;
      if (event.type === 'variation.queued' && !lines.has(event.variation)) {
        lines.set(event.variation, forked(event.variation, event.payload.agent));
      }
      const line = lines.get(event.variation);
      if (line === undefined) return;
      change(line, event);
      if (!screen.live) say(line);
      else timer ??= setTimeout(draw, 80);
    },
    end() {
      if (timer !== null) clearTimeout(timer);
      if (screen.live) draw();
    },
  };
}

/** `◐ 1 careful  running   45 %  $0.0012  Runs the tests`, cut to the screen so that a line stays a line. */
function row(screen: Screen, line: Line, columns: number): string {
  const { mark, tone } = marks[line.status];
  const head = `${mark} ${line.position} ${pad(fit(line.agent, columns), columns)}  ${pad(statusWord(line.status), 12)}`;
  const rest = `${pad(`${line.percentage} %`, 5, 'start')}  ${pad(cost(line.cost), 7, 'start')}  ${line.step}`;
  const room = Math.max(1, screen.width() - 1 - Bun.stringWidth(head) - 1);
  return `${paint(screen, tone, head)} ${fit(rest, room)}`;
}

const statusOf: { [type: string]: RunStatus } = {
  'variation.queued': 'queued',
  'variation.started': 'running',
  'variation.retrying': 'queued',
  'variation.paused': 'paused',
  'approval.requested': 'awaiting_approval',
  'variation.completed': 'completed',
  'variation.failed': 'failed',
  'variation.needs_review': 'needs_review',
  'variation.stopped': 'stopped',
};

/** A variation that a person has added. */
function forked(position: number, agent: string): Line {
  return {
    ...{ position, agent: plain(agent), status: 'queued', percentage: 0 },
    ...{ step: '', cost: 0, said: '' },
  };
}

const queuedSteps: Record<QueuedWhy, string> = {
  shutdown: 'its worker was shut down; it goes on',
  worker_lost: 'its worker was lost; it goes on',
  resumed: 'resumed',
  decided: 'answered',
  directive: 'goes on with what it was told',
  retry: 'tried again',
  rollback: 'goes on',
  fork: 'forked',
  graft: 'a graft; to be checked',
  mended: 'goes on with a mended patch',
};

const placeOf: Record<CheckedOn, string> = {
  base: 'the base',
  patch: 'the patch',
  base_tests: 'the patch with the base’s tests',
};

/** Tools whose effect is shown by an event of its own. */
const aboutItself = new Set(['write_plan', 'report_progress', 'finish']);

function change(line: Line, event: Event): void {
  const status = statusOf[event.type];
  if (status !== undefined) line.status = status;
  switch (event.type) {
    case 'variation.queued':
      if (event.payload.why === undefined) break;
      line.step = queuedSteps[event.payload.why];
      if (event.payload.checkpoint !== undefined) line.step += ` from checkpoint ${event.payload.checkpoint}`;
      break;
    case 'variation.retrying': {
      const { error, retry, of, at } = event.payload;
      line.step = plain(`try ${retry} of ${of} at ${moment(at)}: ${error.code}: ${error.message}`);
      break;
    }
    case 'variation.paused':
      line.step = `./bakeoff resume ${event.run_id} ${line.position}`;
      break;
    case 'approval.requested':
      // The command first: a long question is cut at the screen's edge.
      line.step = `${approveWith(event.run_id, event.payload.approval)}  ${questionWords(event.payload)}`;
      break;
    case 'directive.received':
      line.step = plain(`told: ${event.payload.text}`);
      break;
    case 'variation.started':
      line.step = event.payload.attempt > 1 ? `attempt ${event.payload.attempt}` : '';
      break;
    case 'variation.progress':
      line.percentage = event.payload.percentage;
      if (event.payload.step !== null) line.step = plain(event.payload.step);
      break;
    case 'model.responded':
      line.cost =
        line.cost === null || event.payload.cost_usd === null ? null : line.cost + event.payload.cost_usd;
      break;
    case 'model.retried':
      line.step = plain(`the model did not answer (${event.payload.error}); try ${event.payload.try}`);
      break;
    case 'tool.started':
      if (!aboutItself.has(event.payload.name)) line.step = plain(event.payload.title);
      break;
    case 'patch.proposed':
      line.step = `proposed: ${diffStat(event.payload)}`;
      break;
    case 'check.started':
      line.step = plain(`checks ${placeOf[event.payload.on]}: ${event.payload.command}`);
      break;
    case 'check.finished':
      line.step = plain(
        `${event.payload.name} on ${placeOf[event.payload.on]}: exit ${exitWord(event.payload)}`,
      );
      break;
    case 'variation.completed':
      line.percentage = 100;
      line.step = diffStat(event.payload.patch);
      break;
    case 'variation.failed':
    case 'variation.needs_review':
    case 'variation.stopped':
      line.step = plain(`${event.payload.error.code}: ${event.payload.error.message}`);
      break;
  }
}
