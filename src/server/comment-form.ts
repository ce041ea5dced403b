import { randomUUID } from 'node:crypto';
import { direct } from '../core/directive';
import { BakeoffError, invalid } from '../core/errors';
import { cleanText } from '../core/text';
import { SentComment } from '../views/comment';
import { partial } from '../views/partial';
import { Toast } from '../views/toast';
import { requireBytes } from './body';
import { enqueue } from './enqueue';
import { parts } from './form-answer';
import { searchOf, textOf, whole } from './form-fields';
import { lead, type Place } from './lead';
import { ownPath, takesParts } from './page-shell';
import type { Services } from './services';
import { idempotencyOf } from './start-run';

/**
 * A comment on a line of a diff, sent to the variation that wrote it as a directive with its place: it goes on with it,
 * also when it was over.
 */
export async function commented(
  services: Services,
  request: Request,
  id: number,
  form: URLSearchParams,
): Promise<Response> {
  const { database } = services;
  const token = form.get('token') ?? '';
  const tell = async () => {
    const told = readComment(form);
    const [directive] = await direct(database, id, told, idempotencyOf(token === '' ? null : token, told));
    return directive;
  };
  if (takesParts(request)) {
    // Its file's place on the page stands at the end of the token.
    const file = /-(f\d{1,4})$/.exec(token)?.[1];
    if (file === undefined) throw invalid('token', 'This form is from no page of this service.');
    try {
      const comment = await tell();
      await enqueue(services, id);
      const next = { id: file, token: `${randomUUID()}-${file}`, now: new Date() };
      return parts(comment ? SentComment({ comment, ...next }) : '', { 'hx-trigger': 'directive-sent' });
    } catch (error) {
      if (!(error instanceof BakeoffError) || error.status >= 500) throw error;
      const problem = { strong: `Could not tell run #${id} that.`, rest: error.message };
      return parts(partial('#toasts', 'beforeend', await Toast({ level: 'bad', ...problem })));
    }
  }
  const back = ownPath(form.get('back') ?? '/');
  const typed = { path: form.get('path') ?? '', line: form.get('line') ?? '', text: textOf(form, 'text') };
  const asked = { id, verb: 'comment on', place: placeIn(back), typed: { commented: typed } };
  return lead(services, request, asked, async () => {
    await tell();
    return back;
  });
}

/** @throws BakeoffError 422 naming the field */
function readComment(form: URLSearchParams) {
  const text = textOf(form, 'text');
  const path = cleanText(form.get('path') ?? '');
  if (text === '') throw invalid('text', 'Say what the agent is to hear.');
  requireBytes('text', text, 20_000);
  if (path === '' || path.length > 4000) throw invalid('path', 'That is the path of no file.');
  const line = whole(form.get('line'));
  if (line < 1) throw invalid('line', 'Lines are counted from 1.');
  return { text, variations: [whole(form.get('to'))], path, line };
}

function placeIn(back: string): Place {
  return { page: 'compare', search: searchOf(new URL(back, 'http://page').href) };
}
