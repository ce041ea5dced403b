import { ansi } from './ansi';
import { plural } from './format';
import type { Output } from './items';

/** Lines shown before and after the fold. */
const first = 2;
const last = 10;

/**
 * A command's output, folded to its first 2 and last 10 lines. While it still grows only these are sent, so that a
 * long output does not travel again and again.
 */
export function OutputBlock({ output, live = false }: { output: Output; live?: boolean }) {
  const head = lines(output.head);
  const whole = output.dropped === 0 ? lines(output.head + output.tail) : null;
  if (whole?.every((line) => line === '')) return '';
  if (whole && whole.length <= first + last + 3) {
    return (
      <div class="out">
        <pre class={live ? 'live' : undefined}>{ansi(whole.join('\n')) as 'safe'}</pre>
      </div>
    );
  }
  const tail = whole ?? lines(output.tail);
  const begin = head.slice(0, first);
  const middle = whole
    ? whole.slice(first, -last)
    : [...head.slice(first), `… ${output.dropped} characters are not kept here …`, ...tail.slice(0, -last)];
  return (
    <div class="out">
      <pre>{ansi(begin.join('\n')) as 'safe'}</pre>
      {live ? (
        <p class="muted" safe>{`${plural(middle.length, 'line')} before`}</p>
      ) : (
        <details class="fold">
          <summary safe>{`${plural(middle.length, 'line')} folded`}</summary>
          <pre>{ansi(middle.join('\n')) as 'safe'}</pre>
        </details>
      )}
      <pre class={live ? 'live' : undefined}>{ansi(tail.slice(-last).join('\n')) as 'safe'}</pre>
    </div>
  );
}

/** A text that is there already, as output. */
export function outputOf(text: string): Output {
  const limit = 28_000;
  if (text.length <= limit) return { head: text, tail: '', dropped: 0 };
  return { head: text.slice(0, 4000), tail: text.slice(-24_000), dropped: text.length - limit };
}

function lines(text: string): string[] {
  return text
    .replace(/\r?\n$/, '')
    .split('\n')
    .map((line) => (line.length > 4000 ? `${line.slice(0, 4000)}…` : line));
}
