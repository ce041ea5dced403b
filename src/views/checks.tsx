import { Html } from '@kitajs/html';
import { countsWord } from './compare-words';
import { duration } from './format';
import type { CheckLine, Item } from './items';
import { State } from './marks';
import { OutputBlock, outputOf } from './output';
import { visible } from './visible';

const places = {
  base: 'on the base',
  patch: 'run on the patch, against the base',
  base_tests: 'run on the patch with the base’s own version of what judges it',
} as const;

/** The project's checks as the service ran them, on the base or on the patch. */
export function Checks({ item }: { item: Extract<Item, { kind: 'checks' }> }) {
  return (
    <>
      <p>
        <b>Checks</b> <span class="muted">{places[item.on]}</span>
      </p>
      <ul class="results">
        {item.results.map((line) => (
          <li>
            <CheckState result={line.result} />
            <span>
              <Anchors seqs={(line.seqs ?? []).filter((seq) => seq !== item.seq)} />
              {Html.escapeHtml(visible(line.name))}
            </span>
            <small safe>{aboutLine(line)}</small>
          </li>
        ))}
        {item.running === null ? (
          ''
        ) : (
          <li>
            <State s="running" />
            <span safe>{item.running}</span>
          </li>
        )}
      </ul>
      {item.results.map((line) => (
        <CheckLog line={line} />
      ))}
    </>
  );
}

/** What the evidence of a verdict leads to. */
function Anchors({ seqs }: { seqs: readonly number[] }) {
  return (
    <>
      {seqs.map((seq) => (
        <span class="anchor" id={`e${seq}`}></span>
      ))}
    </>
  );
}

function aboutLine({ exit_code, duration_ms, counts, flaky, cached }: CheckLine): string {
  return [
    exit_code === null ? 'no exit code' : `exit ${exit_code}`,
    countsWord({ counts: counts ?? null }),
    cached === undefined ? duration(duration_ms / 1000) : `known from run #${cached}`,
    flaky ? 'flaky: decides nothing' : null,
  ]
    .filter((one) => one !== null)
    .join(', ');
}

/** A check's result; on the base itself `passed` and `failed` are drawn as what stays so. */
export function CheckState({ result }: { result: CheckLine['result'] }) {
  if (result === 'passed') return <State s="passes" word="passed" />;
  if (result === 'failed') return <State s="still_fails" word="fails" />;
  return <State s={result} />;
}

function CheckLog({ line }: { line: CheckLine }) {
  if (line.output.trim() === '') return '';
  return (
    <details class="fold">
      <summary safe>{`log of ${line.name}`}</summary>
      <p class="cmd">
        <code safe>{visible(line.command)}</code>
      </p>
      <OutputBlock output={outputOf(line.output)} />
    </details>
  );
}
