import type { Failure, PatchStat, VariationStatus } from '../../drizzle/schema';
import type { Event, Payloads, PlanStep } from '../core/fact';
import { count, duration, money } from './format';
import { ItemList } from './item-list';
import { bounded, type Item, longer, stat } from './items';
import { answered, retried, say, think } from './speech';

/** Tools whose calls are told by their own events: the plan, the progress and the end. */
const told = new Set(['write_plan', 'report_progress', 'finish']);

/** A variation's items, made of its events in order. The same reading serves the page, its earlier part and the feed. */
export class Stream {
  readonly #list: ItemList;
  #step: number | null = null;
  #round = 1;

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
        this.#list.line(event, 'box', 'Queued', `for ${payload.agent}, ${payload.model}`);
        return;
      case 'variation.started': {
        const again = payload.attempt > 1 ? `, attempt ${payload.attempt}` : '';
        this.#list.line(event, 'run', 'Started', `on ${payload.worker}${again}`);
        return;
      }
      case 'variation.progress':
        this.#progress(event, payload);
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
        this.#plan(event, payload.steps);
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
        });
        return;
      case 'tool.output': {
        const item = this.#list.find(`t${payload.tool}`, 'tool');
        if (item) this.#list.change(item, { output: longer(item.output, payload.text) });
        return;
      }
      case 'tool.finished': {
        const item = this.#list.find(`t${payload.tool}`, 'tool');
        if (item) this.#list.change(item, { result: payload });
        else if (told.has(payload.name) && !payload.ok) this.#refused(event, payload);
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
        this.#list.line(event, 'pin', `Checkpoint ${payload.checkpoint}`, stat(payload));
        return;
      case 'checkpoint.restored':
        this.#list.line(event, 'restore', `Checkpoint ${payload.checkpoint} restored`, stat(payload));
        return;
      case 'variation.resumed':
        this.#list.line(event, 'retry', 'Goes on', `after step ${payload.step}, where it broke off`);
        return;
      case 'tool.repeated':
        this.#list.line(event, 'retry', 'Run again', `${payload.name}, which was cut off`);
        return;
      case 'iteration.started':
        this.#round = payload.iteration;
        if (payload.iteration === 1) return;
        this.#list.put({ ...this.#list.place(event), kind: 'turn', text: `Iteration ${payload.iteration}` });
        return;
      case 'check.started':
        this.#checkStarted(event, payload);
        return;
      case 'check.finished':
        this.#checkFinished(event, payload);
        return;
      case 'variation.retrying':
      case 'variation.paused':
      case 'directive.received':
      case 'directive.delivered':
      case 'approval.requested':
      case 'approval.reminded':
      case 'approval.decided':
        return; // Drawn below, with the buttons that answer them.
      case 'budget.warned':
        this.#budget(event, 'warn', 'Budget nearly used up', payload);
        return;
      case 'budget.exceeded':
        this.#budget(event, 'bad', 'Budget used up', payload);
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

  #refused(event: Event, { name, output }: Payloads['tool.finished']): void {
    this.#list.put({
      ...this.#list.place(event),
      kind: 'notice',
      level: 'warn',
      strong: `${name} refused`,
      rest: bounded(output),
    });
  }

  #progress(event: Event, { percentage, step }: Payloads['variation.progress']): void {
    if (step === null) return;
    const last = this.#list.items.at(-1);
    if (last?.kind === 'line' && last.icon === 'flag') {
      this.#list.change(last, { strong: `${percentage} %`, rest: step });
      return;
    }
    this.#list.line(event, 'flag', `${percentage} %`, step);
  }

  #plan(event: Event, steps: PlanStep[]): void {
    const item = this.#list.find('plan', 'plan');
    if (!item) {
      this.#list.put({ ...this.#list.place(event, 'plan'), kind: 'plan', steps, revisions: 0 });
      return;
    }
    const revised =
      JSON.stringify(steps.map((one) => one.text)) !== JSON.stringify(item.steps.map((one) => one.text));
    this.#list.change(item, { steps, revisions: item.revisions + (revised ? 1 : 0) });
  }

  #checkStarted(event: Event, { name, on }: Payloads['check.started']): void {
    const item = this.#list.find(`checks-${on}-${this.#round}`, 'checks');
    if (item) {
      this.#list.change(item, { running: name });
      return;
    }
    this.#list.put({
      ...this.#list.place(event, `checks-${on}-${this.#round}`),
      kind: 'checks',
      on,
      results: [],
      running: name,
    });
  }

  #checkFinished(event: Event, { on, ...line }: Payloads['check.finished']): void {
    if (!this.#list.find(`checks-${on}-${this.#round}`, 'checks')) this.#checkStarted(event, { ...line, on });
    const item = this.#list.find(`checks-${on}-${this.#round}`, 'checks');
    if (!item) return;
    const others = item.results.filter((one) => one.name !== line.name);
    this.#list.change(item, { results: [...others, line], running: null });
  }

  #budget(
    event: Event,
    level: 'warn' | 'bad',
    strong: string,
    { kind, used, limit }: Payloads['budget.warned'],
  ): void {
    const rest =
      kind === 'usd' ? `${money(used)} of ${money(limit)}` : `${count(used)} of ${count(limit)} tokens`;
    this.#list.put({ ...this.#list.place(event), kind: 'notice', level, strong, rest });
  }

  #end(
    event: Event,
    status: VariationStatus,
    summary: string | null,
    error: Failure | null,
    patch: PatchStat | null,
  ): void {
    for (const item of this.#list.items) {
      if ((item.kind === 'think' || item.kind === 'said') && item.live)
        this.#list.change(item, { live: false });
    }
    this.#list.put({ ...this.#list.place(event), kind: 'end', status, summary, error, patch });
  }
}

/** A type from a newer service than this page's: left out rather than fatal; a missing case does not compile. */
function unknownEvent(_type: never): void {}
