import type { Event, Payloads } from '../core/fact';
import type { ItemList } from './item-list';

/** A round's checks on the same thing, base or patch, are one item. */
export function checkStarted(
  list: ItemList,
  event: Event,
  { name, on }: Pick<Payloads['check.started'], 'name' | 'on'>,
  round: number,
): void {
  const item = list.find(`checks-${on}-${round}`, 'checks');
  if (item) {
    list.change(item, { running: name });
    return;
  }
  list.put({
    ...list.place(event, `checks-${on}-${round}`),
    kind: 'checks',
    on,
    results: [],
    running: name,
  });
}

export function checkFinished(
  list: ItemList,
  event: Event,
  { on, ...line }: Payloads['check.finished'],
  round: number,
): void {
  if (!list.find(`checks-${on}-${round}`, 'checks'))
    checkStarted(list, event, { name: line.name, on }, round);
  const item = list.find(`checks-${on}-${round}`, 'checks');
  if (!item) return;
  const others = item.results.filter((one) => one.name !== line.name);
  const before = item.results.find((one) => one.name === line.name)?.seqs ?? [];
  list.change(item, { results: [...others, { ...line, seqs: [...before, event.seq] }], running: null });
}
