import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import { nameOf } from './compare-words';
import { isOver } from './runlist';

interface Props {
  run: Run;
  variation: Variation;
  /** Names this directive: sent twice, it is one. */
  token: string;
  /** What was typed, when it could not be sent. */
  typed?: { text: string; to: string } | undefined;
}

/**
 * The box for a directive, to one variation or to all. It stands outside of everything that the feed morphs, so that
 * nothing takes away what is being typed.
 */
export function Compose({ run, variation, token, typed }: Props) {
  const address = `/runs/${run.id}/directives`;
  const { status } = variation;
  const placeholder =
    status === 'paused'
      ? 'Tell the agent what to do differently when it is resumed'
      : isOver(status)
        ? 'Tell the agent what to do next: it takes its work up again'
        : 'Tell the agent what to do differently';
  return (
    <div class="compose" id="compose">
      <form action={address} method="post" hx-post={address} hx-swap="none" hx-disable="findAll button">
        <label class="vh" for="say">
          Directive
        </label>
        <textarea
          id="say"
          name="text"
          rows={typed ? '3' : '1'}
          required
          maxlength="20000"
          placeholder={placeholder}
        >
          {Html.escapeHtml(typed ? `\n${typed.text}` : '')}
        </textarea>
        <ComposeTo run={run} variation={variation} to={typed?.to} />
        <SayToken token={token} />
        <input type="hidden" name="v" value={String(variation.position)} />
        <button class="btn primary" type="submit">
          Send<kbd>⌘⏎</kbd>
        </button>
      </form>
    </div>
  );
}

/** A new one is sent along with the answer to a directive. */
export function SayToken({ token }: { token: string }) {
  return <input type="hidden" id="say-token" name="token" value={Html.escapeHtml(token)} />;
}

/** Who is told. All are those that are not over; one that is over takes its work up again when it is named. */
export function ComposeTo({
  run,
  variation,
  to,
}: {
  run: Run;
  variation: Variation;
  to?: string | undefined;
}) {
  const { position } = variation;
  const name = nameOf(variation);
  const several = run.variations.length > 1 && !isOver(run.status);
  if (!several) {
    return (
      <div class="seg fit" id="compose-to">
        <small class="alone">
          <input type="hidden" name="to" value={String(position)} />
          {Html.escapeHtml(`to ${name}`)}
        </small>
      </div>
    );
  }
  return (
    <div class="seg fit" id="compose-to" role="radiogroup" aria-label="Who is told">
      <label>
        <input type="radio" name="to" value={String(position)} checked={to !== 'all'} />
        <span safe>{name}</span>
      </label>
      <label>
        <input type="radio" name="to" value="all" checked={to === 'all'} />
        <span>All that are not over</span>
      </label>
    </div>
  );
}
