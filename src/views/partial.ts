import { escapeHtml } from '@kitajs/html';

/** How a fragment takes its place; see DESIGN.md's table of swaps. */
export type Swap = 'outerMorph' | 'outerHTML' | 'beforeend' | 'afterbegin' | 'delete';

/**
 * One place's new content in a message of a feed: htmx puts it there. `html` is a view's, so escaped already.
 *
 * htmx finds its own tags, and a head, by searching the text before it is parsed. A `<` in an attribute is harmless to
 * a parser, but one before `hx-` would be rewritten there into a tag with quotes that end the attribute.
 */
export function partial(target: string, swap: Swap, html: string): string {
  const inert = html.replace(/<(?=\/?hx-|\/?head[\s>])/gi, '&lt;');
  return `<hx-partial hx-target="${escapeHtml(target)}" hx-swap="${swap}">${inert}</hx-partial>`;
}
