/**
 * The shapes of marks and icons, 16 × 16: inlined once a page and used by `<use href="#…">`. `s-` is a status, `r-` a
 * check's result, `l-` a level, `i-` an icon. All of them go with every page, since a live page grows new ones.
 */
const shapes: readonly (readonly [id: string, drawn: 'line' | 'solid', content: string])[] = [
  [
    'brand',
    'solid',
    '<path d="M1.5 13.5V9.7a2 2 0 0 1 4 0v3.8ZM10.5 13.5V8.2a2 2 0 0 1 4 0v5.3Z" opacity=".5"/><path d="M6 13.5V4.2a2 2 0 0 1 4 0v9.3Z"/>',
  ],
  ['i-box', 'line', '<path d="M8 2l5.5 3v6L8 14l-5.5-3V5ZM2.7 5.1 8 8l5.3-2.900M8 8v6"/>'],
  ['i-check', 'line', '<path d="M2.75 8.5 6.3 12l7-7.5"/>'],
  ['i-close', 'line', '<path d="M4 4l8 8M12 4l-8 8"/>'],
  [
    'i-columns',
    'line',
    '<rect x="2.25" y="3" width="11.5" height="10" rx="1.5"/><path d="M6.1 3v10M9.9 3v10"/>',
  ],
  ['i-down', 'line', '<path d="M8 3v9.500M4 8.750l4 4 4-4"/>'],
  ['i-edit', 'line', '<path d="M3 13h2.200l7.3-7.3-2.2-2.200L3 10.800Z"/>'],
  ['i-flag', 'line', '<path d="M4 14V2.750h8.500L10.25 6l2.25 3.250H4"/>'],
  [
    'i-fork',
    'line',
    '<circle cx="4" cy="3.5" r="1.5"/><circle cx="12" cy="3.5" r="1.5"/><circle cx="8" cy="12.5" r="1.5"/><path d="M4 5v1.2c0 1.4 4 1.4 4 3.2M12 5v1.2c0 1.4-4 1.4-4 3.2V11"/>',
  ],
  [
    'i-land',
    'line',
    '<path d="M8 2.500v6.500M4.75 6 8 9.25 11.25 6M2.5 10.500v1.500a1.5 1.5 0 0 0 1.5 1.500h8a1.5 1.5 0 0 0 1.5-1.500v-1.5"/>',
  ],
  ['i-menu', 'line', '<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>'],
  ['i-model', 'line', '<rect x="3" y="3" width="10" height="10" rx="2.5"/><path d="M6 8h4M8 6v4"/>'],
  ['i-more', 'line', '<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.25"/>'],
  ['i-pause', 'line', '<path d="M5.25 3.5v9M10.75 3.5v9" stroke-width="2"/>'],
  ['i-pin', 'line', '<path d="M8 2 12.5 8 8 14 3.5 8Z"/>'],
  ['i-plan', 'line', '<path d="M2.5 4.300l1 1 1.8-2M2.5 10.800l1 1 1.8-2M8 4.500h5.500M8 11h5.5"/>'],
  ['i-play', 'line', '<path d="M5 3.250v9.500L12.500 8Z"/>'],
  ['i-plus', 'line', '<path d="M8 3v10M3 8h10"/>'],
  ['i-restore', 'line', '<path d="M3 5.5h6.5a3.5 3.5 0 0 1 0 7H6M5.5 3 3 5.5 5.5 8"/>'],
  ['i-retry', 'line', '<path d="M13 8a5 5 0 1 1-1.6-3.7L13 5.8M13 2.6v3.2H9.8"/>'],
  ['i-run', 'line', '<path d="M3 4.5 6.5 8 3 11.500M8.5 11.500H13"/>'],
  ['i-save', 'line', '<path d="M8 2.500v7.500M4.75 7 8 10.25 11.25 7M3 13.500h10"/>'],
  ['i-say', 'line', '<path d="M3 3h10v7.500H8L5 13v-2.500H3Z"/>'],
  ['i-search', 'line', '<circle cx="7" cy="7" r="4.25"/><path d="M10.3 10.3 13.5 13.5"/>'],
  ['i-stop', 'line', '<rect x="3.75" y="3.75" width="8.5" height="8.5" rx="1"/>'],
  ['i-think', 'line', '<path d="M2.5 8c1.2-3 3-3 4 0s2.6 3 3.7 0 2.3-3 3.3 0"/>'],
  ['l-bad', 'solid', '<path d="M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5Z"/>'],
  ['l-good', 'solid', '<circle cx="8" cy="8" r="4.5"/>'],
  ['l-off', 'line', '<circle cx="8" cy="8" r="4"/>'],
  [
    'l-warn',
    'solid',
    '<path d="M8 1.75 15 14H1Z" stroke="currentColor" stroke-linejoin="round" stroke-width="1"/>',
  ],
  [
    'r-broken',
    'solid',
    '<path fill-rule="evenodd" d="M8 1.25a6.75 6.75 0 1 0 0 13.5 6.75 6.75 0 0 0 0-13.5ZM8 12.1 4.3 8.3l1.2-1.2 1.65 1.7V3.9h1.7v4.9l1.65-1.7 1.2 1.2Z"/>',
  ],
  ['r-could_not_run', 'line', '<circle cx="8" cy="8" r="5.75"/><path d="M4.2 11.8l7.6-7.6"/>'],
  [
    'r-fixed',
    'solid',
    '<path fill-rule="evenodd" d="M8 1.25a6.75 6.75 0 1 0 0 13.5 6.75 6.75 0 0 0 0-13.5ZM8 3.9l3.7 3.8-1.2 1.2-1.65-1.7v4.9h-1.7V7.2L5.5 8.9 4.3 7.7Z"/>',
  ],
  ['r-passes', 'line', '<path d="M3 8.6l3.3 3.3L13 4.6" stroke-width="2"/>'],
  ['r-still_fails', 'line', '<path d="M4.25 4.25l7.5 7.5M11.75 4.25l-7.5 7.5" stroke-width="1.75"/>'],
  [
    's-awaiting_approval',
    'solid',
    '<path d="M8 .9 15.1 8 8 15.1.9 8Z" stroke="currentColor" stroke-width="1" stroke-linejoin="round"/>',
  ],
  [
    's-completed',
    'solid',
    '<path fill-rule="evenodd" d="M8 1.25a6.75 6.75 0 1 0 0 13.5 6.75 6.75 0 0 0 0-13.5ZM4 8.3l1.3-1.3 1.8 1.8 3.7-3.7 1.3 1.3-5 5Z"/>',
  ],
  ['s-failed', 'line', '<path d="M3.5 3.5l9 9M12.5 3.5l-9 9" stroke-width="2.75"/>'],
  [
    's-needs_review',
    'line',
    '<path d="M8 2 14.75 13.75H1.25Z"/><path d="M8 6.4v3.2M8 11.6v.1" stroke-width="1.75"/>',
  ],
  [
    's-paused',
    'solid',
    '<rect x="3.5" y="2.5" width="3.25" height="11" rx="1"/><rect x="9.25" y="2.5" width="3.25" height="11" rx="1"/>',
  ],
  [
    's-pending',
    'line',
    '<circle cx="8" cy="8" r="5.75" stroke-dasharray="1.6 2.93" stroke-linecap="butt" stroke-width="1.75"/>',
  ],
  ['s-queued', 'line', '<circle cx="8" cy="8" r="5.75"/>'],
  [
    's-running',
    'line',
    '<circle cx="8" cy="8" r="5.75" opacity=".28" stroke-width="2"/><path d="M8 2.25A5.75 5.75 0 0 1 13.75 8" stroke-width="2.25"/><circle cx="8" cy="8" r="1.6" fill="currentColor" stroke="none"/>',
  ],
  ['s-stopped', 'solid', '<rect x="3" y="3" width="10" height="10" rx="1.5"/>'],
  [
    's-winner',
    'solid',
    '<path d="M5.2 9.6 3.9 15l2.6-1.3L8 15.4l1.5-1.7 2.6 1.3-1.3-5.4Z" opacity=".55"/><path fill-rule="evenodd" d="M8 .5l1.5 1.1 1.9-.1.6 1.8 1.6 1.1-.7 1.8.7 1.8-1.6 1.1-.6 1.8-1.9-.1L8 11.9l-1.5-1.1-1.9.1L4 9.1 2.4 8l.7-1.8-.7-1.8L4 3.3l.6-1.8 1.9.1ZM8 4a2.2 2.2 0 1 0 0 4.4A2.2 2.2 0 0 0 8 4Z"/>',
  ],
];

const paint = {
  line: 'fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"',
  solid: 'fill="currentColor"',
};

export const sprite = `<svg class="sprite" aria-hidden="true" width="0" height="0">${shapes
  .map(([id, drawn, content]) => `<symbol id="${id}" viewBox="0 0 16 16" ${paint[drawn]}>${content}</symbol>`)
  .join(
    '',
  )}<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0v5"/></pattern></svg>`;

/** One shape as an image of its own, for the favicon, in a colour of either theme. */
export function iconOf(id: string, colour: string): string {
  const shape = shapes.find(([name]) => name === id) ?? shapes[0];
  if (!shape) return 'data:,';
  const [, drawn, content] = shape;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" ${paint[drawn]}>${content}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg.replaceAll('currentColor', colour))}`;
}
