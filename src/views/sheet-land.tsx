import { Html } from '@kitajs/html';
import type { LandingMode } from '../../drizzle/schema';
import type { Preflight, Run } from '../core/contract';
import { plural } from './format';
import { Paths } from './landing';
import { Icon, LevelMark } from './marks';
import { Leave, Sheet } from './sheet';
import { visible } from './visible';

/** What was chosen in the dialog, as it was typed. */
export interface LandTyped {
  mode: string;
  target: string;
  title: string;
  labels: string;
  squash: boolean;
  checkout: boolean;
}

export interface LandProps {
  run: Run;
  /** Each with why it cannot be chosen here, or null. */
  modes: readonly { mode: LandingMode; why: string | null }[];
  /** Whether the repository lies on this machine. */
  local: boolean;
  /** Whether it goes on top of the target as that is now; the words of why that could not be looked at. */
  preflight: Preflight | string;
  typed: LandTyped | null;
  token: string;
}

const names: Record<LandingMode, string> = {
  branch: 'Branch',
  pull_request: 'Pull request',
  merge: 'Merge',
};

/** Before a winner goes out: how, for which branch, and whether it goes on top of it as it is now. */
export function LandSheet({ run, modes, local, preflight, typed, token }: LandProps) {
  const away = `/runs/${run.id}`;
  const position = run.winner?.position ?? 0;
  const known = typeof preflight === 'string' ? null : preflight;
  const wanted = typed?.mode || run.options.land?.mode;
  const possible = modes.filter((one) => one.why === null);
  const chosen = possible.find((one) => one.mode === wanted) ?? possible[0];
  const target = typed?.target || run.options.land?.target || known?.target || '';
  const branch = known?.target ?? (target || 'its target');
  return (
    <Sheet title={`Land ${position}`} away={away}>
      <form class="form" action={`/runs/${run.id}/land`} method="post">
        <input type="hidden" name="token" value={Html.escapeHtml(token)} />
        <fieldset class="field">
          <legend>As</legend>
          <div class="seg">
            {modes.map(({ mode, why }) => (
              <label title={why ?? undefined}>
                <input
                  type="radio"
                  name="mode"
                  value={mode}
                  checked={mode === chosen?.mode}
                  disabled={why !== null}
                  required
                />
                <span safe>{names[mode]}</span>
              </label>
            ))}
          </div>
        </fieldset>
        {modes.every((one) => one.why === null) ? '' : <Reasons modes={modes} />}
        <div class="field">
          <label for="land-target">
            For the branch{' '}
            <small>{known === null ? '' : Html.escapeHtml(`now at ${known.target_sha.slice(0, 7)}`)}</small>
          </label>
          <div class="with">
            <input
              id="land-target"
              name="target"
              maxlength="250"
              autocomplete="off"
              spellcheck="false"
              value={Html.escapeHtml(target)}
            />
            <button
              class="btn"
              type="submit"
              name="sheet"
              value="land"
              formaction={`/runs/${run.id}`}
              formmethod="get"
              formnovalidate
            >
              Look again
            </button>
          </div>
        </div>
        <Fits run={run.id} preflight={preflight} branch={branch} position={position} />
        <div class="field">
          <label for="land-title">
            Title{' '}
            <small>
              of the one commit and the pull request; else the run’s name. The agent’s steps keep their own.
            </small>
          </label>
          <input
            id="land-title"
            name="title"
            maxlength="250"
            autocomplete="off"
            placeholder={Html.escapeHtml(visible(run.name))}
            value={Html.escapeHtml(typed?.title || run.options.land?.title || '')}
          />
        </div>
        {local ? (
          ''
        ) : (
          <div class="field">
            <label for="land-labels">
              Labels <small>of a pull request, with commas between</small>
            </label>
            <input
              id="land-labels"
              name="labels"
              maxlength="1000"
              autocomplete="off"
              value={Html.escapeHtml(typed?.labels ?? (run.options.land?.labels ?? []).join(', '))}
            />
          </div>
        )}
        <fieldset class="field">
          <legend>History</legend>
          <div class="seg">
            <label>
              <input
                type="radio"
                name="squash"
                value="yes"
                checked={typed?.squash ?? run.options.land?.squash ?? true}
              />
              <span>One commit</span>
            </label>
            <label>
              <input
                type="radio"
                name="squash"
                value="no"
                checked={!(typed?.squash ?? run.options.land?.squash ?? true)}
              />
              <span>The agent’s steps</span>
            </label>
          </div>
        </fieldset>
        {local ? (
          <label class="tick">
            <input
              type="checkbox"
              name="checkout"
              value="yes"
              checked={typed?.checkout ?? run.options.land?.checkout ?? false}
            />
            <span>A merge brings the checked-out files along, if they are clean</span>
          </label>
        ) : (
          ''
        )}
        <div class="btns end">
          <Leave away={away} says="Not now" />
          <button class="btn primary" type="submit">
            <Icon i="land" />
            Land
          </button>
        </div>
      </form>
    </Sheet>
  );
}

function Reasons({ modes }: Pick<LandProps, 'modes'>) {
  const said = modes.flatMap(({ mode, why }) => (why === null ? [] : `${names[mode]}: ${why}.`));
  return (
    <p class="muted" safe>
      {said.join(' ')}
    </p>
  );
}

interface FitsProps {
  run: number;
  preflight: Preflight | string;
  branch: string;
  position: number;
}

/** What would be found if it landed now. */
function Fits({ run, preflight, branch, position }: FitsProps) {
  if (typeof preflight === 'string')
    return <Said level="warn" strong="It could not be looked at." rest={preflight} />;
  const { clean, conflicts, conflict_count, reason } = preflight;
  const on = visible(branch);
  if (clean === null)
    return <Said level="warn" strong="It cannot be known beforehand." rest={reason ?? ''} />;
  if (clean)
    return <Said level="good" strong="It goes on top." rest={`${on} as it is now has nothing against it.`} />;
  if (conflict_count === 0)
    return (
      <Said level="bad" strong="It does not go on top." rest={reason ?? `${on} shares no history with it.`} />
    );
  return (
    <div class="notice" data-l="warn">
      <LevelMark l="warn" />
      <div>
        <b safe>{`${on} has changed the same places in ${plural(conflict_count, 'file')}.`}</b>
        <Paths paths={conflicts} total={conflict_count} />
        <button class="btn small" type="submit" formaction={`/runs/${run}/rebase`} formnovalidate>
          <Icon i="retry" />
          Ask the winner to rebase
        </button>
        <small safe>{` ${position} is told what ${on} has changed, and goes on with it.`}</small>
      </div>
    </div>
  );
}

function Said({ level, strong, rest }: { level: 'good' | 'warn' | 'bad'; strong: string; rest: string }) {
  return (
    <div class="notice" data-l={level}>
      <LevelMark l={level} />
      <span>
        <b safe>{strong}</b> <span safe>{visible(rest)}</span>
      </span>
    </div>
  );
}
