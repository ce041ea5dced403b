import type { Event, Payloads } from '../core/fact';
import { duration, time } from './format';
import type { ItemList } from './item-list';
import type { Item } from './items';

/** What persons and the service do with a variation from outside, as items of its stream. */

/** It waits for a worker, for the first time or again. */
export function queued(list: ItemList, event: Event, payload: Payloads['variation.queued']): void {
  breakOff(list);
  const { why, checkpoint, forked_from } = payload;
  const from =
    checkpoint === undefined ? '' : checkpoint === 0 ? 'from the start' : `from checkpoint ${checkpoint}`;
  switch (why) {
    case undefined:
      list.line(event, 'box', 'Queued', `for ${payload.agent}, ${payload.model}`);
      return;
    case 'fork':
      list.line(
        event,
        'fork',
        forked_from === undefined ? 'Forked' : `Forked from variation ${forked_from}`,
        [from, `for ${payload.agent}, ${payload.model}`].filter(Boolean).join(', '),
      );
      return;
    case 'rollback':
    case 'retry':
      turnedBack(list);
      list.line(
        event,
        why === 'retry' ? 'retry' : 'restore',
        why === 'retry' ? 'Retried by a person' : 'Gone back by a person',
        from,
      );
      return;
    case 'resumed':
      list.line(event, 'play', 'Resumed', 'waits for a worker, then goes on where it was');
      return;
    case 'decided':
      list.line(event, 'play', 'Goes on', 'now that it has its answer');
      return;
    case 'graft':
      list.line(
        event,
        'fork',
        'A graft',
        'composed of parts of other variations, and checked like any other',
      );
      return;
    case 'mended':
      list.line(event, 'edit', 'Mended by a person', 'their patch is applied to the base, and checked');
      return;
    case 'directive':
      list.line(event, 'flag', 'Taken up again', 'for a directive');
      return;
    case 'worker_lost':
      list.put({
        ...list.place(event),
        kind: 'notice',
        level: 'warn',
        strong: 'Its worker is gone',
        rest: 'It goes on from its last checkpoint as soon as another one takes it.',
      });
      return;
    case 'shutdown':
      list.line(event, 'pause', 'The service was stopped', 'it goes on from its last checkpoint');
      return;
    default:
      unknownReason(why);
      list.line(event, 'box', 'Queued', `for ${payload.agent}, ${payload.model}`);
  }
}

export function retrying(list: ItemList, event: Event, payload: Payloads['variation.retrying']): void {
  breakOff(list);
  const { error, retry, of, at, delay_ms } = payload;
  list.put({
    ...list.place(event),
    kind: 'notice',
    level: 'warn',
    strong: `Tries again at ${time(at)}`,
    rest: `retry ${retry} of ${of}, after ${duration(delay_ms / 1000)}. ${error.code}: ${error.message}`,
  });
}

export function paused(list: ItemList, event: Event): void {
  breakOff(list);
  list.line(event, 'pause', 'Paused', 'holds no worker, and keeps what it did');
}

/** A call that was cut off is run again as the same call. */
export function again(list: ItemList, event: Event, { tool, name }: Payloads['tool.repeated']): void {
  const item = list.find(`t${tool}`, 'tool');
  if (item) list.change(item, { cut: false, result: null, output: { head: '', tail: '', dropped: 0 } });
  list.line(event, 'retry', 'Run again', `${name}, which was cut off`);
}

export function received(list: ItemList, event: Event, payload: Payloads['directive.received']): void {
  const { text, path, line } = payload;
  list.put({
    ...list.place(event, `say-${payload.directive}`),
    kind: 'sent',
    directive: { text, path, line },
    taken: null,
  });
}

/** It is shown in full where it was taken up; where it came in stays a line that leads there. */
export function delivered(list: ItemList, event: Event, payload: Payloads['directive.delivered']): void {
  const sent = list.find(`say-${payload.directive}`, 'sent');
  if (!sent) {
    list.line(event, 'flag', 'Directive taken up', 'sent further up');
    return;
  }
  const place = list.place(event, `voice-${payload.directive}`);
  const seconds = (Date.parse(event.created_at) - Date.parse(sent.at)) / 1000;
  list.put({ ...place, kind: 'voice', directive: sent.directive, seconds });
  list.change(sent, { taken: place });
}

export function asked(
  list: ItemList,
  event: Event,
  payload: Payloads['approval.requested'],
  checks: Extract<Item, { kind: 'checks' }> | null,
): void {
  breakOff(list);
  list.put({
    ...list.place(event, `gate-${payload.approval}`),
    kind: 'gate',
    approval: payload.approval,
    about: payload.kind,
    question: payload.question,
    checks: payload.kind === 'commit' ? (checks?.results ?? []) : [],
    decided: null,
    withdrawn: false,
  });
}

export function decided(list: ItemList, event: Event, payload: Payloads['approval.decided']): void {
  const gate = list.find(`gate-${payload.approval}`, 'gate');
  if (gate) {
    list.change(gate, { decided: { ...payload, at: event.created_at }, withdrawn: false });
    return;
  }
  const said = payload.decision === 'approve' ? 'Approved' : 'Denied';
  list.line(event, payload.decision === 'approve' ? 'check' : 'close', said, payload.comment ?? '');
}

/** What was under way is not any more: no caret blinks and no mark turns on it. */
export function breakOff(list: ItemList): void {
  for (const item of list.items) {
    if ((item.kind === 'think' || item.kind === 'said') && item.live) list.change(item, { live: false });
    else if (item.kind === 'model' && item.answer === null && !item.cut) list.change(item, { cut: true });
    else if (item.kind === 'tool' && item.result === null && !item.cut) list.change(item, { cut: true });
    else if (item.kind === 'plan' && !item.resting) list.change(item, { resting: true });
    else if (item.kind === 'checks' && item.running !== null) list.change(item, { running: null });
  }
}

/** A worker has it: its plan is under way again. */
export function started(list: ItemList): void {
  breakOff(list);
  const plan = list.find('plan', 'plan');
  if (plan) list.change(plan, { resting: false });
}

/** Open questions of what is over are not asked any more. */
export function withdraw(list: ItemList): void {
  for (const item of list.items) {
    if (item.kind === 'gate' && item.decided === null && !item.withdrawn)
      list.change(item, { withdrawn: true });
  }
}

/** A conversation that is begun again, or goes on from an earlier place, has questions and a plan of its own. */
export function turnedBack(list: ItemList): void {
  withdraw(list);
  list.forget('plan');
}

/** A reason from a newer service than this page's. */
function unknownReason(_why: never): void {}
