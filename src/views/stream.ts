import type { Failure, PatchStat, VariationStatus } from '../../drizzle/schema';
import type { Event } from '../core/fact';
import { checkFinished, checkStarted } from './check-items';
import { evidence } from './evidence-items';
import { duration } from './format';
import { ItemList } from './item-list';
import { type Item, longer, stat } from './items';
import { budget, refused } from './notices';
import { planned, progressed } from './plan-items';
import { answered, retried, say, think } from './speech';
import {
  again,
  asked,
  breakOff,
  decided,
  delivered,
  paused,
  queued,
  received,
  retrying,
  started,
  turnedBack,
  withdraw,
} from './steering';

/** Tools whose calls are told by their own events: the plan, the progress and the end. */
const told = new Set(['write_plan', 'report_progress', 'finish']);

/** A variation's items, made of its events in order. The same reading serves the page, its earlier part and the feed. */
export class Stream {
  readonly #list: ItemList;
  #step: number | null = null;
  #round = 1;
  #paused = false;

  constructor(position: number) {
    this.#list = new ItemList(position);
  }

  get items(): readonly Item[] {
    return this.#list.items;
  }

  /** Takes the next event; what is the run's own and not for this variation's reader is passed over. */
  take(event: Event): void {
    const { type, payload } = event;
    switch (type) {
      case 'run.created':
      case 'run.queued':
      case 'run.started':
      case 'run.released':
      case 'run.paused':
      case 'run.resumed':
      case 'run.completed':
      case 'run.failed':
      case 'run.needs_review':
      case 'run.stopped':
        return;
      case 'variation.queued':
        this.#paused = false;
        queued(this.#list, event, payload);
        return;
      case 'variation.retrying':
        retrying(this.#list, event, payload);
        return;
      case 'variation.paused':
        this.#paused = true;
        paused(this.#list, event);
        return;
      case 'variation.started': {
        started(this.#list);
        const again = payload.attempt > 1 ? `, attempt ${payload.attempt}` : '';
        this.#list.line(event, 'run', 'Started', `on ${payload.worker}${again}`);
        return;
      }
      case 'variation.progress':
        progressed(this.#list, event, payload);
        return;
      case 'variation.completed':
        this.#end(event, 'completed', payload.summary, null, payload.patch);
        return;
      case 'variation.failed':
        this.#end(event, 'failed', null, payload.error, null);
        return;
      case 'variation.needs_review':
        this.#end(event, 'needs_review', null, payload.error, null);
        return;
      case 'variation.stopped':
        this.#end(event, 'stopped', null, payload.error, null);
        return;
      case 'workspace.ready':
        this.#list.line(
          event,
          'box',
          'Workspace ready',
          `${payload.base_sha.slice(0, 7)}, ${duration(payload.duration_ms / 1000)}`,
        );
        return;
      case 'agent.thinking':
        think(this.#list, event, payload);
        return;
      case 'agent.message':
        say(this.#list, event, payload);
        return;
      case 'plan.generated':
        planned(this.#list, event, payload.steps);
        return;
      case 'step.started':
        this.#step = payload.step;
        return;
      case 'step.completed':
        return;
      case 'model.requested':
        this.#list.put({
          ...this.#list.place(event, `c${payload.call}`),
          kind: 'model',
          step: this.#step,
          model: payload.model,
          answer: null,
          trouble: '',
          cut: false,
        });
        return;
      case 'model.responded':
        answered(this.#list, event, payload);
        return;
      case 'model.retried':
        retried(this.#list, payload);
        return;
      case 'model.fell_back': {
        const item = this.#list.find(`c${payload.call}`, 'model');
        if (item)
          this.#list.change(item, {
            model: payload.to,
            trouble: `${payload.from} gave no answer: ${payload.error}`,
          });
        return;
      }
      case 'tool.started':
        // The plan, the progress and the end are told by their own events.
        if (told.has(payload.name)) return;
        this.#list.put({
          ...this.#list.place(event, `t${payload.tool}`),
          kind: 'tool',
          name: payload.name,
          title: payload.title,
          arguments: payload.arguments,
          output: { head: '', tail: '', dropped: 0 },
          result: null,
          cut: false,
        });
        return;
      case 'tool.output': {
        const item = this.#list.find(`t${payload.tool}`, 'tool');
        if (item) this.#list.change(item, { output: longer(item.output, payload.text) });
        return;
      }
      case 'tool.finished': {
        const item = this.#list.find(`t${payload.tool}`, 'tool');
        if (item) this.#list.change(item, { result: payload, cut: false });
        else if (told.has(payload.name) && !payload.ok) refused(this.#list, event, payload);
        return;
      }
      case 'patch.proposed':
        this.#list.line(event, 'edit', 'Patch proposed', stat(payload));
        return;
      case 'patch.applied':
        // An edit is shown as the tool's call.
        if (!('commit' in payload)) return;
        this.#list.line(
          event,
          'check',
          'Patch applies',
          `to the base, kept as ${payload.commit.slice(0, 7)}`,
        );
        return;
      case 'patch.rejected':
        if (payload.edit) return;
        this.#list.put({
          ...this.#list.place(event),
          kind: 'notice',
          level: 'warn',
          strong: 'Patch rejected',
          rest: payload.reasons.join('; '),
        });
        return;
      case 'checkpoint.saved':
        this.#list.put({
          ...this.#list.place(event),
          kind: 'checkpoint',
          checkpoint: payload.checkpoint,
          patch: payload,
        });
        return;
      case 'checkpoint.restored':
        // Of what is paused, only a person restores a checkpoint: what was asked and planned after it is void.
        if (this.#paused) turnedBack(this.#list);
        this.#list.line(
          event,
          'restore',
          payload.checkpoint === 0 ? 'Start restored' : `Checkpoint ${payload.checkpoint} restored`,
          stat(payload),
        );
        return;
      case 'variation.resumed':
        this.#list.line(event, 'retry', 'Goes on', `after step ${payload.step}, where it broke off`);
        return;
      case 'tool.repeated':
        again(this.#list, event, payload);
        return;
      case 'iteration.started':
        this.#round = payload.iteration;
        if (payload.iteration === 1) return;
        this.#list.put({ ...this.#list.place(event), kind: 'turn', text: `Iteration ${payload.iteration}` });
        return;
      case 'check.started':
        checkStarted(this.#list, event, payload, this.#round);
        return;
      case 'check.finished':
        checkFinished(this.#list, event, payload, this.#round);
        return;
      case 'directive.received':
        received(this.#list, event, payload);
        return;
      case 'directive.delivered':
        delivered(this.#list, event, payload);
        return;
      case 'approval.requested':
        asked(this.#list, event, payload, this.#list.find(`checks-patch-${this.#round}`, 'checks'));
        return;
      case 'approval.reminded':
        this.#list.line(
          event,
          'flag',
          'Still waits for a person',
          `asked ${duration(payload.waited_s)} before`,
        );
        return;
      case 'approval.decided':
        decided(this.#list, event, payload);
        return;
      case 'setup.started':
      case 'setup.finished':
      case 'network.denied':
      case 'patch.flagged':
      case 'goal.assessed':
        evidence(this.#list, event);
        return;
      case 'judge.answered':
        // Of a verdict it is the run's own.
        if (payload.verdict === null) evidence(this.#list, event);
        return;
      case 'verdict.given':
      case 'winner.chosen':
      case 'winner.cleared':
      case 'graft.created':
      case 'landing.started':
      case 'landing.succeeded':
      case 'landing.failed':
      case 'landing.updated':
      case 'landing.undone':
        return; // The run's own.
      case 'budget.warned':
        budget(this.#list, event, 'warn', 'Budget nearly used up', payload);
        return;
      case 'budget.exceeded':
        budget(this.#list, event, 'bad', 'Budget used up', payload);
        return;
      default:
        unknownEvent(type);
        return;
    }
  }

  /** What is new and what changed since the last call, each in order. Items that are new are not among the changed. */
  changes(): { fresh: Item[]; changed: Item[] } {
    return this.#list.changes();
  }

  /** Lets go of the oldest items beyond `limit`; they are returned. */
  trim(limit: number): Item[] {
    return this.#list.trim(limit);
  }

  #end(
    event: Event,
    status: VariationStatus,
    summary: string | null,
    error: Failure | null,
    patch: PatchStat | null,
  ): void {
    breakOff(this.#list);
    withdraw(this.#list);
    this.#list.put({ ...this.#list.place(event), kind: 'end', status, summary, error, patch });
  }
}

/** A type from a newer service than this page's: left out rather than fatal; a missing case does not compile. */
function unknownEvent(_type: never): void {}
