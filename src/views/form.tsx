import { Html } from '@kitajs/html';
import { Limits } from './form-limits';
import { Outcome, outcomeWords } from './form-outcome';
import { plural, words } from './format';
import { Icon, LevelMark } from './marks';
import { FormMistake, Mistake, wrongField } from './mistake';
import type { Shell } from './shell';

/** What was typed into the form, kept as it was. */
export interface Entry {
  project: string;
  goal: string;
  variations: string;
  agents: readonly string[];
  base: string;
  task_type: string;
  timeout: string;
  budget_usd: string;
  approval: string;
  priority: string;
  /** A time of `datetime-local`, in UTC. */
  scheduled_at: string;
  /** Numbers of runs, as they were typed. */
  depends_on: string;
  max_retries: string;
  mode: string;
  pick: string;
  max_iterations: string;
  /** How the winner lands; empty is not at all. */
  land: string;
  /** `on`, or empty. */
  stop_losers: string;
}

export interface EntryError {
  /** The field that is wrong; null when it is none of them. */
  field: keyof Entry | null;
  message: string;
}

export function emptyEntry(shell: Shell): Entry {
  // Never the scripted one by itself: without a default a person says who shall work, unless there is but one.
  const real = shell.agents.filter((agent) => agent.provider !== 'scripted');
  const only = real.length === 1 ? real[0] : undefined;
  return {
    project: shell.projects[0]?.name ?? '',
    goal: '',
    variations: '3',
    agents: shell.defaultAgent === null && only !== undefined ? [only.name] : [],
    base: '',
    task_type: 'general',
    timeout: '10',
    budget_usd: '',
    approval: 'none',
    priority: '5',
    scheduled_at: '',
    depends_on: '',
    max_retries: '3',
    mode: 'tools',
    pick: 'person',
    max_iterations: '3',
    land: '',
    stop_losers: '',
  };
}

interface Props {
  shell: Shell;
  /** Makes the ids unique: the form is on the page and in the dialog. */
  prefix: string;
  entry?: Entry;
  error?: EntryError;
  /** Set in a dialog: the dialog's id, which a Cancel button closes. */
  dialog?: string;
}

/** The form that starts a run: an ordinary POST. */
export function StartForm({ shell, prefix, entry = emptyEntry(shell), error, dialog }: Props) {
  const id = (name: string) => `${prefix}-${name}`;
  const wrong = (name: keyof Entry) => wrongField(error?.field === name, id(`${name}-e`));
  const Wrong = ({ name }: { name: keyof Entry }) =>
    error?.field === name ? <Mistake id={id(`${name}-e`)} message={error.message} /> : '';
  const folded = !['project', 'goal', 'variations', undefined, null].includes(error?.field);
  return (
    <form class="form" id={id('form')} action="/runs" method="post">
      <FormMistake error={error} />
      <NoAgent shell={shell} />
      <div class="field">
        <label for={id('project')}>Project, URL or folder</label>
        <input
          id={id('project')}
          name="project"
          list={id('projects')}
          value={Html.escapeHtml(entry.project)}
          autocomplete="off"
          spellcheck="false"
          required
          maxlength="2000"
          placeholder="https://… or /home/me/code"
          {...wrong('project')}
        />
        <datalist id={id('projects')}>
          {shell.projects.map((project) => (
            <option value={Html.escapeHtml(project.name)} />
          ))}
        </datalist>
        <Wrong name="project" />
      </div>
      <div class="field">
        <label for={id('goal')}>Goal</label>
        <textarea
          class="goal-box"
          id={id('goal')}
          name="goal"
          rows="4"
          required
          autofocus={dialog !== undefined}
          placeholder="What should be true when it is done?"
          {...wrong('goal')}
          safe
        >
          {entry.goal === '' ? '' : `\n${entry.goal}`}
        </textarea>
        <Wrong name="goal" />
      </div>
      <fieldset class="field">
        <legend>Variations</legend>
        <div class="seg">
          {counts(entry.variations).map((n) => (
            <label>
              <input type="radio" name="variations" value={n} checked={n === entry.variations} />
              <span safe>{n}</span>
            </label>
          ))}
        </div>
        <Wrong name="variations" />
      </fieldset>
      <details class="more" open={folded}>
        <summary>
          <span>Agents, base, limits, approval</span>
          <small safe>{folds(shell, entry)}</small>
        </summary>
        <div class="grid2">
          <Agents shell={shell} entry={entry} wrong={wrong('agents')} />
          {error?.field === 'agents' ? (
            <div class="wide field">
              <Wrong name="agents" />
            </div>
          ) : (
            ''
          )}
          <Limits shell={shell} entry={entry} id={id} wrong={wrong} Wrong={Wrong} />
          <Outcome shell={shell} entry={entry} id={id} wrong={wrong} Wrong={Wrong} />
        </div>
      </details>
      <div class="btns">
        <button class="btn primary grow" type="submit">
          Start
        </button>
        {dialog === undefined ? (
          ''
        ) : (
          <button class="btn" type="button" command="close" commandfor={dialog}>
            Cancel
          </button>
        )}
      </div>
    </form>
  );
}

/** Tells a newcomer how an agent comes to be; nothing once there is one. */
export function NoAgent({ shell }: { shell: Shell }) {
  if (shell.agents.length > 0) return '';
  return (
    <div class="notice" data-l="warn">
      <LevelMark l="warn" />
      <span>
        <b>No agent yet.</b> Start the service with <code>OPENAI_API_KEY</code>,{' '}
        <code>ANTHROPIC_API_KEY</code> or <code>OLLAMA_HOST</code> in its environment, or see it work without
        a model: <code>./bakeoff demo</code>.
      </span>
    </div>
  );
}

function Agents({
  shell,
  entry,
  wrong,
}: {
  shell: Shell;
  entry: Entry;
  wrong: { 'aria-invalid'?: 'true'; 'aria-describedby'?: string };
}) {
  if (shell.agents.length === 0) return '';
  return (
    <fieldset class="field wide agents" {...wrong}>
      <legend>
        Agents <small>several take turns: with two, variations 1 and 3 go to the first</small>
      </legend>
      {shell.agents.map((agent) => (
        <label class="tick">
          <input
            type="checkbox"
            name="agents"
            value={Html.escapeHtml(agent.name)}
            checked={entry.agents.includes(agent.name)}
          />
          <span>
            {Html.escapeHtml(agent.name)}{' '}
            <small safe>{agent.provider === 'scripted' ? 'scripted, no model' : agent.model}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** The usual numbers, and the one that was asked for. */
function counts(wanted: string): string[] {
  const usual = ['1', '2', '3', '4', '6', '8', '16'];
  if (usual.includes(wanted) || !/^([1-9]|1[0-6])$/.test(wanted)) return usual;
  return [...usual, wanted].sort((a, b) => Number(a) - Number(b));
}

function folds(shell: Shell, entry: Entry): string {
  const agents = entry.agents.length > 0 ? entry.agents.join(', ') : (shell.defaultAgent ?? 'no agent');
  return [
    agents.length > 60 ? plural(entry.agents.length, 'agent') : agents,
    entry.base || 'default branch',
    entry.task_type === 'general' ? '' : words(entry.task_type),
    entry.timeout ? `${entry.timeout} min` : '',
    entry.budget_usd ? `$${entry.budget_usd}` : 'no budget',
    asksBefore[entry.approval] ?? '',
    entry.mode === 'patch' ? 'one answer, a patch' : '',
    entry.priority === '5' ? '' : `priority ${entry.priority}`,
    entry.scheduled_at ? `not before ${entry.scheduled_at.replace('T', ' ')} UTC` : '',
    entry.depends_on ? `after ${entry.depends_on}` : '',
    ...outcomeWords(entry),
  ]
    .filter(Boolean)
    .join(' · ');
}

const asksBefore: Record<string, string> = {
  plan: 'asks before it starts',
  commands: 'asks before commands',
  commit: 'asks before the commit',
};

/** The form in a dialog, for every page's New run button. */
export function StartDialog({ shell }: { shell: Shell }) {
  return (
    <dialog id="new-run" class="sheet" aria-labelledby="new-run-h">
      <header>
        <h2 id="new-run-h">Start a run</h2>
        <button class="btn quiet icon" type="button" command="close" commandfor="new-run" aria-label="Close">
          <Icon i="close" />
        </button>
      </header>
      <StartForm shell={shell} prefix="d" dialog="new-run" />
    </dialog>
  );
}
