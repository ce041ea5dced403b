import { Html } from '@kitajs/html';
import type { EventsContext } from './events';
import { clock, cut, duration } from './format';
import type { Item, Words } from './items';
import { prose } from './prose';
import { visible } from './visible';

/** A person's directive where it was taken up. */
export function Voice({ item }: { item: Extract<Item, { kind: 'voice' }> }) {
  return (
    <div class="voice">
      <Text words={item.directive} />
      <small safe>{`taken up here, ${duration(item.seconds)} after it was sent`}</small>
    </div>
  );
}

/** Where it came in: in full while it waits, afterwards a line that leads to where it was taken up. */
export function Sent({ item, context }: { item: Extract<Item, { kind: 'sent' }>; context: EventsContext }) {
  if (item.taken === null) {
    return (
      <div class="voice waits">
        <Text words={item.directive} />
        <small>sent; the agent takes it up at its next turn</small>
      </div>
    );
  }
  const at = (Date.parse(item.taken.at) - Date.parse(context.origin)) / 1000;
  return (
    <>
      <b>Directive sent</b> <span safe>{visible(cut(item.directive.text, 80))}</span>{' '}
      <a href={`#e${item.taken.seq}`} safe>
        {`taken up at ${clock(at)}`}
      </a>
    </>
  );
}

function Text({ words }: { words: Words }) {
  return (
    <>
      {prose(words.text) as 'safe'}
      {words.path === null ? (
        ''
      ) : (
        <p>
          <code>
            {Html.escapeHtml(visible(words.line === null ? words.path : `${words.path}:${words.line}`))}
          </code>
        </p>
      )}
    </>
  );
}
