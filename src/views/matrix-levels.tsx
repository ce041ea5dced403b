import { Html } from '@kitajs/html';
import type { Cell, LevelResult, Verdict } from '../core/verdict-contract';
import { levelNames, levelNote, listed, pairWords } from './compare-words';
import { money, plural } from './format';
import { Mark, State } from './marks';
import { visible } from './visible';

interface Props {
  verdict: Verdict;
  /** Positions of the columns. */
  columns: readonly number[];
  /** What a result is to land on. */
  target: string;
}

/** The levels of the ranking, one a row: what each says of each, and which one told. */
export function LevelRows({ verdict, columns, target }: Props) {
  return (
    <tbody>
      <tr>
        <th colspan={columns.length + 1} scope="rowgroup">
          Why this order <span class="muted">the first level that tells two apart decides</span>
        </th>
      </tr>
      {verdict.levels.map((level, i) => {
        const told = level.decided ? decides(verdict) : null;
        const note = told ?? levelNote(level.level, level.state, target);
        return (
          <tr class={level.decided ? 'decides' : undefined}>
            <th scope="row">
              <span class="step" safe>
                {String(i + 1)}
              </span>
              {Html.escapeHtml(levelNames[level.level])}
              {note === null ? '' : <small safe>{note}</small>}
              {level.level === 'judged' ? <Pairs verdict={verdict} /> : ''}
            </th>
            {columns.map((position) => (
              <LevelCell
                level={level}
                position={position}
                first={verdict.leaders.includes(position)}
                target={target}
              />
            ))}
          </tr>
        );
      })}
    </tbody>
  );
}

/** Whom the deciding level told apart: the first, and who came next. */
function decides({ leaders, ranking, decided_by }: Verdict): string {
  const next = ranking.find((one) => one.fell_at === decided_by);
  return `decides between ${listed([...leaders.slice(0, 3), ...(next ? [next.position] : [])])}`;
}

function Pairs({ verdict }: { verdict: Verdict }) {
  if (verdict.pairs.length === 0) return '';
  return (
    <details>
      <summary>Pairs</summary>
      {verdict.pairs.map((pair) => (
        <span class="quote" safe>
          {pairWords(pair)}
        </span>
      ))}
    </details>
  );
}

function LevelCell({
  level,
  position,
  first,
  target,
}: {
  level: LevelResult;
  position: number;
  first: boolean;
  target: string;
}) {
  const cell: Cell | undefined = level.values[position];
  if (!cell) return <td class="gone">–</td>;
  if (cell.standing === 'out') return <td class="gone">out</td>;
  const names = [
    first && 'first',
    cell.standing === 'not_needed' && 'gone',
    first && level.decided && 'best',
    cell.standing === 'out_here' && isFault(level) && 'out-here',
  ];
  return (
    <td class={names.filter(Boolean).join(' ') || undefined}>
      <Value level={level} position={position} falls={cell.standing === 'out_here'} target={target} />
      {cell.as === null ? '' : <small safe>{`as ${cell.as}, which is nearly the same`}</small>}
    </td>
  );
}

/** To fall behind for what was run, or for what the goal asks, is a fault; to be longer or dearer is none. */
function isFault({ level }: LevelResult): boolean {
  return level !== 'judged' && level !== 'size' && level !== 'cost';
}

function Value({
  level,
  position,
  falls,
  target,
}: {
  level: LevelResult;
  position: number;
  falls: boolean;
  target: string;
}) {
  switch (level.level) {
    case 'applies': {
      const value = level.values[position];
      if (!value?.base) return <Fault says="does not apply" />;
      if (value.target === 'conflict') return <Conflict target={target} paths={value.conflicts} />;
      return value.target === 'clean' ? (
        <State s="passes" word="both" />
      ) : (
        <>
          <State s="passes" word="base" />
          <small safe>{`${target} was not looked at`}</small>
        </>
      );
    }
    case 'broken': {
      const broken = level.values[position]?.broken ?? 0;
      return broken === 0 ? <State s="passes" word="none" /> : <Fault says={`${broken} broken`} />;
    }
    case 'fixed': {
      const value = level.values[position];
      if (!value || value.of === 0) return 'nothing to fix';
      const says = `${value.fixed} of ${value.of}`;
      return falls ? <Fault says={says} /> : Html.escapeHtml(says);
    }
    case 'criteria': {
      const value = level.values[position];
      if (!value || value.met === null || value.of === null) return 'not known';
      const says = `${value.met} of ${value.of}`;
      return falls ? <Fault says={says} /> : Html.escapeHtml(says);
    }
    case 'judged':
      return <Judged value={level.values[position]} />;
    case 'size':
      return Html.escapeHtml(plural(level.values[position]?.lines ?? 0, 'line'));
    case 'cost':
      return Html.escapeHtml(money(level.values[position]?.cost_usd ?? null));
  }
}

/** Worse than the first by what was found: a cross, whatever check or number says so. */
function Fault({ says }: { says: string }) {
  return (
    <span class="state" data-s="broken">
      <Mark s="failed" />
      {Html.escapeHtml(says)}
    </span>
  );
}

function Conflict({ target, paths }: { target: string; paths: readonly string[] }) {
  return (
    <>
      <Fault says={`conflict on ${target}`} />
      {paths.length === 0 ? (
        ''
      ) : (
        <details>
          <summary safe>{plural(paths.length, 'file')}</summary>
          {paths.map((path) => (
            <span class="quote">
              <code safe>{visible(path)}</code>
            </span>
          ))}
        </details>
      )}
    </>
  );
}

function Judged({ value }: { value: (Cell & { [K in Count]: number | null }) | undefined }) {
  if (!value || value.wins === null) return '–';
  const { wins, losses, ties, disagreed } = value;
  const swapped = disagreed ? <small>the order decided, not the text</small> : '';
  if (wins === 0 && !losses) {
    return (
      <>
        tie
        {swapped}
      </>
    );
  }
  const said = [`${wins} won`, losses ? `${losses} lost` : '', ties ? `${ties} tied` : ''];
  return (
    <>
      {Html.escapeHtml(said.filter(Boolean).join(', '))}
      {swapped}
    </>
  );
}

type Count = 'wins' | 'losses' | 'ties' | 'disagreed';
