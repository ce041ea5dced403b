import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import type { Verdict } from '../core/verdict-contract';
import { inOrder, nameOf } from './compare-words';
import { words } from './format';
import { Icon } from './marks';
import { isOver } from './runlist';

/** What was chosen in the dialog. */
export interface PickTyped {
  /** A position. */
  variation: string | null;
  note: string;
  stopOthers: boolean;
}

/** Only what is completed can win. */
export function pickable(run: Run): Variation[] {
  return run.variations.filter((one) => one.status === 'completed');
}

/** Chooses any of them, with a note. It stops nothing unless asked. */
export function PickDialog({
  run,
  verdict,
  typed,
}: {
  run: Run;
  verdict: Verdict | null;
  typed?: PickTyped | undefined;
}) {
  return (
    <dialog id="pick" class="sheet" aria-labelledby="pick-h" open={typed !== undefined}>
      <header>
        <h2 id="pick-h">Pick a winner</h2>
        <button class="btn quiet icon" type="button" command="close" commandfor="pick" aria-label="Close">
          <Icon i="close" />
        </button>
      </header>
      <form class="form" action={`/runs/${run.id}/winner`} method="post">
        <PickChoices run={run} verdict={verdict} chosen={typed?.variation} />
        <div class="field">
          <label for="pick-note">
            Note <small>may be left out</small>
          </label>
          <input
            id="pick-note"
            name="note"
            maxlength="2000"
            autocomplete="off"
            placeholder="Why this one"
            value={typed === undefined ? undefined : Html.escapeHtml(typed.note)}
          />
        </div>
        <PickOthers run={run} chosen={typed?.stopOthers ?? false} />
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

/** What can be picked, in the order of the verdict; sent again when that changes. */
export function PickChoices({
  run,
  verdict,
  chosen,
}: {
  run: Run;
  verdict: Verdict | null;
  chosen?: string | null | undefined;
}) {
  const can = pickable(run);
  const all = inOrder(run, verdict).filter((one) => can.includes(one));
  const named = all.find((one) => String(one.position) === chosen);
  const first = (named ?? all.find((one) => one.position !== run.winner?.position) ?? all[0])?.position;
  return (
    <fieldset class="field choices" id="pick-choices">
      <legend>
        Variation <small>{verdict === null ? 'as they were started' : 'in the order of the verdict'}</small>
      </legend>
      {all.map((one) => (
        <label class="tick">
          <input
            type="radio"
            name="variation"
            value={String(one.position)}
            checked={one.position === first}
            required
          />
          <span safe>{nameOf(one)}</span>
          <small class="muted" safe>
            {about(one, run.winner?.position)}
          </small>
        </label>
      ))}
    </fieldset>
  );
}

/** Whether those that are not over are stopped. */
export function PickOthers({ run, chosen }: { run: Run; chosen: boolean }) {
  const live = run.variations.filter((one) => !isOver(one.status));
  return (
    <div id="pick-others">
      {live.length === 0 ? (
        ''
      ) : (
        <label class="tick">
          <input type="checkbox" name="stop_others" value="yes" checked={chosen} />
          <span
            safe
          >{`Stop the others, of which ${live.length === 1 ? '1 is' : `${live.length} are`} not over`}</span>
        </label>
      )}
    </div>
  );
}

function about({ position, status, patch }: Variation, winner: number | undefined): string {
  const size = patch ? `+${patch.additions} −${patch.deletions}` : 'no change';
  return [position === winner ? 'picked now' : words(status), size].join(', ');
}
