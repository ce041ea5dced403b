import { Html } from '@kitajs/html';
import type { Project } from '../core/contract';
import { Mistake, wrongField } from './mistake';
import {
  type CheckEntry,
  emptyCheck,
  mostRows,
  type ProjectEntry,
  type ProjectError,
  spareChecks,
} from './project-entry';

interface Props {
  project: Project;
  entry: ProjectEntry;
  error: ProjectError | undefined;
}

/** The checks as rows, with some to spare: without script one is added by filling a row and removed by emptying its name. */
export function ChecksField({ project, entry, error }: Props) {
  const filled = entry.checks.length;
  const rows = Math.min(Math.max(mostRows, filled), filled + spareChecks);
  const { checks_set } = project;
  const none = project.checks.length === 0;
  return (
    <section class="panel" aria-labelledby="p-checks-h">
      <header>
        <h2 id="p-checks-h">Checks</h2>
        <span class="muted">
          {checks_set
            ? none
              ? 'none, as you said'
              : 'as you said'
            : none
              ? 'to be detected'
              : 'detected; edit to keep'}
        </span>
      </header>
      <div class="pad">
        <p class="muted">
          Commands whose exit code is evidence: they run on the base and on each patch, in a fresh workspace.
          An emptied name removes a check.
          {!checks_set && none ? ' Without any they are detected at the first run.' : ''}
        </p>
        <input type="hidden" name="checks_shown" value={String(entry.checks_shown)} />
        <input type="hidden" name="checks_were" value={Html.escapeHtml(entry.checks_were)} />
        {Array.from({ length: rows }, (_, i) => (
          <CheckRow
            i={i}
            check={entry.checks[i] ?? emptyCheck}
            fresh={i >= entry.checks_shown}
            error={error}
          />
        ))}
        {error?.field === 'checks' ? (
          <div class="field">
            <Mistake id="p-checks-e" message={error.message} />
          </div>
        ) : (
          ''
        )}
        <label class="tick">
          <input
            type="checkbox"
            name="checks_do"
            value={checks_set ? 'detect' : 'keep'}
            checked={entry.checks_do === (checks_set ? 'detect' : 'keep')}
          />
          <span safe>{otherWish(checks_set, none)}</span>
        </label>
      </div>
    </section>
  );
}

function otherWish(set: boolean, none: boolean): string {
  if (set) return 'Forget these, and detect them at the next run';
  return none ? 'There are none: detect nothing' : 'Keep these as they are: detect nothing else';
}

function CheckRow({
  i,
  check,
  fresh,
  error,
}: {
  i: number;
  check: CheckEntry;
  fresh: boolean;
  error: ProjectError | undefined;
}) {
  const id = (name: keyof CheckEntry) => `p-check-${i + 1}-${name}`;
  const field = (name: keyof CheckEntry) => `checks.${i}.${name}`;
  const wrong = (name: keyof CheckEntry) => wrongField(error?.field === field(name), `${id(name)}-e`);
  const Wrong = ({ name }: { name: keyof CheckEntry }) =>
    error?.field === field(name) ? <Mistake id={`${id(name)}-e`} message={error.message} /> : '';
  return (
    <fieldset class="check-row">
      <legend class="vh" safe>
        {fresh ? `Another check, row ${i + 1}` : `Check ${i + 1}`}
      </legend>
      <div class="field">
        <label for={id('name')}>Name</label>
        <input
          id={id('name')}
          name={field('name')}
          value={Html.escapeHtml(check.name)}
          autocomplete="off"
          maxlength="100"
          placeholder={fresh ? 'another' : ''}
          {...wrong('name')}
        />
        <Wrong name="name" />
      </div>
      <div class="field">
        <label for={id('command')}>Command</label>
        <textarea
          id={id('command')}
          name={field('command')}
          rows="1"
          spellcheck="false"
          autocapitalize="off"
          {...wrong('command')}
          safe
        >
          {check.command === '' ? '' : `\n${check.command}`}
        </textarea>
        <Wrong name="command" />
      </div>
      <div class="field">
        <label for={id('timeout_s')}>At most</label>
        <div class="affix end">
          <input
            id={id('timeout_s')}
            name={field('timeout_s')}
            inputmode="numeric"
            value={Html.escapeHtml(check.timeout_s)}
            {...wrong('timeout_s')}
          />
          <span>s</span>
        </div>
        <Wrong name="timeout_s" />
      </div>
      <div class="field">
        <label for={id('report')}>
          Report <small>JUnit XML, TAP</small>
        </label>
        <input
          id={id('report')}
          name={field('report')}
          value={Html.escapeHtml(check.report)}
          autocomplete="off"
          spellcheck="false"
          placeholder="none"
          {...wrong('report')}
        />
        <Wrong name="report" />
      </div>
      <label class="tick">
        <input
          id={id('required')}
          type="checkbox"
          name={field('required')}
          value="on"
          checked={check.required}
        />
        required
      </label>
    </fieldset>
  );
}
