import type { Event, Payloads } from '../core/fact';
import { count, money } from './format';
import type { ItemList } from './item-list';
import { bounded } from './items';

/** A call of the tools that are told by their own events: only what was wrong with it shows. */
export function refused(list: ItemList, event: Event, { name, output }: Payloads['tool.finished']): void {
  list.put({
    ...list.place(event),
    kind: 'notice',
    level: 'warn',
    strong: `${name} refused`,
    rest: bounded(output),
  });
}

export function budget(
  list: ItemList,
  event: Event,
  level: 'warn' | 'bad',
  strong: string,
  { kind, used, limit }: Payloads['budget.warned'],
): void {
  const rest =
    kind === 'usd' ? `${money(used)} of ${money(limit)}` : `${count(used)} of ${count(limit)} tokens`;
  list.put({ ...list.place(event), kind: 'notice', level, strong, rest });
}
