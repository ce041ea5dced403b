import { Html } from '@kitajs/html';
import type { Run } from '../core/contract';
import type { Verdict } from '../core/verdict-contract';
import type { VerdictEvents } from './compare-facts';
import { listed } from './compare-words';
import { ago, moment, plural } from './format';
import { isOut } from './landing';
import { Icon, Mark } from './marks';
import { pickable } from './pick';
import { isOver } from './runlist';
import { SheetLink } from './sheetlink';
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
      <Mark s={run.judging ? 'running' : winner || verdict ? 'winner' : 'pending'} />
      <div>
        <h2 id="verdict-h" safe>
          {headline(run, verdict)}
        </h2>
        {winner ? <Picked run={run} now={now} /> : ''}
        <p>
          {Html.escapeHtml(visible(verdict ? verdict.summary.sentences.join(' ') : withoutVerdict(run)))}{' '}
          {run.judging && (verdict || winner) ? 'It is being judged again. ' : ''}
          {events === null ? (
            ''
          ) : (
            <a href={`/runs/${run.id}/compare#e${events.verdict}`} safe>
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

/** The same on a run's page, once there is something to say or to choose. */
export function RunVerdict({ run, events, now, landing }: Omit<Props, 'verdict'>) {
  const { verdict, winner, judging, status } = run;
  const says = verdict || winner || judging || landing !== undefined || status === 'completed';
  if (!says) return <section id="verdict" hidden></section>;
  return <VerdictPanel run={run} verdict={verdict} events={events} now={now} landing={landing} />;
}

/** Has the variations ranked, or ranked anew after changes. */
export function JudgeButton({ run }: { run: Run }) {
  const word = run.verdict === null ? 'Judge now' : 'Judge again';
  if (run.judging)
    return (
      <button class="btn" id="judge" type="button" aria-busy="true" aria-disabled="true">
        <Mark s="running" />
        Judging…
      </button>
    );
  if (run.status !== 'completed')
    return (
      <button
        class="btn"
        id="judge"
        type="button"
        aria-disabled="true"
        title={
          isOver(run.status)
            ? 'No variation is completed: there is nothing to rank'
            : 'Its variations have not ended'
        }
      >
        <Icon i="retry" />
        {word}
      </button>
    );
  return (
    <form id="judge" action={`/runs/${run.id}/verdict`} method="post">
      <button class="btn" type="submit">
        <Icon i="retry" />
        {word}
      </button>
    </form>
  );
}

function headline(run: Run, verdict: Verdict | null): string {
  const { winner } = run;
  if (winner) return `${winner.position} is picked${winner.by === 'verdict' ? ' by the verdict' : ''}`;
  if (verdict) return visible(verdict.summary.headline);
  if (run.judging) return 'Being judged…';
  return only(run) === null ? 'No verdict yet' : 'One result';
}

/** The only variation, where it is completed. */
function only(run: Run): number | null {
  const [one, ...others] = run.variations;
  return one?.status === 'completed' && others.length === 0 ? one.position : null;
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
  if (live.length > 0) {
    const who = listed(live.map((one) => one.position));
    return `${who} ${live.length === 1 ? 'is' : 'are'} not over yet. What the others have is there to see; the verdict comes when all are over.`;
  }
  if (run.judging) return 'What was run is looked at first; only what it leaves open is asked of a model.';
  if (only(run) !== null) return 'There is nothing to rank it against. Picked, it can land.';
  return 'Nothing here was judged. What was run is there to see all the same.';
}

/** Pick the first, pick another, land: one primary button for what comes next. */
function Choice({ run, verdict }: { run: Run; verdict: Verdict | null }) {
  const { winner, id } = run;
  const ahead = verdict ? (verdict.tie ? undefined : verdict.leaders[0]) : (only(run) ?? undefined);
  const leader = winner || run.judging ? undefined : ahead;
  const out = isOut(run.landing);
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
      <PickButton
        primary={leader === undefined && !winner}
        k={leader === undefined}
        why={
          none
            ? 'No variation is completed, so none can be picked'
            : out
              ? 'The winner is out: undo its landing first'
              : null
        }
      />
      {winner && !out ? (
        <form action={`/runs/${id}/unpick`} method="post">
          <button class="btn" type="submit">
            Unpick
          </button>
        </form>
      ) : (
        ''
      )}
      {winner && !out ? (
        <SheetLink sheet="land" run={id} class="btn primary">
          <Icon i="land" />
          Land…
        </SheetLink>
      ) : (
        <button
          class="btn"
          type="button"
          aria-disabled="true"
          title={winner ? 'It has landed, or is about to' : 'Pick a winner first'}
        >
          <Icon i="land" />
          Land…
        </button>
      )}
    </div>
  );
}

function PickButton({ primary, k, why }: { primary: boolean; k: boolean; why: string | null }) {
  const word = primary ? 'Pick…' : 'Pick another…';
  if (why !== null)
    return (
      <button class="btn" type="button" aria-disabled="true" title={why}>
        {word}
      </button>
    );
  return (
    <button
      class={primary ? 'btn primary' : 'btn'}
      type="button"
      command="show-modal"
      commandfor="pick"
      data-key={k ? 'w' : undefined}
    >
      {word}
      {k ? <kbd>w</kbd> : ''}
    </button>
  );
}
