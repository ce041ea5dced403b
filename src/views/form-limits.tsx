import { Html } from '@kitajs/html';
import { taskTypes } from '../../drizzle/schema';
import type { Entry } from './form';
import type { Shell } from './shell';

/** What a part of the form is made with. */
export interface FieldProps {
  shell: Shell;
  entry: Entry;
  id: (name: string) => string;
  /** What marks a field as wrong. */
  wrong: (name: keyof Entry) => { 'aria-invalid'?: 'true'; 'aria-describedby'?: string };
  Wrong: (props: { name: keyof Entry }) => JSX.Element;
}

/** What a run may be told besides its goal; folded away, since each has a usual value. */
export function Limits({ entry, id, wrong, Wrong }: FieldProps) {
  return (
    <>
      <div class="field">
        <label for={id('base')}>Base</label>
        <input
          id={id('base')}
          name="base"
          value={Html.escapeHtml(entry.base)}
          spellcheck="false"
          placeholder="default branch"
          {...wrong('base')}
        />
        <Wrong name="base" />
      </div>
      <div class="field">
        <label for={id('type')}>Kind of task</label>
        <select id={id('type')} name="task_type" {...wrong('task_type')}>
          {taskTypes.map((type) => (
            <option value={type} selected={type === entry.task_type}>
              {Html.escapeHtml(type)}
            </option>
          ))}
        </select>
        <Wrong name="task_type" />
      </div>
      <div class="field">
        <label for={id('time')}>Time limit</label>
        <div class="affix end">
          <input
            id={id('time')}
            name="timeout"
            value={Html.escapeHtml(entry.timeout)}
            inputmode="numeric"
            {...wrong('timeout')}
          />
          <span>min</span>
        </div>
        <Wrong name="timeout" />
      </div>
      <div class="field">
        <label for={id('budget')}>Budget</label>
        <div class="affix">
          <span>$</span>
          <input
            id={id('budget')}
            name="budget_usd"
            value={Html.escapeHtml(entry.budget_usd)}
            inputmode="decimal"
            placeholder="none"
            {...wrong('budget_usd')}
          />
        </div>
        <Wrong name="budget_usd" />
      </div>
      <fieldset class="field wide">
        <legend>Ask me before</legend>
        <div class="seg">
          {Object.entries(approvals).map(([value, name]) => (
            <label>
              <input type="radio" name="approval" value={value} checked={value === entry.approval} />
              <span safe>{name}</span>
            </label>
          ))}
        </div>
        <Wrong name="approval" />
      </fieldset>
      <fieldset class="field wide" {...wrong('mode')}>
        <legend>How it works</legend>
        <div class="seg">
          {Object.entries(modes).map(([value, name]) => (
            <label>
              <input type="radio" name="mode" value={value} checked={value === entry.mode} />
              <span safe>{name}</span>
            </label>
          ))}
        </div>
        <p class="muted">
          One answer: the model is shown the files, runs nothing, and answers with a patch. Quick and cheap,
          for small changes.
        </p>
        <Wrong name="mode" />
      </fieldset>
      <div class="field">
        <label for={id('priority')}>
          Priority <small>10 is first</small>
        </label>
        <input
          id={id('priority')}
          name="priority"
          type="number"
          min="1"
          max="10"
          value={Html.escapeHtml(entry.priority)}
          {...wrong('priority')}
        />
        <Wrong name="priority" />
      </div>
      <div class="field">
        <label for={id('retries')}>
          Retries <small>at most</small>
        </label>
        <input
          id={id('retries')}
          name="max_retries"
          inputmode="numeric"
          value={Html.escapeHtml(entry.max_retries)}
          {...wrong('max_retries')}
        />
        <Wrong name="max_retries" />
      </div>
      <div class="field wide">
        <label for={id('when')}>
          Not before <small>in UTC</small>
        </label>
        <input
          id={id('when')}
          name="scheduled_at"
          type="datetime-local"
          value={Html.escapeHtml(entry.scheduled_at)}
          {...wrong('scheduled_at')}
        />
        <Wrong name="scheduled_at" />
      </div>
      <div class="field wide">
        <label for={id('after')}>
          After other runs <small>their numbers, such as 12, 14</small>
        </label>
        <input
          id={id('after')}
          name="depends_on"
          value={Html.escapeHtml(entry.depends_on)}
          autocomplete="off"
          placeholder="none"
          {...wrong('depends_on')}
        />
        <Wrong name="depends_on" />
      </div>
    </>
  );
}

const modes = { tools: 'With tools, step by step', patch: 'One answer, a patch' };
const approvals = { none: 'Nothing', plan: 'Plan', commands: 'Commands', commit: 'Commit' };
