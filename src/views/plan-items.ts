import type { Event, Payloads, PlanStep } from '../core/fact';
import type { ItemList } from './item-list';

/** How far it is: one line, as long as nothing else comes between. */
export function progressed(
  list: ItemList,
  event: Event,
  { percentage, step }: Payloads['variation.progress'],
): void {
  if (step === null) return;
  const last = list.items.at(-1);
  if (last?.kind === 'line' && last.icon === 'flag') {
    list.change(last, { strong: `${percentage} %`, rest: step });
    return;
  }
  list.line(event, 'flag', `${percentage} %`, step);
}

/** The plan: one item, that changes. */
export function planned(list: ItemList, event: Event, steps: PlanStep[]): void {
  const item = list.find('plan', 'plan');
  if (!item) {
    list.put({ ...list.place(event, 'plan'), kind: 'plan', steps, revisions: 0, resting: false });
    return;
  }
  const revised =
    JSON.stringify(steps.map((one) => one.text)) !== JSON.stringify(item.steps.map((one) => one.text));
  list.change(item, { steps, revisions: item.revisions + (revised ? 1 : 0), resting: false });
}
