import { Html } from '@kitajs/html';
import type { Comment } from './compare-facts';
import { ago, moment } from './format';
import { partial } from './partial';
import { prose } from './prose';
import { visible } from './visible';

/** A comment on a line: a directive with its place. */
export function CommentVoice({ comment, now }: { comment: Comment; now: Date }) {
  const { position, path, line, text, created_at } = comment;
  const place = `${(path ?? '').split('/').at(-1)}${line === null ? '' : `:${line}`}`;
  return (
    <div class="voice" data-to={String(position)} data-line={line === null ? undefined : String(line)}>
      {prose(text) as 'safe'}
      <small>
        {Html.escapeHtml(`To ${position}, `)}
        <code safe>{visible(place)}</code> ·{' '}
        <time datetime={created_at} title={moment(created_at)} safe>
          {ago(created_at, now)}
        </time>{' '}
        <CommentRead comment={comment} />
      </small>
    </div>
  );
}

/** Whether it was read by whom it is for: kept up to date by the page's feed. */
export function CommentRead({ comment: { id, position, delivered_at } }: { comment: Comment }) {
  return (
    <span id={commentRead(id)}>
      {delivered_at === null ? `· ${position} reads it at its next turn` : '· read'}
    </span>
  );
}

/** Where `CommentRead` of a comment stands on its page. */
export function commentRead(id: number): string {
  return `comment-${id}-read`;
}

/** It right below its line. */
export function CommentRow({ comment, now, columns }: { comment: Comment; now: Date; columns: number }) {
  return (
    <tr class="note">
      <td colspan={columns}>
        <CommentVoice comment={comment} now={now} />
      </td>
    </tr>
  );
}

/** A comment that could not be sent. */
export interface CommentTyped {
  path: string;
  line: string;
  text: string;
}

interface FormProps {
  run: number;
  /** The file's on its page. */
  id: string;
  path: string;
  /** Who may be told: the right side first, then the left one where that is no base. */
  sides: readonly number[];
  token: string;
  /** Where the page comes back to without script. */
  back: string;
  highest: number | null;
  typed?: CommentTyped | undefined;
}

/**
 * Tells a variation something of one of its lines, which starts its next iteration. One for each file; a script takes
 * it to the line that is meant.
 */
export function CommentForm({ run, id, path, sides, token, back, highest, typed }: FormProps) {
  const address = `/runs/${run}/directives`;
  return (
    <details class="say-line" id={`${id}-say`} open={typed !== undefined}>
      <summary>Comment on a line</summary>
      <form
        class="form"
        action={address}
        method="post"
        hx-post={address}
        hx-swap="none"
        hx-disable="findAll button"
      >
        <input type="hidden" name="path" value={Html.escapeHtml(path)} />
        <input type="hidden" name="back" value={Html.escapeHtml(back)} />
        <CommentToken id={id} token={token} />
        <div class="line">
          <label for={`${id}-line`}>Line</label>
          <input
            id={`${id}-line`}
            name="line"
            type="number"
            min="1"
            max={highest === null ? undefined : String(highest)}
            inputmode="numeric"
            required
            value={typed === undefined ? undefined : Html.escapeHtml(typed.line)}
          />
        </div>
        <label class="vh" for={`${id}-text`}>
          Comment
        </label>
        <textarea
          id={`${id}-text`}
          name="text"
          rows="1"
          required
          maxlength="20000"
          placeholder="Add a comment on this line"
        >
          {Html.escapeHtml(typed?.text ?? '')}
        </textarea>
        <div class="btns">
          {sides.map((side, i) => (
            <button
              class={i === 0 ? 'btn small primary' : 'btn small'}
              type="submit"
              name="to"
              value={String(side)}
            >
              {Html.escapeHtml(`Send to ${side}`)}
            </button>
          ))}
        </div>
      </form>
    </details>
  );
}

/** Names the next comment on this file, so that sent twice it is one; a new one comes with the answer. */
export function CommentToken({ id, token }: { id: string; token: string }) {
  return <input type="hidden" id={`${id}-token`} name="token" value={Html.escapeHtml(token)} />;
}

/** The answer to a comment that was sent: below its file, whence a script takes it to its line; with the token of the next one. */
export function SentComment({
  comment,
  id,
  token,
  now,
}: {
  comment: Comment;
  id: string;
  token: string;
  now: Date;
}) {
  const voice = (<CommentVoice comment={comment} now={now} />) as string;
  const next = (<CommentToken id={id} token={token} />) as string;
  return `${partial(`#${id}-notes`, 'beforeend', voice)}\n${partial(`#${id}-token`, 'outerHTML', next)}`;
}
