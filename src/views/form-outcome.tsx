import { Html } from '@kitajs/html';
import { pickers } from '../../drizzle/schema';
import type { Entry } from './form';
import type { FieldProps } from './form-limits';

/** What becomes of what the variations make; folded away with the limits. */
export function Outcome({ entry, id, wrong, Wrong }: FieldProps) {
  return (
    <>
      <div class="field">
        <label for={id('pick')}>Picked by</label>
        <select id={id('pick')} name="pick" {...wrong('pick')}>
          {pickers.map((picker) => (
            <option value={picker} selected={picker === entry.pick} safe>
              {pickerNames[picker]}
            </option>
          ))}
        </select>
        <Wrong name="pick" />
      </div>
      <div class="field">
        <label for={id('iterations')}>
          Iterations <small>at most</small>
        </label>
        <input
          id={id('iterations')}
          name="max_iterations"
          inputmode="numeric"
          value={Html.escapeHtml(entry.max_iterations)}
          {...wrong('max_iterations')}
        />
        <Wrong name="max_iterations" />
      </div>
      <div class="field wide">
        <label for={id('land')}>Landing</label>
        <select id={id('land')} name="land" {...wrong('land')}>
          {Object.entries(landings).map(([mode, name]) => (
            <option value={mode} selected={mode === entry.land} safe>
              {name}
            </option>
          ))}
        </select>
        <Wrong name="land" />
      </div>
      <div class="wide">
        <label class="tick">
          <input
            type="checkbox"
            name="stop_losers"
            value="on"
            checked={entry.stop_losers === 'on'}
            {...wrong('stop_losers')}
          />
          Stop the others once one passes everything required
        </label>
        <Wrong name="stop_losers" />
      </div>
    </>
  );
}

const pickerNames = { person: 'a person', verdict: 'the verdict' };
const landings = {
  '': 'Nothing until I say so',
  branch: 'Branch',
  pull_request: 'Pull request',
  merge: 'Merge, into a local repository',
};

/** The same in a few words, where it is not the usual. */
export function outcomeWords(entry: Entry): string[] {
  return [
    entry.pick === 'verdict' ? 'the verdict picks' : '',
    ['', '3'].includes(entry.max_iterations) ? '' : `${entry.max_iterations} iterations`,
    entry.land === '' ? '' : `lands as ${entry.land.replace('_', ' ')}`,
    entry.stop_losers === 'on' ? 'stops the others' : '',
  ];
}
