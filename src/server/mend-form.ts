import { Elysia } from 'elysia';
import { BakeoffError, invalid } from '../core/errors';
import { mend } from '../core/mend';
import { requireBytes } from './body';
import { answer } from './form-answer';
import { readId } from './query';
import type { Services } from './services';

/** As the API's limit. */
const patchBytes = 4_000_000;

/** The page's form for a person's mended patch: `PUT …/variations/:position/patch` for a browser. */
export function mendForm(services: Services) {
  return new Elysia({ name: 'mend-form', detail: { hide: true } }).post(
    '/runs/:id/variations/:position/mend',
    async ({ params, request }) => {
      const [id, position] = [readId(params.id), readId(params.position)];
      const text = await readPatch(request);
      const form = new URLSearchParams({ v: String(position) });
      return answer(services, request, { id, verb: 'mend', form, mended: { position, text } }, () => {
        if (text.trim() === '') throw invalid('patch', 'There is no patch: the box is empty.');
        requireBytes('patch', text, patchBytes);
        return mend(services.database, id, position, text);
      });
    },
    { parse: 'none' },
  );
}

/** Browsers send line breaks as CRLF; a patch keeps all else, its last line break too. */
async function readPatch(request: Request): Promise<string> {
  try {
    const patch = (await request.formData()).get('patch');
    return typeof patch === 'string' ? patch.replaceAll('\r\n', '\n') : '';
  } catch {
    throw new BakeoffError('unreadable', 'What was sent is no form', 400);
  }
}
