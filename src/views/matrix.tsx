import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import type { Verdict } from '../core/verdict-contract';
import type { Criterion, VerdictEvents } from './compare-facts';
import { flagWord, inOrder, nameOf, partsWord, placeWord } from './compare-words';
import { clock, count, money, plural, span, words } from './format';
import { Mark, State } from './marks';
import { CheckRows, CriteriaRows } from './matrix-evidence';
import { LevelRows } from './matrix-levels';
import { visible } from './visible';

interface Props {
  run: Run;
  verdict: Verdict | null;
  criteria: readonly Criterion[];
  events: VerdictEvents | null;
  /** Positions that are shown; null: all. */
  columns: readonly number[] | null;
  now: Date;
}

/** How many columns a phone can show one beside the other, and a wide window without scrolling. */
const narrow = 4;
const wide = 6;

/** All that is known of the variations, side by side, in the order of the verdict. Each claim leads to its event. */
export function Matrix({ run, verdict, criteria, events, columns, now }: Props) {
  const shown = inOrder(run, verdict).filter((one) => columns === null || columns.includes(one.position));
  const positions = shown.map((one) => one.position);
  const leads = (one: Variation) => verdict?.leaders.includes(one.position) ?? false;
  const name = shown.length > wide ? 'matrix many' : shown.length > narrow ? 'matrix some' : 'matrix';
  const target = run.base ?? 'the target';
  const table = (
    <table class={name} data-n={shown.length > narrow ? undefined : String(shown.length)}>
      <caption class="vh">
        {verdict === null ? 'Variations as they were started' : 'Variations in the order of the verdict'}
      </caption>
      <colgroup>
        <col />
        {shown.map(() => (
          <col />
        ))}
      </colgroup>
      <thead>
        <tr>
          <td></td>
          {shown.map((one) => (
            <th scope="col" class={leads(one) ? 'first' : undefined}>
              <small>
                <PlaceOf run={run} variation={one} verdict={verdict} events={events} />
              </small>
              <b>
                {one.position === run.winner?.position ? (
                  <>
                    <Mark s="winner" /> <span class="vh">picked: </span>
                  </>
                ) : (
                  ''
                )}
                {Html.escapeHtml(nameOf(one))}
              </b>
            </th>
          ))}
        </tr>
      </thead>
      {verdict === null ? '' : <LevelRows verdict={verdict} columns={positions} target={visible(target)} />}
      <CheckRows run={run} columns={shown} leads={leads} events={events} />
      <CriteriaRows criteria={criteria} columns={shown} leads={leads} run={run.id} />
      <PriceRows verdict={verdict} columns={shown} leads={leads} now={now} />
    </table>
  );
  return shown.length > narrow ? (
    <section class="scroll" id="matrix" tabindex="0" aria-label="Evidence, all columns">
      {table as 'safe'}
    </section>
  ) : (
    <div id="matrix">{table as 'safe'}</div>
  );
}

/** Its place, which leads to what put it there; its state where it has none. */
function PlaceOf({
  run,
  variation,
  verdict,
  events,
}: {
  run: Run;
  variation: Variation;
  verdict: Verdict | null;
  events: VerdictEvents | null;
}) {
  const { position, status } = variation;
  const place = verdict?.ranking.find((one) => one.position === position);
  if (!place) return Html.escapeHtml(status === 'completed' ? 'no place yet' : words(status));
  const seq = events?.places[position];
  const said = placeWord(place);
  if (seq === undefined) return Html.escapeHtml(said);
  // What is of the whole run is in no variation's stream.
  const address =
    seq === events?.verdict ? `/runs/${run.id}/compare#e${seq}` : `/runs/${run.id}?v=${position}#e${seq}`;
  return (
    <a href={address} safe>
      {said}
    </a>
  );
}

interface RowsProps {
  verdict: Verdict | null;
  columns: readonly Variation[];
  leads: (one: Variation) => boolean;
  now: Date;
}

function PriceRows({ verdict, columns, leads, now }: RowsProps) {
  const like = (position: number) =>
    verdict?.groups.find((group) => group.includes(position))?.filter((one) => one !== position) ?? [];
  const row = (name: string, cell: (one: Variation) => JSX.Element) => (
    <tr>
      <th scope="row" safe>
        {name}
      </th>
      {columns.map((one) => (
        <td class={leads(one) ? 'first' : undefined}>{cell(one) as 'safe'}</td>
      ))}
    </tr>
  );
  return (
    <tbody>
      <tr>
        <th colspan={columns.length + 1} scope="rowgroup">
          Size and price
        </th>
      </tr>
      {row('Diff', DiffSize)}
      {row('Cost and tokens', ({ usage }) => (
        <>
          {Html.escapeHtml(money(usage.cost_usd))}{' '}
          <small safe>{count(usage.input_tokens + usage.output_tokens)}</small>
        </>
      ))}
      {row('Time and iterations', (one) => (
        <>
          {Html.escapeHtml(
            one.started_at === null ? 'not started' : clock(span(one.started_at, one.completed_at, now)),
          )}{' '}
          <small safe>{one.kind === 'graft' ? 'composed' : plural(one.iteration, 'iteration')}</small>
        </>
      ))}
      {columns.some((one) => like(one.position).length > 0)
        ? row('Nearly the same', ({ position }) =>
            Html.escapeHtml(like(position).length > 0 ? `as ${like(position).join(', ')}` : '–'),
          )
        : ''}
      {columns.some((one) => one.graft !== null)
        ? row('Made of', ({ graft }) => Html.escapeHtml(graft === null ? '–' : partsWord(graft.parts)))
        : ''}
      {row('Flags', Flags)}
    </tbody>
  );
}

function DiffSize({ patch }: Variation) {
  if (!patch || patch.files === 0) return 'no change';
  return (
    <>
      <span class="plus" safe>{`+${patch.additions}`}</span>{' '}
      <span class="minus" safe>{`−${patch.deletions}`}</span>{' '}
      <small safe>{plural(patch.files, 'file')}</small>
    </>
  );
}

function Flags({ flags, checks }: Variation) {
  if (flags.length === 0) return '–';
  const again = checks.some((check) => check.on_base_tests !== null);
  const named = flags.slice(0, 2).map((one) => visible(one.path));
  const rest = flags.length - named.length;
  return (
    <>
      {[...new Set(flags.map((one) => flagWord(one.kind)))].map((word) => (
        <State s="needs_review" word={word} />
      ))}
      <small safe>
        {`${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} ${flags.length === 1 ? 'judges' : 'judge'} it${again ? '; the base’s version ran as well' : ''}`}
      </small>
    </>
  );
}
