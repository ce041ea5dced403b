import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import type { Verdict } from '../core/verdict-contract';
import type { VerdictEvents } from './compare-facts';
import { inOrder, listed, nameOf } from './compare-words';
import { ago, moment, plural, words } from './format';
import { Icon, Mark } from './marks';
import { isOver } from './runlist';
import { visible } from './visible';

interface Props {
  run: Run;
  verdict: Verdict | null;
  events: VerdictEvents | null;
  now: Date;
  /** How the winner's landing stands, where there is one. */
  landing?: JSX.Element | undefined;
}

/** Who is ahead and why, or who is picked; and what can be done about it. */
export function VerdictPanel({ run, verdict, events, now, landing }: Props) {
  const { winner } = run;
  return (
    <section class="panel verdict" id="verdict" aria-labelledby="verdict-h">
      <Mark s={winner || verdict ? 'winner' : 'pending'} />
      <div>
        <h2 id="verdict-h" safe>
          {headline(run, verdict)}
        </h2>
        {winner ? <Picked run={run} now={now} /> : ''}
        <p>
          {Html.escapeHtml(verdict ? verdict.summary.sentences.join(' ') : withoutVerdict(run))}{' '}
          {events === null ? (
            ''
          ) : (
            <a href={`/runs/${run.id}#e${events.verdict}`} safe>
              {`The ${plural(events.count, 'event')} behind this`}
            </a>
          )}
        </p>
        {(landing ?? '') as 'safe'}
      </div>
      <Choice run={run} verdict={verdict} />
    </section>
  );
}

function headline({ winner }: Run, verdict: Verdict | null): string {
  if (winner) return `${winner.position} is picked${winner.by === 'verdict' ? ' by the verdict' : ''}`;
  return verdict?.summary.headline ?? 'No verdict yet';
}

function Picked({ run: { winner }, now }: { run: Run; now: Date }) {
  if (!winner) return '';
  return (
    <p>
      {winner.by === 'person' ? 'Picked by a person' : 'What was run decided, as you asked'},{' '}
      <time datetime={winner.at} title={moment(winner.at)} safe>
        {ago(winner.at, now)}
      </time>
      {winner.note === null ? '.' : Html.escapeHtml(`: “${visible(winner.note)}”`)}
    </p>
  );
}

function withoutVerdict(run: Run): string {
  const live = run.variations.filter((one) => !isOver(one.status));
  if (live.length === 0) return 'Nothing here was judged. What was run is below all the same.';
  const who = listed(live.map((one) => one.position));
  return `${who} ${live.length === 1 ? 'is' : 'are'} not over yet. What the others have is below; the verdict comes when all are over, or now if you ask for it.`;
}

/** Pick the first, pick another, land: one primary button for what comes next. */
function Choice({ run, verdict }: { run: Run; verdict: Verdict | null }) {
  const { winner, id } = run;
  const leader = winner || !verdict || verdict.tie ? undefined : verdict.leaders[0];
  const none = pickable(run).length === 0;
  return (
    <div class="btns">
      {leader === undefined ? (
        ''
      ) : (
        <form action={`/runs/${id}/winner`} method="post">
          <input type="hidden" name="variation" value={String(leader)} />
          <button class="btn primary" type="submit" data-key="w">
            <Icon i="check" />
            {Html.escapeHtml(`Pick ${leader}`)}
            <kbd>w</kbd>
          </button>
        </form>
      )}
      {none ? (
        <button
          class="btn"
          type="button"
          aria-disabled="true"
          title="No variation has made anything that could be picked"
        >
          Pick…
        </button>
      ) : (
        <button
          class={leader === undefined && !winner ? 'btn primary' : 'btn'}
          type="button"
          command="show-modal"
          commandfor="pick"
          data-key={leader === undefined ? 'w' : undefined}
        >
          {leader === undefined && !winner ? 'Pick…' : 'Pick another…'}
          {leader === undefined ? <kbd>w</kbd> : ''}
        </button>
      )}
      {winner ? (
        <>
          <form action={`/runs/${id}/unpick`} method="post">
            <button class="btn" type="submit">
              Unpick
            </button>
          </form>
          <a
            class="btn primary"
            href={`/runs/${id}?sheet=land`}
            hx-get={`/runs/${id}/sheet?sheet=land`}
            hx-target="#sheet"
            hx-swap="innerHTML"
          >
            <Icon i="land" />
            Land…
          </a>
        </>
      ) : (
        <button class="btn" type="button" aria-disabled="true" title="Pick a winner first">
          <Icon i="land" />
          Land…
        </button>
      )}
    </div>
  );
}

/** Those that have made something. */
function pickable(run: Run): Variation[] {
  return run.variations.filter((one) => (one.patch?.files ?? 0) > 0 || one.status === 'completed');
}

/** Chooses any of them, with a note. It stops nothing unless asked. */
export function PickDialog({ run, verdict }: { run: Run; verdict: Verdict | null }) {
  const can = pickable(run);
  const all = inOrder(run, verdict).filter((one) => can.includes(one));
  const first = all.find((one) => one.position !== run.winner?.position) ?? all[0];
  const live = run.variations.filter((one) => !isOver(one.status));
  if (!first) return '';
  return (
    <dialog id="pick" class="sheet" aria-labelledby="pick-h">
      <header>
        <h2 id="pick-h">Pick a winner</h2>
        <button class="btn quiet icon" type="button" command="close" commandfor="pick" aria-label="Close">
          <Icon i="close" />
        </button>
      </header>
      <form class="form" action={`/runs/${run.id}/winner`} method="post">
        <fieldset class="field choices">
          <legend>
            Variation{' '}
            <small>{verdict === null ? 'as they were started' : 'in the order of the verdict'}</small>
          </legend>
          {all.map((one) => (
            <label class="tick">
              <input
                type="radio"
                name="variation"
                value={String(one.position)}
                checked={one.position === first.position}
                required
              />
              <span safe>{nameOf(one)}</span>
              <small class="muted" safe>
                {about(one, run.winner?.position)}
              </small>
            </label>
          ))}
        </fieldset>
        <div class="field">
          <label for="pick-note">
            Note <small>may be left out</small>
          </label>
          <input id="pick-note" name="note" maxlength="2000" autocomplete="off" placeholder="Why this one" />
        </div>
        {live.length === 0 ? (
          ''
        ) : (
          <label class="tick">
            <input type="checkbox" name="stop_others" value="yes" />
            <span
              safe
            >{`Stop the others, of which ${live.length === 1 ? '1 is' : `${live.length} are`} not over`}</span>
          </label>
        )}
        <div class="btns end">
          <button class="btn" type="button" command="close" commandfor="pick">
            Leave it
          </button>
          <button class="btn primary" type="submit">
            <Icon i="check" />
            Pick
          </button>
        </div>
      </form>
    </dialog>
  );
}

function about({ position, status, patch }: Variation, winner: number | undefined): string {
  const size = patch ? `+${patch.additions} −${patch.deletions}` : 'no change';
  return [position === winner ? 'picked now' : words(status), size].join(', ');
}
