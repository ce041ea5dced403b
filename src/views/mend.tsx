import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import { bytes } from './format';
import { Icon, Mark } from './marks';
import { visible } from './visible';

interface Props {
  run: Run;
  variation: Variation;
  /** What a person handed in, when it could not be taken. */
  typed?: string | undefined;
}

/** Of the reasons, and of the answer as it is shown for reading; the form has all of the answer. */
const shown = { reasons: 8_000, answer: 60_000 };

/**
 * What a variation that needs review lacks, and the form for a person's own patch. Sent again when it begins or ceases
 * to be asked for; what is being typed stays.
 */
export function Mend({ run, variation, typed }: Props) {
  const { status, error, result, position } = variation;
  if (status !== 'needs_review' && typed === undefined) return <section id="mend" hidden></section>;
  const rejected = error?.code === 'patch_rejected';
  const form = <MendForm run={run} position={position} patch={typed ?? (rejected ? (result ?? '') : '')} />;
  return (
    <section class="panel mend" id="mend" aria-labelledby="mend-h">
      <header>
        <h2 id="mend-h">
          <Mark s="needs_review" />
          {rejected ? 'Its patch could not be applied' : 'It needs your review'}
        </h2>
        {error ? <code>{Html.escapeHtml(error.code)}</code> : ''}
      </header>
      <div class="pad">
        {error ? (
          <div class="out">
            <pre safe>{readable(error.message, shown.reasons)}</pre>
          </div>
        ) : (
          ''
        )}
        {rejected && result !== null && result !== '' ? <Answer text={result} /> : ''}
        {rejected || typed !== undefined ? (
          form
        ) : (
          <details class="more">
            <summary>
              <span>Hand in a patch of your own</span>
              <small>instead of what the agent did</small>
            </summary>
            {form}
          </details>
        )}
      </div>
    </section>
  );
}

function Answer({ text }: { text: string }) {
  return (
    <details class="fold">
      <summary safe>{`What could not be applied, ${bytes(Buffer.byteLength(text))}`}</summary>
      <div class="out">
        <pre>
          <code safe>{readable(text, shown.answer)}</code>
        </pre>
      </div>
    </details>
  );
}

/** An ordinary POST, in parts, since those do not make a patch longer than it is. */
function MendForm({ run, position, patch }: { run: Run; position: number; patch: string }) {
  return (
    <form
      class="form"
      id="mend-form"
      action={`/runs/${run.id}/variations/${position}/mend`}
      method="post"
      enctype="multipart/form-data"
      hx-morph-skip
    >
      <div class="field">
        <label for="mend-patch">
          Your patch{' '}
          <small>a diff, search/replace blocks, “*** Begin Patch” or whole files; up to 4 MB</small>
        </label>
        <textarea id="mend-patch" name="patch" rows="8" required spellcheck="false" autocapitalize="off">
          {Html.escapeHtml(patch === '' ? '' : `\n${patch.replace(/\r\n?/g, '\n')}`)}
        </textarea>
      </div>
      <p class="muted">
        It is applied to the base and checked like any other; no model is asked. To let the agent try again
        instead, use Retry….
      </p>
      <div class="btns">
        <button class="btn primary" type="submit">
          <Icon i="check" />
          Apply and check it
        </button>
      </div>
    </form>
  );
}

function readable(text: string, most: number): string {
  const trimmed = text.replace(/\r\n?/g, '\n').trimEnd();
  return trimmed.length <= most ? visible(trimmed) : `${visible(trimmed.slice(0, most))}\n… cut here`;
}
