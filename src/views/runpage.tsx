import { Html } from '@kitajs/html';
import type { Checkpoint, Run, Variation } from '../core/contract';
import { Changes } from './changes';
import type { VerdictEvents } from './compare-facts';
import { Compose } from './compose';
import type { FileChange } from './diff';
import { Ev, type EventsContext } from './events';
import { words } from './format';
import type { Item } from './items';
import { Layout } from './layout';
import { Icon } from './marks';
import { Mend } from './mend';
import { PickDialog, type PickTyped } from './pick';
import { RunHead, StopDialog } from './runhead';
import type { Shell } from './shell';
import { Short } from './short';
import { Tabs, Views } from './tabs';
import { Timeline } from './timeline';
import type { TimelineSteps } from './timeline-steps';
import { Problem } from './toast';
import { RunVerdict } from './verdict';

/** What of a run is looked at. */
export interface RunView {
  run: Run;
  /** The chosen variation. */
  variation: Variation;
  tab: 'events' | 'changes';
}

interface Props extends RunView {
  shell: Shell;
  items: readonly Item[];
  /** The first event shown, when there are earlier ones. */
  earlier: number | null;
  /** The last event that the page knows; the feed goes on after it. */
  seq: number;
  files: readonly FileChange[];
  checkpoints: readonly Checkpoint[];
  /** Names the next directive; see `Compose`. */
  token: string;
  /** What could not be done, and what was typed for it. */
  problem?: { strong: string; rest: string } | undefined;
  typed?: { text: string; to: string } | undefined;
  mended?: string | undefined;
  /** A dialog that the address asks for. */
  sheet?: JSX.Element | undefined;
  steps: TimelineSteps;
  /** Where the evidence of its verdict is. */
  events?: VerdictEvents | null;
  /** How its winner stands on its way out. */
  landing?: JSX.Element | undefined;
  picked?: PickTyped | undefined;
  /** An earlier part of the stream is shown, without the feed, which would go on at its end. */
  past?: boolean;
}

/** A run: its head, its timeline, its variations, and of the chosen one the stream or the changes. */
export function RunPage(props: Props) {
  const { shell, run, variation, tab, files } = props;
  const { position } = variation;
  return (
    <Layout shell={shell} title={titleOf(run)} status={run.status} sheet={props.sheet}>
      <Problem problem={props.problem} />
      <RunHead run={run} now={shell.now} />
      <RunVerdict run={run} events={props.events ?? null} now={shell.now} landing={props.landing} />
      <Timeline run={run} steps={props.steps} current={position} now={shell.now} />
      <Tabs run={run} current={position} tab={tab} />
      <div class="watch" id={`v${position}`}>
        <section aria-label={Html.escapeHtml(`Variation ${position}, ${variation.agent.name}`)}>
          <Views run={run} variation={variation} tab={tab} />
          <Mend run={run} variation={variation} typed={props.mended} />
          {tab === 'changes' ? (
            <Changes run={run} variation={variation} files={files} />
          ) : (
            <Events {...props} />
          )}
          {props.past ? (
            ''
          ) : (
            <Compose run={run} variation={variation} token={props.token} typed={props.typed} />
          )}
        </section>
        <Short
          run={run}
          variation={variation}
          files={files}
          checkpoints={props.checkpoints}
          now={shell.now}
        />
      </div>
      {props.past ? '' : <Feed run={run} position={position} tab={tab} seq={props.seq} />}
      <StopDialog run={run} />
      <PickDialog run={run} verdict={run.verdict} typed={props.picked} />
    </Layout>
  );
}

export function titleOf(run: Run): string {
  const state = words(run.status);
  return `${state.charAt(0).toUpperCase()}${state.slice(1)} · ${run.name} · #${run.id}`;
}

export function eventsContext(run: Run, variation: number): EventsContext {
  return {
    run: run.id,
    position: variation,
    origin: run.started_at ?? run.created_at,
    changes: `/runs/${run.id}?v=${variation}&tab=changes`,
  };
}

function Events({ run, variation, items, earlier, past }: Props) {
  const { position } = variation;
  const context = eventsContext(run, position);
  return (
    <>
      <Earlier run={run} position={position} before={earlier} />
      <ol class="stream" id={`v${position}-stream`} aria-label={`Events of variation ${position}`}>
        {items.map((item) => (
          <Ev item={item} context={context} />
        ))}
      </ol>
      <span class="stream-end" id={`v${position}-end`}></span>
      {past ? (
        <a class="earlier newest" href={`/runs/${run.id}?v=${position}`}>
          Newest events
        </a>
      ) : (
        <div class="follow" id="follow" hidden>
          <button class="btn small" type="button">
            <Icon i="down" />
            Follow <span class="muted"></span>
          </button>
        </div>
      )}
    </>
  );
}

/** The way to what is before the first event shown: fetched into the stream, or a page of its own without script. */
export function Earlier({ run, position, before }: { run: Run; position: number; before: number | null }) {
  if (before === null) return <div id={`v${position}-earlier`} hidden></div>;
  return (
    <div id={`v${position}-earlier`}>
      <a
        class="earlier"
        href={`/runs/${run.id}?v=${position}&before=${before}`}
        hx-get={`/runs/${run.id}/earlier?v=${position}&before=${before}`}
        hx-swap="none"
      >
        <Icon i="down" />
        Earlier events
      </a>
    </div>
  );
}

/** What connects the page to the run's feed. */
function Feed({ run, position, tab, seq }: { run: Run; position: number; tab: string; seq: number }) {
  const address = `/runs/${run.id}/feed?v=${position}&tab=${tab}&after=${seq}`;
  return <div id="feed" hidden hx-sse:connect={address} hx-trigger="load, every 2s"></div>;
}
