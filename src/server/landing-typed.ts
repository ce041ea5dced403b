import type { LandingMode } from '../../drizzle/schema';
import type { LandTyped } from '../views/sheet-land';
import { textOf } from './form-fields';

/** The landing dialog's fields as they were typed, in a form or an address. */
export function typedOf(form: URLSearchParams): LandTyped {
  return {
    mode: form.get('mode') ?? '',
    target: textOf(form, 'target').slice(0, 500),
    title: textOf(form, 'title').slice(0, 500),
    labels: textOf(form, 'labels').slice(0, 2000),
    squash: form.get('squash') !== 'no',
    checkout: form.has('checkout'),
  };
}

/**
 * The same as a body of the API. Fields of another mode than the chosen one are as if they were not there: they are shown
 * for all; so is a title where only the agent's steps go out.
 */
export function bodyOf(mode: LandingMode, typed: LandTyped) {
  const { target, title, labels, squash, checkout } = typed;
  const said = labels.split(',').map((label) => label.trim());
  const named = said.filter((label) => label !== '');
  return {
    ...{ mode, squash },
    ...(target === '' ? {} : { target }),
    ...(title !== '' && (squash || mode === 'pull_request') ? { title } : {}),
    ...(mode === 'pull_request' && named.length > 0 ? { labels: named } : {}),
    ...(mode === 'merge' && checkout ? { checkout } : {}),
  };
}
