import type { Event, Payloads } from '../core/fact';
import { duration } from './format';
import type { ItemList } from './item-list';
import { bounded } from './items';

/** A piece of thinking: one item a call, growing. */
export function think(list: ItemList, event: Event, { call, text }: Payloads['agent.thinking']): void {
  const item = list.find(`c${call}-think`, 'think');
  const seconds = item ? (Date.parse(event.created_at) - Date.parse(item.at)) / 1000 : 0;
  if (item) {
    list.change(item, { text: bounded(item.text + text), seconds });
    return;
  }
  list.put({
    ...list.place(event, `c${call}-think`),
    kind: 'think',
    text: bounded(text),
    live: true,
    seconds,
  });
}

/** A piece of what is said, after which the thinking is over. */
export function say(list: ItemList, event: Event, { call, text }: Payloads['agent.message']): void {
  const think = list.find(`c${call}-think`, 'think');
  if (think?.live) list.change(think, { live: false });
  const item = list.find(`c${call}-say`, 'said');
  if (item) {
    list.change(item, { text: bounded(item.text + text) });
    return;
  }
  list.put({
    ...list.place(event, `c${call}-say`),
    kind: 'said',
    text: bounded(text),
    live: true,
  });
}

/** The whole answer stands for the pieces that were streamed. */
export function answered(list: ItemList, event: Event, payload: Payloads['model.responded']): void {
  const item = list.find(`c${payload.call}`, 'model');
  if (item) list.change(item, { answer: payload, model: payload.model });
  const think = list.find(`c${payload.call}-think`, 'think');
  if (think) list.change(think, { live: false });
  const said = list.find(`c${payload.call}-say`, 'said');
  const text = bounded(payload.message.text);
  if (said) list.change(said, { text: text || said.text, live: false });
  else if (text.trim() !== '')
    list.put({ ...list.place(event, `c${payload.call}-say`), kind: 'said', text, live: false });
}

/** The pieces seen so far will come again. */
export function retried(list: ItemList, payload: Payloads['model.retried']): void {
  const item = list.find(`c${payload.call}`, 'model');
  const wait = duration(payload.delay_ms / 1000);
  if (item)
    list.change(item, {
      trouble: `try ${payload.try} failed (${payload.error}), again after ${wait}`,
    });
  const think = list.find(`c${payload.call}-think`, 'think');
  if (think) list.change(think, { text: '' });
  const said = list.find(`c${payload.call}-say`, 'said');
  if (said) list.change(said, { text: '' });
}
