import { Html } from '@kitajs/html';
import type { ApprovalKind } from '../../drizzle/schema';
import type { Approval } from '../core/contract';
import { cut, duration, moment } from './format';
import { Ask } from './gate';
import { stat } from './items';
import { Icon, State } from './marks';
import { inlineProse } from './prose';
import { SheetLink } from './sheetlink';

/** A question with the names of its run and its agent, as the first page lists it. */
export type Waiting = Approval & { run: string; agent: string };

/** Everything that waits for a person, first on the first page; nothing when there is nothing. */
export function Waits({ waits, now }: { waits: readonly Waiting[]; now: Date }) {
  if (waits.length === 0) return <section class="box" id="waits" hidden></section>;
  return (
    <section class="box" id="waits" aria-labelledby="waits-h">
      <div class="head">
        <h2 id="waits-h">Waits for you</h2>
        <span class="count warn" safe>
          {waits.length >= mostWaits ? `${mostWaits}+` : String(waits.length)}
        </span>
      </div>
      <ul class="panel">
        {waits.map((wait) => (
          <Wait wait={wait} now={now} />
        ))}
      </ul>
    </section>
  );
}

/** Shown at once; the rest follow as these are answered. */
export const mostWaits = 50;

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
  const waited = (now.getTime() - Date.parse(wait.created_at)) / 1000;
  return (
    <li class="wait" id={`wait-${id}`}>
      <div>
        <State s="awaiting_approval" word={titles[kind]} />
        <time datetime={wait.created_at} title={moment(wait.created_at)} safe>
          {`waits ${duration(Math.max(0, waited))}`}
        </time>
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
