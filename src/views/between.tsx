import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import type { Verdict } from '../core/verdict-contract';
import { type CompareQuery, compareAddress } from './compare-address';
import { inOrder, nameOf } from './compare-words';
import { patchAddress } from './compared-file';
import { Icon } from './marks';

/** Which columns the evidence has, where there are more than a window shows. */
export function Columns({ run, verdict, query }: { run: Run; verdict: Verdict | null; query: CompareQuery }) {
  if (run.variations.length <= 6) return '';
  const { columns } = query;
  return (
    <details class="columns">
      <summary safe>
        {columns === null
          ? `All ${run.variations.length} variations: choose columns`
          : `${columns.length} of ${run.variations.length} variations: choose columns`}
      </summary>
      <div class="btns">
        {inOrder(run, verdict).map((one) => (
          <label class="tick">
            <input
              type="checkbox"
              form="graft"
              name="show"
              value={String(one.position)}
              checked={columns === null || columns.includes(one.position)}
            />
            <span safe>{nameOf(one)}</span>
          </label>
        ))}
        <button
          class="btn small"
          type="submit"
          form="graft"
          formaction={`/runs/${run.id}/compare`}
          formmethod="get"
        >
          Show these
        </button>
      </div>
    </details>
  );
}

/** What is compared with what, and how it is laid out. Its fields are of the form that holds what was taken. */
export function Between({ run, verdict, query }: { run: Run; verdict: Verdict | null; query: CompareQuery }) {
  const { from, to, split } = query;
  const all = inOrder(run, verdict);
  const view = (next: boolean) =>
    Html.escapeHtml(compareAddress(run.id, query, { split: next, path: query.path }));
  return (
    <div class="between end">
      <label for="from">from</label>
      <select id="from" name="from" form="graft">
        <option value="0" selected={from === 0}>
          Base
        </option>
        {all.map((one) => (
          <Side one={one} chosen={from} />
        ))}
      </select>
      <label for="to">to</label>
      <select id="to" name="to" form="graft">
        {all.map((one) => (
          <Side one={one} chosen={to} />
        ))}
      </select>
      {split ? <input type="hidden" name="view" value="split" form="graft" /> : ''}
      {query.path === null ? (
        ''
      ) : (
        <input type="hidden" name="path" value={Html.escapeHtml(query.path)} form="graft" />
      )}
      <button
        class="btn"
        id="show"
        type="submit"
        form="graft"
        formaction={`/runs/${run.id}/compare`}
        formmethod="get"
      >
        Show
      </button>
      <nav class="seg fit" aria-label="Layout">
        <a href={view(false)} data-keeps="true" aria-current={split ? undefined : 'true'}>
          Unified
        </a>
        <a href={view(true)} data-keeps="true" aria-current={split ? 'true' : undefined}>
          Split
        </a>
      </nav>
      <a class="btn" href={Html.escapeHtml(patchAddress(run.id, query))}>
        <Icon i="save" />
        Patch
      </a>
    </div>
  );
}

function Side({ one, chosen }: { one: Variation; chosen: number }) {
  return (
    <option value={String(one.position)} selected={one.position === chosen} safe>
      {nameOf(one)}
    </option>
  );
}
