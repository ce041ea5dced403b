import { clean, Fault, type Place } from './faults';

/** More than any answer: what a hostile or broken server may send before it is cut off. */
const maxAnswerBytes = 64 * 2 ** 20;
const maxErrorBytes = 2 ** 20;

/**
 * `fetch` for an SDK: follows no redirect (a key in a header would go along), tells of every byte that comes, keeps
 * its own time-outs off, bounds what is read, and refuses at once a success that is no event stream.
 */
export function watchedFetch(place: Place, heard: () => void) {
  return async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const options: BunFetchRequestInit = { ...init, redirect: 'manual', timeout: false };
    const response = await fetch(input, options);
    if (!response.body) return response;
    const body = response.body.pipeThrough(
      watch(response.ok ? maxAnswerBytes : maxErrorBytes, place, response.ok ? heard : () => {}),
    );
    const watched = new Response(body, { status: response.status, headers: response.headers });
    if (response.ok) await refuseOtherThanStream(watched, place);
    return watched;
  };
}

function watch(limit: number, place: Place, heard: () => void): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > limit) {
        controller.error(
          new Fault('model_unavailable', `${place.name} sent more than ${limit / 2 ** 20} MB`),
        );
        return;
      }
      heard();
      controller.enqueue(chunk);
    },
  });
}

/** Not tried again: a proxy's sign-in page, or a `base_url` of something else, stays what it is. */
async function refuseOtherThanStream(response: Response, place: Place): Promise<void> {
  const type = response.headers.get('content-type')?.toLowerCase() ?? '';
  if (type.includes('text/html')) {
    await response.body?.cancel();
    const remedy = 'is base_url right, and no proxy in between?';
    throw new Fault(
      'model_unavailable',
      `${place.name} answered with an HTML page instead of a model's answer: ${remedy}`,
    );
  }
  if (type.includes('application/json')) {
    const head = await readHead(response);
    throw new Fault(
      'model_unavailable',
      `${place.name} answered with JSON instead of a stream: ${clean(head, place.secrets)}`,
    );
  }
}

async function readHead(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (reader && text.length < 2000) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return text;
}
