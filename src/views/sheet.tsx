import type { Children } from '@kitajs/html';
import { Html } from '@kitajs/html';
import type { Agent, Checkpoint, Run, Variation } from '../core/contract';
import { plural } from './format';
import { stat } from './items';
import { Icon } from './marks';
import { isOver } from './runlist';

/**
 * A dialog made for one question. Open as it is sent: a browser with script makes it modal, and one without shows it
 * on its page; both leave it by a link.
 */
export function Sheet({ title, away, children }: { title: string; away: string; children: Children }) {
  return (
    <dialog class="sheet" open data-modal="true" aria-labelledby="sheet-h">
      <header>
        <h2 id="sheet-h" safe>
          {title}
        </h2>
        <a class="btn quiet icon" href={Html.escapeHtml(away)} data-close="true" aria-label="Close">
          <Icon i="close" />
        </a>
      </header>
      {children as 'safe'}
    </dialog>
  );
}

export function Leave({ away, says = 'Leave it' }: { away: string; says?: string }) {
  return (
    <a class="btn" href={Html.escapeHtml(away)} data-close="true">
      {Html.escapeHtml(says)}
    </a>
  );
}

/** Before a variation goes back: says what happens to what it did since. */
export function BackSheet({
  run,
  variation,
  checkpoints,
  checkpoint,
}: {
  run: Run;
  variation: Variation;
  checkpoints: readonly Checkpoint[];
  checkpoint: number;
}) {
  const { position, agent } = variation;
  const away = `/runs/${run.id}?v=${position}`;
  const name = nameOf(checkpoint);
  const running = variation.status === 'running';
  return (
    <Sheet title={`Go back to ${name}?`} away={away}>
      <form class="form" action={`/runs/${run.id}/variations/${position}/rollback`} method="post">
        <input type="hidden" name="checkpoint" value={String(checkpoint)} />
        <p>
          {Html.escapeHtml(`Variation ${position}, ${agent.name}, goes on from ${name}: `)}
          {Html.escapeHtml(holds(checkpoints, checkpoint))}
        </p>
        <ul class="says">
          <li safe>{comesNext(variation)}</li>
          <li>The agent forgets what came after; its files are as they were there.</li>
          <li>Nothing is deleted: every event and every later checkpoint stays, and can be gone back to.</li>
        </ul>
        <div class="btns end">
          <Leave away={away} />
          {running ? (
            <button class="btn" type="submit" disabled title="It is being worked on: pause it first">
              <Icon i="restore" />
              Go back
            </button>
          ) : (
            <button class="btn primary" type="submit">
              <Icon i="restore" />
              Go back
            </button>
          )}
        </div>
      </form>
    </Sheet>
  );
}

/** Before a new variation is made of one: whose agent, and what it is to do differently. */
export function ForkSheet({
  run,
  variation,
  checkpoints,
  checkpoint,
  agents,
}: {
  run: Run;
  variation: Variation;
  checkpoints: readonly Checkpoint[];
  checkpoint: number;
  agents: readonly Pick<Agent, 'id' | 'name' | 'model'>[];
}) {
  const { position, agent } = variation;
  const away = `/runs/${run.id}?v=${position}`;
  return (
    <Sheet title={`Fork variation ${position}`} away={away}>
      <form class="form" action={`/runs/${run.id}/variations/${position}/fork`} method="post">
        <p>
          A new variation goes on from here, beside this one, which stays as it is. It costs no model call to
          get there.
        </p>
        <div class="field">
          <label for="fork-from">From</label>
          <select id="fork-from" name="checkpoint">
            {[...checkpoints]
              .sort((a, b) => b.checkpoint - a.checkpoint)
              .map((one) => (
                <option value={String(one.checkpoint)} selected={one.checkpoint === checkpoint} safe>
                  {`Checkpoint ${one.checkpoint}: ${stat(one.patch)}`}
                </option>
              ))}
            <option value="0" selected={checkpoint === 0}>
              The start: nothing done yet
            </option>
          </select>
        </div>
        <div class="field">
          <label for="fork-agent">Agent</label>
          <select id="fork-agent" name="agent">
            <option value="" safe>{`${agent.name}, as before`}</option>
            {agents
              .filter((one) => one.id !== agent.id)
              .map((one) => (
                <option value={String(one.id)} safe>
                  {`${one.name}, ${one.model}`}
                </option>
              ))}
          </select>
        </div>
        <div class="field">
          <label for="fork-say">
            Directive <small>may be left out</small>
          </label>
          <textarea
            id="fork-say"
            name="directive"
            rows="3"
            maxlength="20000"
            autofocus
            placeholder="What it is to do differently"
          ></textarea>
        </div>
        <div class="btns end">
          <Leave away={away} />
          <button class="btn primary" type="submit">
            <Icon i="fork" />
            Fork
          </button>
        </div>
      </form>
    </Sheet>
  );
}

/** Before a variation, or every one of a run that did not complete, is tried again. */
export function RetrySheet({ run, variation }: { run: Run; variation: Variation | null }) {
  const again = (variation ? [variation] : run.variations).filter(
    (one) => isOver(one.status) && one.status !== 'completed',
  );
  const away = variation ? `/runs/${run.id}?v=${variation.position}` : `/runs/${run.id}`;
  const action = variation
    ? `/runs/${run.id}/variations/${variation.position}/retry`
    : `/runs/${run.id}/retry`;
  const who = again.map((one) => `${one.position} ${one.agent.name}`).join(', ');
  return (
    <Sheet title={variation ? `Retry variation ${variation.position}` : `Retry run #${run.id}`} away={away}>
      <form class="form" action={action} method="post">
        <p safe>
          {again.length === 0
            ? 'Nothing here has failed or was stopped.'
            : `Tried again: ${who}. Steps, time and tries are counted anew; what it cost so far stays counted.`}
        </p>
        <fieldset class="field">
          <legend>From</legend>
          <div class="seg">
            <label>
              <input type="radio" name="from" value="checkpoint" checked />
              <span>{again.length > 1 ? 'The last checkpoint of each' : 'Its last checkpoint'}</span>
            </label>
            <label>
              <input type="radio" name="from" value="start" />
              <span>The start</span>
            </label>
          </div>
        </fieldset>
        <p class="muted">
          From the checkpoint it keeps its files and its conversation, and nothing is paid for twice. From the
          start it begins as if new; the record keeps what it did.
        </p>
        <div class="btns end">
          <Leave away={away} />
          <button class="btn primary" type="submit">
            <Icon i="retry" />
            Retry
          </button>
        </div>
      </form>
    </Sheet>
  );
}

function comesNext({ status }: Variation): string {
  if (status === 'running') return 'It is being worked on: pause it first, then go back.';
  if (status === 'paused') return 'It stays paused until it is resumed.';
  if (status === 'awaiting_approval') return 'What it asks now is not asked any more.';
  return isOver(status) ? 'It is over now, and takes its work up again.' : 'It waits for a worker.';
}

function nameOf(checkpoint: number): string {
  return checkpoint === 0 ? 'the start' : `checkpoint ${checkpoint}`;
}

function holds(checkpoints: readonly Checkpoint[], checkpoint: number): string {
  const later = checkpoints.filter((one) => one.checkpoint > checkpoint).length;
  const since =
    later === 0 ? '' : ` ${plural(later, 'later checkpoint')} stay${later === 1 ? 's' : ''} beside it.`;
  if (checkpoint === 0) return `no file changed, nothing said yet.${since}`;
  const found = checkpoints.find((one) => one.checkpoint === checkpoint);
  return found
    ? `${stat(found.patch)}, after step ${found.step}.${since}`
    : `its files and conversation.${since}`;
}
