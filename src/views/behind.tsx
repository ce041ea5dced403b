import type { Event } from '../core/fact';
import { listed } from './compare-words';
import { cut, money, time } from './format';
import { visible } from './visible';

type Judged = Extract<Event, { type: 'judge.answered' }>;
export type Behind = Judged | Extract<Event, { type: 'verdict.given' }>;

const asked = {
  criteria: 'what the goal asks for',
  answers: 'whether it does what the goal asks for',
  pair: 'which of two is better',
  goal: 'whether the goal is met',
} as const;

const most = 2000;

/** What a verdict was made of besides the checks, which are in the streams: each of a judge's answers as it was given. */
export function BehindVerdict({ events }: { events: readonly Behind[] }) {
  if (events.length === 0) return <section id="behind" hidden></section>;
  return (
    <section class="panel pad" id="behind" aria-label="Events behind the verdict">
      <details>
        <summary>What the verdict and its judge said</summary>
        <ol class="behind">
          {events.map((event) => (
            <li id={`e${event.seq}`}>
              <time datetime={event.created_at} safe>
                {time(event.created_at)}
              </time>{' '}
              {event.type === 'verdict.given' ? (
                <>
                  <b>Verdict given</b>
                  <p safe>{visible(event.payload.summary)}</p>
                </>
              ) : (
                <Answer answer={event.payload} />
              )}
            </li>
          ))}
        </ol>
      </details>
    </section>
  );
}

function Answer({ answer }: { answer: Judged['payload'] }) {
  const { question, about, agent, model, text, failure, cost_usd } = answer;
  const who = about.length === 0 ? '' : ` of ${listed(about)}`;
  return (
    <>
      <b safe>{`Asked ${asked[question]}${who}`}</b>{' '}
      <span class="muted" safe>
        {visible(`${agent}, ${model}, ${money(cost_usd)}`)}
      </span>
      <blockquote safe>{visible(cut(text ?? failure?.message ?? '', most))}</blockquote>
    </>
  );
}
