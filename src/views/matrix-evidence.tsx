import { Html } from '@kitajs/html';
import type { CheckOutcome, Run, Variation } from '../core/contract';
import type { CriterionAnswer } from '../core/opinion';
import { CheckState } from './checks';
import type { Criterion, VerdictEvents } from './compare-facts';
import { countsWord } from './compare-words';
import { words } from './format';
import { State } from './marks';
import { visible } from './visible';

interface Columns {
  columns: readonly Variation[];
  leads: (one: Variation) => boolean;
}

/** The project's checks, one a row, as each variation's final evidence has them. */
export function CheckRows({
  run,
  columns,
  leads,
  events,
}: Columns & { run: Run; events: VerdictEvents | null }) {
  const names = new Set(
    [...run.base_checks, ...columns.flatMap((one) => one.checks)].map((check) => check.name),
  );
  return (
    <tbody>
      <tr>
        <th colspan={columns.length + 1} scope="rowgroup">
          Checks{' '}
          <span class="muted">
            {names.size === 0 ? 'this project has none' : 'on a fresh workspace of base and patch alone'}
          </span>
        </th>
      </tr>
      {[...names].map((name) => (
        <tr>
          <th scope="row">
            {Html.escapeHtml(visible(name))} <small safe>{onBase(run, columns, name)}</small>
          </th>
          {columns.map((one) => (
            <td class={leads(one) ? 'first' : undefined}>
              <CheckCell
                check={one.checks.find((check) => check.name === name)}
                address={addressOf(run.id, one.position, events?.checks[one.position]?.[name])}
              />
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function onBase(run: Run, columns: readonly Variation[], name: string): string {
  const base = run.base_checks.find((check) => check.name === name);
  const any = base ?? columns.flatMap((one) => one.checks).find((check) => check.name === name);
  const counts = base?.counts ?? null;
  const counted = counts ? `, ${'findings' in counts ? countsWord({ counts }) : counts.total}` : '';
  const result = !base
    ? 'not run'
    : base.result === 'passed'
      ? 'passes'
      : base.result === 'failed'
        ? 'fails'
        : words(base.result);
  return `base: ${result}${counted}${any?.required === false ? ' · not required' : ''}`;
}

function addressOf(run: number, position: number, seq: number | undefined): string | null {
  return seq === undefined ? null : `/runs/${run}?v=${position}#e${seq}`;
}

function CheckCell({ check, address }: { check: CheckOutcome | undefined; address: string | null }) {
  if (!check) return <span class="muted">not run</span>;
  const counted = countsWord(check);
  const state = <CheckState result={check.result} />;
  return (
    <>
      {address === null ? (state as 'safe') : <a href={address}>{state as 'safe'}</a>}
      {counted === null ? '' : <small safe>{counted}</small>}
      {check.flaky ? <small>flaky: decides nothing</small> : ''}
      {check.on_base_tests === null ? (
        ''
      ) : (
        <small safe>{`with the base’s tests: ${words(check.on_base_tests.result)}`}</small>
      )}
    </>
  );
}

/** What the goal asks for, as a model read it out of each patch. An opinion, with the words that it rests on. */
export function CriteriaRows({
  criteria,
  columns,
  leads,
  run,
}: Columns & { criteria: readonly Criterion[]; run: number }) {
  if (criteria.length === 0) return '';
  return (
    <tbody>
      <tr>
        <th colspan={columns.length + 1} scope="rowgroup">
          Criteria from the goal <span class="muted">as a model read them; a yes needs a quotation</span>
        </th>
      </tr>
      {criteria.map(({ text, answers }) => (
        <tr>
          <th scope="row">
            {Html.escapeHtml(visible(text))}{' '}
            {columns.some((one) => answers[one.position]) ? (
              <details>
                <summary>Quotations</summary>
                {columns.map(({ position }) => (
                  <Quotation run={run} position={position} answer={answers[position] ?? null} />
                ))}
              </details>
            ) : (
              ''
            )}
          </th>
          {columns.map((one) => (
            <td class={leads(one) ? 'first' : undefined}>
              <Answer answer={answers[one.position] ?? null} />
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function Answer({ answer }: { answer: CriterionAnswer | null }) {
  if (answer === null) return <span class="muted">not asked</span>;
  return answer.met ? <State s="passes" word="yes" /> : <State s="still_fails" word="no" />;
}

const because: Record<Exclude<CriterionAnswer['why'], 'quoted'>, string> = {
  denied: 'the model says no.',
  quotation_missing: 'a yes without a quotation, which counts as a no.',
  quotation_trivial: 'a yes with too little to quote, which counts as a no.',
  not_found: 'its quotation is not in the patch word for word, so this is a no.',
  not_answered: 'not answered, which counts as a no.',
};

function Quotation({
  run,
  position,
  answer,
}: {
  run: number;
  position: number;
  answer: CriterionAnswer | null;
}) {
  if (answer === null) return '';
  const { why, quotation, place } = answer;
  return (
    <span class="quote">
      {Html.escapeHtml(`${position}: `)}
      {quotation === '' ? '' : <>“{Html.escapeHtml(visible(quotation))}” </>}
      {why === 'quoted' ? '' : Html.escapeHtml(because[why])}
      {place === null ? (
        ''
      ) : (
        <a
          href={Html.escapeHtml(
            `/runs/${run}/compare?${new URLSearchParams({ from: '0', to: String(position), path: place.path })}`,
          )}
          safe
        >
          {visible(`${place.path.split('/').at(-1)}${place.line === null ? '' : `:${place.line}`}`)}
        </a>
      )}
    </span>
  );
}
