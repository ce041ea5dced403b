import { Html } from '@kitajs/html';
import type { ApprovalKind } from '../../drizzle/schema';
import type { Approval } from '../core/contract';
import type { AwaitedWinner } from '../core/dependency';
import { cut, duration, moment } from './format';
import { Ask } from './gate';
import { stat } from './items';
import { Icon, State } from './marks';
import { inlineProse } from './prose';
import { SheetLink } from './sheetlink';
import { visible } from './visible';

/** A question with the names of its run and its agent, as the first page lists it. */
export type Waiting = Approval & { run: string; agent: string };

/** A completed run that waits for its winner: for others that start from it, or because its verdict asks a person. */
export type AwaitedPick = AwaitedWinner & { says: string | null };

/** Everything that waits for a person: questions, and completed runs that wait for their winner. */
export interface AllWaits {
  waits: readonly Waiting[];
  picks: readonly AwaitedPick[];
}

/** How much waits for a person. */
export function waitCount({ waits, picks }: AllWaits): number {
  return waits.length + picks.length;
}

/** Everything that waits for a person, first on the first page; nothing when there is nothing. */
export function Waits({ waits, picks, now }: AllWaits & { now: Date }) {
  if (waits.length + picks.length === 0) return <section class="box" id="waits" hidden></section>;
  const more = waits.length >= mostWaits || picks.length >= mostWaits;
  return (
    <section class="box" id="waits" aria-labelledby="waits-h">
      <div class="head">
        <h2 id="waits-h">Waits for you</h2>
        <span class="count warn" safe>
          {more ? `${mostWaits}+` : String(waits.length + picks.length)}
        </span>
      </div>
      <ul class="panel">
        {waits.map((wait) => (
          <Wait wait={wait} now={now} />
        ))}
        {picks.map((pick) => (
          <Pick pick={pick} now={now} />
        ))}
      </ul>
    </section>
  );
}

/** Shown of each kind at once; the rest follow as these are answered. */
export const mostWaits = 50;

/** Runs named of those that wait for one winner. */
const mostNamed = 10;

function Pick({ pick: { id, name, waiting, says, since }, now }: { pick: AwaitedPick; now: Date }) {
  const named = waiting.slice(0, mostNamed);
  const rest = waiting.length - named.length;
  return (
    <li class="wait" id={`pick-${id}`}>
      <div>
        <State s="winner" word="Pick a winner" />
        <Since at={since} now={now} />
      </div>
      <div>
        <a class="name" href={`/runs/${id}`}>
          {inlineProse(name) as 'safe'}
        </a>{' '}
        <span class="muted" safe>{`#${id}`}</span>
        {says === null ? (
          ''
        ) : (
          <p safe>{`${visible(says)}: what was run does not decide, so you are asked.`}</p>
        )}
        {waiting.length === 0 ? (
          ''
        ) : (
          <p>
            {waiting.length === 1 ? 'Run ' : 'Runs '}
            {named.map((other, i) => (
              <>
                {i > 0 ? ', ' : ''}
                <a href={`/runs/${other}`} safe>{`#${other}`}</a>
              </>
            ))}
            {Html.escapeHtml(rest > 0 ? ` and ${rest} more` : '')}
            {waiting.length === 1 ? ' waits' : ' wait'} for its winner: it has several results.
          </p>
        )}
      </div>
      <div class="btns">
        <a class="btn small" href={`/runs/${id}/compare`}>
          <Icon i="columns" />
          Compare
        </a>
      </div>
    </li>
  );
}

function Since({ at, now }: { at: string; now: Date }) {
  const waited = (now.getTime() - Date.parse(at)) / 1000;
  return (
    <time datetime={at} title={moment(at)} safe>
      {`waits ${duration(Math.max(0, waited))}`}
    </time>
  );
}

/** A question that is longer is answered in its run, where all of it can be seen. */
const mostText = 2000;

const titles: Record<ApprovalKind, string> = {
  plan: 'Approve a plan',
  commands: 'Approve a command',
  commit: 'Approve a commit',
};

function Wait({ wait, now }: { wait: Waiting; now: Date }) {
  const { id, run_id, position, kind, question } = wait;
  const gate = `/runs/${run_id}?v=${position}#v${position}-gate-${id}`;
  const address = `/runs/${run_id}/approvals/${id}`;
  const asked = question.command ?? question.plan ?? '';
  const whole = asked.length <= mostText;
  return (
    <li class="wait" id={`wait-${id}`}>
      <div>
        <State s="awaiting_approval" word={titles[kind]} />
        <Since at={wait.created_at} now={now} />
      </div>
      <div>
        <a class="name" href={gate}>
          {inlineProse(wait.run) as 'safe'}
        </a>{' '}
        <span class="muted" safe>{`#${run_id}, ${position} ${wait.agent}`}</span>
        {kind === 'commit' ? '' : <Ask text={whole ? asked : `${asked.slice(0, mostText)}…`} />}
        {kind === 'commit' ? (
          <p>
            The final patch:{' '}
            <a href={`/runs/${run_id}?v=${position}&tab=changes`}>
              {Html.escapeHtml(question.patch ? stat(question.patch) : 'its changes')}
            </a>
          </p>
        ) : (
          ''
        )}
      </div>
      <div class="btns">
        {whole ? (
          <form action={address} method="post" hx-post={address} hx-swap="none" hx-disable="findAll button">
            <input type="hidden" name="v" value={String(position)} />
            <input type="hidden" name="from" value="home" />
            <button class="btn primary small" type="submit" name="decision" value="approve">
              <Icon i="check" />
              Approve
              <span
                class="vh"
                safe
              >{`: run ${run_id}, variation ${position}, ${cut(titles[kind], 40)}`}</span>
            </button>
          </form>
        ) : (
          <a class="btn small" href={gate}>
            Read all of it
          </a>
        )}
        <SheetLink sheet="deny" run={run_id} position={position} approval={id} class="btn small">
          Deny…
        </SheetLink>
      </div>
    </li>
  );
}
