import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import { time } from './format';
import { Icon, Mark } from './marks';
import { isOver } from './runlist';
import { SheetLink } from './sheetlink';

/** What a person can do with a run or one of its variations now; the same rule for both. */
export function possible(variations: readonly Variation[]) {
  const live = variations.filter((one) => !isOver(one.status) && one.wanted !== 'stop');
  return {
    pause: live.some((one) => one.status !== 'paused' && one.wanted !== 'pause'),
    /** Asked for, and not so yet: a command is let finish. */
    pausing: live.some((one) => one.wanted === 'pause'),
    /** Also takes back a pause that is not so yet. */
    resume: live.some((one) => one.status === 'paused' || one.wanted === 'pause'),
    stop: live.length > 0,
    stopping: variations.some((one) => one.wanted === 'stop'),
    retry: variations.some((one) => isOver(one.status) && one.status !== 'completed'),
  };
}

/** The buttons of a run's head. */
export function RunButtons({ run }: { run: Run }) {
  const can = possible(run.variations);
  const address = `/runs/${run.id}`;
  // Nothing runs yet that could be paused: it waits already.
  const waiting = run.status === 'pending';
  return (
    <div class="btns">
      {can.pausing ? <Busy says="Pausing…" title="A command under way is let finish first" /> : ''}
      {can.pause && !waiting ? (
        <Act action={`${address}/pause`} icon="pause" k="p">
          Pause
        </Act>
      ) : (
        ''
      )}
      {can.resume ? (
        <Act
          action={`${address}/resume`}
          icon="play"
          k={can.pause ? undefined : 'p'}
          primary={!can.pause && !can.pausing}
        >
          Resume
        </Act>
      ) : (
        ''
      )}
      {can.retry ? (
        <SheetLink sheet="retry" run={run.id} class="btn">
          <Icon i="retry" />
          Retry…
        </SheetLink>
      ) : (
        ''
      )}
      {run.variations.length > 1 || isOver(run.status) ? (
        <a class="btn" href={`${address}/compare`} data-key="c">
          <Icon i="columns" />
          Compare<kbd>c</kbd>
        </a>
      ) : (
        ''
      )}
      {can.stop ? (
        <button class="btn danger" type="button" command="show-modal" commandfor="stop">
          <Icon i="stop" />
          Stop…
        </button>
      ) : can.stopping ? (
        <Busy says="Stopping…" title="Within a second" />
      ) : (
        ''
      )}
      <button class="btn icon quiet" type="button" popovertarget="run-more" aria-label="More">
        <Icon i="more" />
      </button>
      <ul class="menu" id="run-more" popover="auto">
        <li>
          <SheetLink sheet="edit" run={run.id} class="">
            <Icon i="edit" />
            Name, priority, time…
          </SheetLink>
        </li>
        <li>
          <a href={`/api/v1/runs/${run.id}/transcript`}>
            <Icon i="save" />
            Transcript
          </a>
        </li>
      </ul>
    </div>
  );
}

/** The buttons of one variation, beside its stream; those of its run do for a single one. */
export function VariationButtons({ run, variation }: { run: Run; variation: Variation }) {
  const { position } = variation;
  const can = possible([variation]);
  const several = run.variations.length > 1;
  const waiting = run.status === 'pending';
  const address = `/runs/${run.id}/variations/${position}`;
  return (
    <div class="btns">
      {several && can.pausing ? (
        <Busy says="Pausing…" title="A command under way is let finish first" small />
      ) : (
        ''
      )}
      {several && can.pause && !waiting ? (
        <Act action={`${address}/pause`} icon="pause" small>
          Pause
        </Act>
      ) : (
        ''
      )}
      {several && can.resume ? (
        <Act action={`${address}/resume`} icon="play" small>
          Resume
        </Act>
      ) : (
        ''
      )}
      {several && can.stop ? (
        <Act action={`${address}/stop`} icon="stop" small danger>
          Stop
        </Act>
      ) : (
        ''
      )}
      {several && can.stopping ? <Busy says="Stopping…" title="Within a second" small /> : ''}
      {several && can.retry ? (
        <SheetLink sheet="retry" run={run.id} position={position} class="btn small">
          <Icon i="retry" />
          Retry…
        </SheetLink>
      ) : (
        ''
      )}
      {waiting ? (
        ''
      ) : (
        <SheetLink sheet="fork" run={run.id} position={position} class="btn small">
          <Icon i="fork" />
          Fork…
        </SheetLink>
      )}
    </div>
  );
}

interface ActProps {
  action: string;
  icon: string;
  /** The single key that presses it. */
  k?: string | undefined;
  small?: boolean;
  primary?: boolean;
  danger?: boolean;
  children: JSX.Element | string;
}

/** A button that posts by itself: in place where there is script, else by a new page. */
function Act({ action, icon, k, small, primary, danger, children }: ActProps) {
  const name = ['btn', primary && 'primary', danger && 'danger', small && 'small'].filter(Boolean).join(' ');
  return (
    <form action={action} method="post" hx-post={action} hx-swap="none" hx-disable="findAll button">
      <button class={name} type="submit" data-key={k}>
        <Icon i={icon} />
        {children as 'safe'}
        {k === undefined ? '' : <kbd safe>{k}</kbd>}
      </button>
    </form>
  );
}

function Busy({ says, title, small = false }: { says: string; title: string; small?: boolean }) {
  return (
    <button
      class={small ? 'btn small' : 'btn'}
      type="button"
      aria-busy="true"
      aria-disabled="true"
      title={title}
    >
      <Mark s="running" />
      {Html.escapeHtml(says)}
    </button>
  );
}

/** What a variation that does not work waits for; null where its state says all. */
export function waitsFor(run: Run, variation: Variation, now: Date): string | null {
  const { status, wanted, held, retry_at } = variation;
  if (wanted === 'stop') return 'Stops within a second.';
  if (wanted === 'pause') return 'Pauses at its next step: a command under way is let finish first.';
  // The run's head says it for all of them.
  if (run.status === 'pending' || run.status === 'paused') return null;
  switch (status) {
    case 'paused':
      return 'Paused: it holds no worker. It goes on where it was when it is resumed; directives are kept until then.';
    case 'awaiting_approval':
      return 'Waits for your answer, and holds no worker meanwhile.';
    case 'queued':
      if (retry_at !== null && Date.parse(retry_at) > now.getTime())
        return `Tries again at ${time(retry_at, now)}.`;
      return held === null ? 'Waits for a worker.' : heldBy[held];
    default:
      return null;
  }
}

const heldBy: Record<NonNullable<Variation['held']>, string> = {
  all: 'Waits for a place: the limit of all that may run at once.',
  project: 'Waits for a place: the limit of this project.',
  agent: 'Waits for a place: the limit of its agent.',
  provider: 'Waits for a place: the limit of its model provider.',
  suspect: 'Waits for a worker that has no other like it: its worker died under it before.',
};

/** What a run that is not released waits for. */
export function WaitsToStart({ run, now }: { run: Run; now: Date }) {
  const { scheduled_at, waits_for_winner_of: undecided } = run;
  const depends_on = run.depends_on.filter((id) => id !== undecided);
  const until =
    scheduled_at !== null && Date.parse(scheduled_at) > now.getTime() ? time(scheduled_at, now) : null;
  if (until === null && run.depends_on.length === 0) return 'It is about to be released.';
  return (
    <>
      {undecided === null ? (
        ''
      ) : (
        <>
          Waits for the winner of <a href={`/runs/${undecided}`} safe>{`#${undecided}`}</a>, which has several
          results: one has to be picked.{' '}
        </>
      )}
      {until === null && depends_on.length === 0
        ? ''
        : Html.escapeHtml(until === null ? 'Waits for ' : `Waits until ${until}`)}
      {until !== null && depends_on.length > 0 ? ', and for ' : ''}
      {depends_on.map((id, i) => (
        <>
          {i > 0 ? ', ' : ''}
          <a href={`/runs/${id}`} safe>{`#${id}`}</a>
        </>
      ))}
      {depends_on.length === 0
        ? until === null
          ? ''
          : '.'
        : run.on_dependency_failure === 'fail'
          ? ' to complete; it fails if one of them does not.'
          : ' to complete, whatever comes between.'}
    </>
  );
}
