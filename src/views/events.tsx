import { Html } from '@kitajs/html';
import type { PlanStep } from '../core/fact';
import { CheckpointLine } from './checkpoints';
import { Checks } from './checks';
import { editsOf } from './edits';
import { clock, count, cut, duration, money, plural, words } from './format';
import { Gate } from './gate';
import { type Item, stat } from './items';
import { Icon, LevelMark, Mark } from './marks';
import { inlineProse, prose } from './prose';
import { ToolCall } from './toolcall';
import { visible } from './visible';
import { Sent, Voice } from './voice';

export interface EventsContext {
  /** Where the variation's forms are sent: `/runs/212/variations/2` and so on. */
  run: number;
  position: number;
  /** When the run's clock began, ISO-8601. */
  origin: string;
  /** The variation's changes page. */
  changes: string;
}

/** Something that happened, as one row of the stream: on the page, in its earlier part, and from the feed. */
export function Ev({ item, context }: { item: Item; context: EventsContext }) {
  if (item.kind === 'turn') {
    return (
      <li class="turn" id={item.key} safe>
        {item.text}
      </li>
    );
  }
  const thin =
    item.kind === 'line' ||
    item.kind === 'model' ||
    item.kind === 'checkpoint' ||
    (item.kind === 'sent' && item.taken !== null);
  const at = (Date.parse(item.at) - Date.parse(context.origin)) / 1000;
  return (
    <li class={thin ? 'ev thin' : 'ev'} id={item.key}>
      <a class="at" id={`e${item.seq}`} href={`#e${item.seq}`} safe>
        {clock(at)}
      </a>
      <Sign item={item} />
      <div>
        <Body item={item} context={context} />
      </div>
    </li>
  );
}

function Sign({ item }: { item: Exclude<Item, { kind: 'turn' }> }) {
  switch (item.kind) {
    case 'line':
      return <Icon i={item.icon} />;
    case 'notice':
      return <LevelMark l={item.level} />;
    case 'think':
      return <Icon i="think" />;
    case 'said':
      return <Icon i="say" />;
    case 'plan':
      return <Icon i="plan" />;
    case 'model':
      return item.answer === null && !item.cut ? <Mark s="running" /> : <Icon i="model" />;
    case 'tool':
      return item.result === null && !item.cut ? (
        <Mark s="running" />
      ) : (
        <Icon i={editsOf(item.arguments).length > 0 ? 'edit' : 'run'} />
      );
    case 'checkpoint':
      return <Icon i="pin" />;
    case 'sent':
    case 'voice':
      return <Icon i="flag" />;
    case 'gate':
      return item.decided === null && !item.withdrawn ? (
        <Mark s="awaiting_approval" />
      ) : (
        <Icon i={item.decided?.decision === 'approve' ? 'check' : 'close'} />
      );
    case 'checks':
      return item.running === null ? <Icon i="check" /> : <Mark s="running" />;
    case 'end':
      return <Mark s={item.status} />;
  }
}

function Body({ item, context }: { item: Exclude<Item, { kind: 'turn' }>; context: EventsContext }) {
  switch (item.kind) {
    case 'line':
    case 'notice':
      return (
        <>
          <b safe>{visible(item.strong)}</b> <span safe>{visible(item.rest)}</span>
        </>
      );
    case 'think':
      return <Thinking item={item} />;
    case 'said':
      return <div class={item.live ? 'live' : undefined}>{prose(item.text) as 'safe'}</div>;
    case 'plan':
      return <PlanItem item={item} />;
    case 'model':
      return <ModelCall item={item} />;
    case 'tool':
      return <ToolCall item={item} />;
    case 'checkpoint':
      return <CheckpointLine item={item} context={context} />;
    case 'sent':
      return <Sent item={item} context={context} />;
    case 'voice':
      return <Voice item={item} />;
    case 'gate':
      return <Gate item={item} context={context} />;
    case 'checks':
      return <Checks item={item} />;
    case 'end':
      return <End item={item} context={context} />;
  }
}

function Thinking({ item }: { item: Extract<Item, { kind: 'think' }> }) {
  const text = item.text.trim();
  if (item.live)
    return (
      <p class="think live">{inlineProse(text.length > 600 ? `…${text.slice(-600)}` : text) as 'safe'}</p>
    );
  const start = cut(text, 180);
  const said = `${duration(item.seconds)} of thinking`;
  if (!start.endsWith('…')) {
    return (
      <p class="think">
        {inlineProse(text) as 'safe'}{' '}
        <span class="muted" safe>
          {said}
        </span>
      </p>
    );
  }
  return (
    <details class="think">
      <summary>
        {inlineProse(start) as 'safe'}{' '}
        <span class="link" safe>
          {said}
        </span>
      </summary>
      {prose(text) as 'safe'}
    </details>
  );
}

function PlanItem({ item }: { item: Extract<Item, { kind: 'plan' }> }) {
  const revised =
    item.revisions === 0 ? '' : `, revised ${item.revisions === 1 ? 'once' : `${item.revisions} times`}`;
  return (
    <>
      <p>
        <b>Plan</b> <span class="muted" safe>{`${plural(item.steps.length, 'step')}${revised}`}</span>
      </p>
      <Plan steps={item.steps} resting={item.resting} />
    </>
  );
}

const planMarks = {
  done: { mark: 'passes', class: 'done', said: ', done' },
  active: { mark: 'running', class: 'now', said: ', under way' },
  pending: { mark: 'queued', class: undefined, said: ', to do' },
} as const;
const begun = { mark: 'pending', class: 'now', said: ', begun' } as const;

/** `resting`: nobody works on it now, so that no step is under way. */
export function Plan({ steps, resting = false }: { steps: readonly PlanStep[]; resting?: boolean }) {
  return (
    <ol class="plan">
      {steps.slice(0, 100).map((step) => {
        const shown = step.status === 'active' && resting ? begun : planMarks[step.status];
        return (
          <li class={shown.class} aria-current={step.status === 'active' ? 'step' : undefined}>
            <Mark s={shown.mark} />
            <span>
              {inlineProse(step.text) as 'safe'}
              <span class="vh">{shown.said}</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function ModelCall({ item }: { item: Extract<Item, { kind: 'model' }> }) {
  const step = item.step === null ? 'Model call' : `Step ${item.step}`;
  const { answer } = item;
  const facts = answer
    ? [
        item.model,
        `${count(answer.usage.input_tokens)} in, ${count(answer.usage.output_tokens)} out`,
        answer.cost_usd === null ? '' : money(answer.cost_usd),
        duration(answer.latency_ms / 1000),
        answer.finish_reason === 'length' ? 'cut off by its token limit' : '',
      ]
    : [item.cut ? `${item.model}, broken off without an answer` : `asks ${item.model}…`];
  return (
    <>
      <b safe>{step}</b> <span safe>{visible([...facts, item.trouble].filter(Boolean).join(' · '))}</span>
    </>
  );
}

function End({ item, context }: { item: Extract<Item, { kind: 'end' }>; context: EventsContext }) {
  return (
    <>
      <p>
        <span class="state" data-s={item.status} safe>
          {words(item.status)}
        </span>
        {item.error ? (
          <>
            {' '}
            <code>{Html.escapeHtml(item.error.code)}</code>
          </>
        ) : (
          ''
        )}
        {item.patch && item.patch.files > 0 ? (
          <>
            {' '}
            <a href={context.changes}>{Html.escapeHtml(stat(item.patch))}</a>
          </>
        ) : item.status === 'completed' ? (
          <span class="muted"> without a change</span>
        ) : (
          ''
        )}
      </p>
      {item.error ? (
        <p class="said" safe>
          {visible(item.error.message)}
        </p>
      ) : (
        ''
      )}
      {item.summary ? <div class="summary">{prose(item.summary) as 'safe'}</div> : ''}
    </>
  );
}
