import { FileDiff } from './difftable';
import { editsOf } from './edits';
import { duration, plural } from './format';
import type { Item } from './items';
import { State } from './marks';
import { OutputBlock, outputOf } from './output';
import { visible } from './visible';

/** A tool's call: an edit as its diff, a command with its output, a reading folded away. */
export function ToolCall({ item }: { item: Extract<Item, { kind: 'tool' }> }) {
  const { result } = item;
  const edits = editsOf(item.arguments);
  const shown = item.output.head === '' && result !== null ? outputOf(result.output) : item.output;
  const ok = result?.ok ?? true;
  if (edits.length > 0 && ok) {
    return (
      <>
        {edits.map((file) => (
          <FileDiff file={file} maxRows={60} />
        ))}
        {result === null ? <small>{item.cut ? 'cut off' : 'on its way'}</small> : ''}
      </>
    );
  }
  const quiet = result !== null && ok && result.exit_code === undefined;
  return (
    <>
      <p class="cmd">
        <code safe>{visible(item.title)}</code>
        {result === null ? (
          item.cut ? (
            <State s="stopped" word="cut off" />
          ) : (
            <State s="running" />
          )
        ) : result.exit_code === undefined ? (
          ok ? (
            ''
          ) : (
            <State s="failed" word="refused" />
          )
        ) : (
          <State s={result.exit_code === 0 ? 'completed' : 'failed'} word={exitWord(result.exit_code)} />
        )}
        {result === null ? '' : <small safe>{duration(result.duration_ms / 1000)}</small>}
        {result?.truncated ? <small>cut for the model</small> : ''}
      </p>
      {quiet ? (
        <Quiet text={result.output} />
      ) : (
        <OutputBlock output={shown} live={result === null && !item.cut} />
      )}
    </>
  );
}

/** What reading tools answered: folded away, since it is the repository's own text. */
function Quiet({ text }: { text: string }) {
  if (text.trim() === '') return '';
  const lines = text.split('\n').length;
  if (lines <= 3) return <OutputBlock output={outputOf(text)} />;
  return (
    <details class="fold">
      <summary safe>{plural(lines, 'line')}</summary>
      <div class="out">
        <pre safe>{visible(text.length > 16_000 ? `${text.slice(0, 16_000)}\n…` : text)}</pre>
      </div>
    </details>
  );
}

function exitWord(code: number | null): string {
  return code === null ? 'killed' : `exit ${code}`;
}
