import { Html } from '@kitajs/html';
import type { Stats } from '../core/contract';
import { ago, bytes, plural } from './format';
import { Layout } from './layout';
import { LevelMark } from './marks';
import { Mistake, wrongField } from './mistake';
import type { Shell } from './shell';

/** The settings as the form has them: numbers as they were typed, empty for none. */
export interface SettingsEntry {
  execution: boolean;
  all: string;
  per_project: string;
  per_agent: string;
  per_provider: string;
  retention_days: string;
  remove_after_days: string;
  /** Names of agents in their order. */
  judges: readonly string[];
}
export type SettingsField = Exclude<keyof SettingsEntry, 'execution' | 'judges'>;

/** What cannot be saved, and why. */
export interface SettingsWrong {
  field: keyof SettingsEntry;
  message: string;
}

interface Props {
  shell: Shell;
  entry: SettingsEntry;
  freed: Stats['freed'];
  saved?: boolean;
  wrong?: SettingsWrong;
}

/** What holds for the whole service. */
export function SettingsPage({ shell, entry, freed, saved = false, wrong }: Props) {
  const field = { entry, wrong };
  return (
    <Layout shell={shell} title="Settings">
      <h1>Settings</h1>
      {saved && wrong === undefined ? (
        <div class="notice" data-l="good" role="status">
          <LevelMark l="good" />
          <span>Saved. It holds from now on, on every worker.</span>
        </div>
      ) : (
        ''
      )}
      <form class="form settings" action="/settings" method="post">
        <section class="panel" aria-labelledby="set-run-h">
          <header>
            <h2 id="set-run-h">Execution</h2>
          </header>
          <div class="pad">
            <fieldset class="field">
              <legend>New work</legend>
              <div class="seg fit">
                <label>
                  <input type="radio" name="execution" value="on" checked={entry.execution} />
                  <span>Is worked on</span>
                </label>
                <label>
                  <input type="radio" name="execution" value="off" checked={!entry.execution} />
                  <span>Stays queued</span>
                </label>
              </div>
            </fieldset>
            <p class="muted">Switched off, new work stays queued; what runs finishes.</p>
          </div>
        </section>
        <section class="panel" aria-labelledby="set-limits-h">
          <header>
            <h2 id="set-limits-h">At the same time</h2>
          </header>
          <div class="pad">
            <p class="muted">
              Variations that may run at once, over all <a href="/workers">workers</a>. Empty: no limit.
            </p>
            <div class="grid2">
              <Field name="all" says="In all" {...field} />
              <Field name="per_project" says="Of one project" {...field} />
              <Field name="per_agent" says="Of one agent" {...field} />
              <Field name="per_provider" says="Of one model provider" {...field} />
            </div>
          </div>
        </section>
        <Judges shell={shell} {...field} />
        <section class="panel" aria-labelledby="set-keep-h">
          <header>
            <h2 id="set-keep-h">Keeping</h2>
          </header>
          <div class="pad">
            <p class="muted">Counted from a run’s end. Empty: for ever.</p>
            <div class="grid2">
              <Field name="retention_days" says="Streamed pieces, long outputs" unit="days" {...field} />
              <Field name="remove_after_days" says="The whole run" unit="days" {...field} />
            </div>
            <p class="muted" safe>
              {freed.last_at === null
                ? 'Nothing has been freed yet.'
                : `Freed so far: ${bytes(freed.bytes)} of ${plural(freed.runs, 'run')}, last ${ago(freed.last_at, shell.now)}.`}
            </p>
          </div>
        </section>
        <div class="btns">
          <button class="btn primary" type="submit">
            Save
          </button>
        </div>
      </form>
    </Layout>
  );
}

/** Fields shown beyond those that are used, and in all. */
const spareJudges = 2;
const mostJudges = 10;

function Judges({
  shell,
  entry,
  wrong,
}: {
  shell: Shell;
  entry: SettingsEntry;
  wrong: SettingsWrong | undefined;
}) {
  const named = entry.judges.map((name) => ({ name, says: name }));
  const there = shell.agents.map(({ name, model, provider }) => ({
    name,
    says: `${name}, ${provider === 'scripted' ? 'scripted' : model}`,
  }));
  // One that is on no list is offered all the same: it must not be lost by saving.
  const offered = [...there, ...named.filter(({ name }) => there.every((one) => one.name !== name))];
  const fields = Array.from({ length: Math.min(mostJudges, entry.judges.length + spareJudges) }, (_, i) => i);
  const bad = wrong?.field === 'judges';
  const marked = wrongField(bad, 'set-judges-e');
  return (
    <section class="panel" aria-labelledby="set-judges-h">
      <header>
        <h2 id="set-judges-h">Judges</h2>
      </header>
      <div class="pad">
        <p class="muted">
          Models that list criteria, answer them and compare ties blind. None: executed checks, size and cost
          decide, and the verdict says so.
        </p>
        <div class="grid2">
          {fields.map((i) => (
            <div class="field">
              <label for={`set-judge-${i + 1}`} safe>
                {i === 0 ? 'Judge 1, the preferred' : `Judge ${i + 1}`}
              </label>
              <select id={`set-judge-${i + 1}`} name="judges" {...marked}>
                <option value="">nobody</option>
                {offered.map(({ name, says }) => (
                  <option value={Html.escapeHtml(name)} selected={name === entry.judges[i]} safe>
                    {says}
                  </option>
                ))}
              </select>
            </div>
          ))}
        </div>
        {bad ? (
          <div class="field">
            <Mistake id="set-judges-e" message={wrong.message} />
          </div>
        ) : (
          ''
        )}
      </div>
    </section>
  );
}

function Field({
  name,
  says,
  unit,
  entry,
  wrong,
}: {
  name: SettingsField;
  says: string;
  unit?: string;
  entry: SettingsEntry;
  wrong: SettingsWrong | undefined;
}) {
  const id = `set-${name}`;
  const bad = wrong?.field === name;
  const marked = wrongField(bad, `${id}-e`);
  const input = (
    <input
      id={id}
      name={name}
      inputmode="numeric"
      autocomplete="off"
      placeholder="none"
      value={Html.escapeHtml(entry[name])}
      {...marked}
    />
  );
  return (
    <div class="field">
      <label for={id} safe>
        {says}
      </label>
      {unit === undefined ? (
        input
      ) : (
        <div class="affix end">
          {input}
          <span safe>{unit}</span>
        </div>
      )}
      {bad ? <Mistake id={`${id}-e`} message={wrong.message} /> : ''}
    </div>
  );
}
