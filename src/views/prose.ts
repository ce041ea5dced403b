import { escapeHtml } from '@kitajs/html';
import { visible } from './visible';

/** What an agent writes, as safe HTML: `code` in backticks becomes code, fences become blocks, line breaks stay. */
export function prose(text: string): string {
  return text
    .split(/^```.*$/m)
    .map((part, i) =>
      i % 2 === 1
        ? `<pre class="out"><code>${escapeHtml(visible(part.replace(/^\n|\n$/g, '')))}</code></pre>`
        : paragraphs(part),
    )
    .join('');
}

/** One line of it, without blocks. */
export function inlineProse(text: string): string {
  return text
    .split(/`([^`\n]+)`/)
    .map((part, i) => {
      const safe = escapeHtml(visible(part));
      return i % 2 === 1 ? `<code>${safe}</code>` : safe.replace(/\*\*([^*\n]+)\*\*/g, '<b>$1</b>');
    })
    .join('');
}

function paragraphs(text: string): string {
  return text
    .split(/\n{2,}/)
    .filter((part) => part.trim() !== '')
    .map((part) => `<p class="said">${inlineProse(part.trim())}</p>`)
    .join('');
}
