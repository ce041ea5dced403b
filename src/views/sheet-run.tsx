import { Html } from '@kitajs/html';
import type { Approval, Run } from '../core/contract';
import { time } from './format';
import { Ask } from './gate';
import { inlineProse } from './prose';
import { isOver } from './runlist';
import { Leave, Sheet } from './sheet';

/** A run's name, and while it waits its urgency and its time. */
export function EditSheet({ run, now }: { run: Run; now: Date }) {
  const away = `/runs/${run.id}`;
  const pending = run.status === 'pending';
  return (
    <Sheet title={`Change run #${run.id}`} away={away}>
      <form class="form" action={`/runs/${run.id}/change`} method="post">
        <div class="field">
          <label for="edit-name">Name</label>
          <input id="edit-name" name="name" required maxlength="200" value={Html.escapeHtml(run.name)} />
        </div>
        {isOver(run.status) ? (
          ''
        ) : (
          <fieldset class="field">
            <legend>
              Priority <small>10 goes first; what waits is put in its new order</small>
            </legend>
            <div class="seg ten">
              {Array.from({ length: 10 }, (_, i) => String(i + 1)).map((n) => (
                <label>
                  <input type="radio" name="priority" value={n} checked={n === String(run.priority)} />
                  <span safe>{n}</span>
                </label>
              ))}
            </div>
          </fieldset>
        )}
        {pending ? (
          <div class="field">
            <label for="edit-time">
              Not before <small safe>{`in UTC; it is ${time(now.toISOString())} now. Empty: no time`}</small>
            </label>
            <input
              id="edit-time"
              name="scheduled_at"
              type="datetime-local"
              value={run.scheduled_at === null ? '' : run.scheduled_at.slice(0, 16)}
            />
          </div>
        ) : (
          ''
        )}
        <div class="btns end">
          <Leave away={away} />
          <button class="btn primary" type="submit">
            Save
          </button>
        </div>
      </form>
    </Sheet>
  );
}

/** No, with the reason that the agent reads. From the first page, where the question has no field for it. */
export function DenySheet({ run, approval }: { run: Run; approval: Approval }) {
  const { id, position, question } = approval;
  return (
    <Sheet title="Deny, and say why" away="/">
      <form class="form" action={`/runs/${run.id}/approvals/${id}`} method="post">
        <input type="hidden" name="from" value="home" />
        <input type="hidden" name="decision" value="deny" />
        <p>
          {inlineProse(run.name) as 'safe'}{' '}
          <span class="muted" safe>{`#${run.id}, variation ${position}`}</span>
        </p>
        {question.command === undefined ? '' : <Ask text={question.command} />}
        <div class="field">
          <label for="deny-say">
            Comment <small>which the agent reads</small>
          </label>
          <input id="deny-say" name="comment" maxlength="4000" autocomplete="off" autofocus />
        </div>
        <div class="btns end">
          <Leave away="/" says="Leave it open" />
          <button class="btn primary" type="submit">
            Deny
          </button>
        </div>
      </form>
    </Sheet>
  );
}
