import type { Children } from '@kitajs/html';
import { Html } from '@kitajs/html';
import { StartDialog } from './form';
import { favicon, Icon, LevelMark } from './marks';
import type { Shell } from './shell';
import { sprite } from './sprite';
import { StatusBar } from './status';

interface Props {
  shell: Shell;
  title: string;
  /** The status that the tab shows as its icon. */
  status?: string | null;
  /** False for people who are not let in: no form, no links to what they cannot see. */
  signedIn?: boolean;
  /** A dialog that the page is to begin with. */
  sheet?: JSX.Element | undefined;
  children?: Children;
}

/** The frame of every page. */
export function Layout({ shell, title, status = null, signedIn = true, sheet, children }: Props) {
  return (
    <>
      {'<!doctype html>'}
      <html lang="en" data-theme={shell.theme ?? undefined}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="referrer" content="same-origin" />
          <meta name="htmx-config" content={htmxConfig} />
          <title safe>{`${title} · Bakeoff`}</title>
          <link id="icon" rel="icon" href={favicon(status)} />
          <link rel="stylesheet" href={shell.assets.css} />
          <script src={shell.assets.htmx} defer></script>
          <script src={shell.assets.sse} defer></script>
          <script src={shell.assets.keys} defer></script>
        </head>
        <body>
          {sprite as 'safe'}
          <a class="skip" href="#main">
            Skip to the content
          </a>
          {signedIn ? <Top shell={shell} /> : <Brand />}
          {signedIn ? <StatusBar health={shell.health} /> : ''}
          <main class="page" id="main" tabindex="-1">
            {children as 'safe'}
          </main>
          <div id="sheet">{(sheet ?? '') as 'safe'}</div>
          {signedIn ? <Away /> : ''}
          {signedIn ? <StartDialog shell={shell} /> : ''}
          {signedIn ? <KeysDialog /> : ''}
        </body>
      </html>
    </>
  );
}

/** Shown by keys.js while the feed is away. */
function Away() {
  return (
    <div class="toasts" id="toasts" role="status" aria-live="polite">
      <div class="toast" id="away" hidden>
        <LevelMark l="warn" />
        <div>
          The live feed is away<small>It is being tried again; the runs go on without it.</small>
        </div>
      </div>
      <div class="toast" id="unsent" hidden>
        <LevelMark l="bad" />
        <div>
          That did not reach the service<small>Nothing was changed by it. Try again in a while.</small>
        </div>
        <div class="btns">
          <button class="btn quiet small icon" type="button" data-dismiss="true" aria-label="Dismiss">
            <Icon i="close" />
          </button>
        </div>
      </div>
    </div>
  );
}

/** `noSwap`: an error's body must never become part of a page. `open`: a morph must not fold what a person unfolded. */
const htmxConfig = JSON.stringify({
  noSwap: [204, 304, '4xx', '5xx'],
  morphIgnore: ['data-htmx-powered', 'open'],
  includeIndicatorCSS: false,
  history: false,
});

function Brand() {
  return (
    <header class="top">
      <a class="brand" href="/">
        <svg aria-hidden="true">
          <use href="#brand" />
        </svg>
        Bakeoff
      </a>
    </header>
  );
}

function Top({ shell }: { shell: Shell }) {
  return (
    <header class="top">
      <a class="brand" href="/">
        <svg aria-hidden="true">
          <use href="#brand" />
        </svg>
        Bakeoff
      </a>
      <nav class="nav" id="nav" aria-label="Pages" popover="auto">
        <ul>
          <li>
            <a href="/" aria-current={/^\/(\?|$)/.test(shell.path) ? 'page' : undefined}>
              Runs
            </a>
          </li>
          <li>
            <a href="/projects" aria-current={/^\/projects/.test(shell.path) ? 'page' : undefined}>
              Projects
            </a>
          </li>
          <li>
            <a href="/stats" aria-current={/^\/stats/.test(shell.path) ? 'page' : undefined}>
              Statistics
            </a>
          </li>
          <li>
            <a href="/settings" aria-current={/^\/settings/.test(shell.path) ? 'page' : undefined}>
              Settings
            </a>
          </li>
          <li>
            <a href="/queues">Queue</a>
          </li>
          <li>
            <a href="/docs">API</a>
          </li>
        </ul>
      </nav>
      <search class="find">
        <form action="/">
          <label class="vh" for="q">
            Search runs by name or goal
          </label>
          <Icon i="search" />
          <input id="q" type="search" name="q" placeholder="Search" autocomplete="off" maxlength="200" />
          <kbd>/</kbd>
        </form>
      </search>
      <button class="btn primary" type="button" command="show-modal" commandfor="new-run">
        <Icon i="plus" />
        New run<kbd>n</kbd>
      </button>
      <button class="btn who" type="button" popovertarget="me" aria-label="Theme and keys">
        View
      </button>
      <div class="menu" id="me" popover="auto">
        <button type="button" command="show-modal" commandfor="keys">
          Keys<kbd>?</kbd>
        </button>
        <form action="/theme" method="post">
          <input type="hidden" name="back" value={Html.escapeHtml(shell.path)} />
          <fieldset class="seg" aria-label="Theme">
            {(['', 'light', 'dark'] as const).map((theme) => (
              <button
                type="submit"
                name="theme"
                value={theme}
                aria-current={(shell.theme ?? '') === theme ? 'true' : undefined}
              >
                {theme === '' ? 'Auto' : theme === 'light' ? 'Light' : 'Dark'}
              </button>
            ))}
          </fieldset>
        </form>
      </div>
      <button class="btn quiet icon menu-open" type="button" popovertarget="nav" aria-label="Menu">
        <Icon i="menu" />
      </button>
    </header>
  );
}

const keys: [heading: string, rows: [keys: string[], does: string][]][] = [
  [
    'Everywhere',
    [
      [['?'], 'this list'],
      [['n'], 'new run'],
      [['/'], 'search'],
      [['g', 'h'], 'runs'],
      [['g', 'p'], 'projects'],
      [['g', 's'], 'statistics'],
      [['Esc'], 'close'],
    ],
  ],
  [
    'Lists',
    [
      [['j', 'k'], 'next, previous run'],
      [['Enter'], 'open'],
      [['a', 'd'], 'approve, deny what waits'],
    ],
  ],
  [
    'A run',
    [
      [['1', '9'], 'variation, first to ninth'],
      [['j', 'k'], 'next, previous event'],
      [['c'], 'events, changes'],
      [['f'], 'follow the newest event'],
      [['e'], 'unfold, fold'],
      [['i'], 'directive'],
      [['p'], 'pause, resume'],
      [['a', 'd'], 'approve, deny'],
    ],
  ],
  [
    'Compare',
    [
      [['h', 'l'], 'previous, next variation'],
      [['J', 'K'], 'next, previous file'],
      [['j', 'k'], 'next, previous hunk'],
      [['Space'], 'take the hunk'],
      [['m'], 'comment on the line'],
      [['u'], 'unified, split'],
      [['w'], 'pick as winner'],
    ],
  ],
];

function KeysDialog() {
  return (
    <dialog id="keys" class="sheet wide" aria-labelledby="keys-h">
      <header>
        <h2 id="keys-h">Keys</h2>
        <button class="btn quiet icon" type="button" command="close" commandfor="keys" aria-label="Close">
          <Icon i="close" />
        </button>
      </header>
      <div class="keys">
        {keys.map(([heading, rows]) => (
          <section>
            <h3 safe>{heading}</h3>
            <dl>
              {rows.map(([names, does]) => (
                <div>
                  <dt>
                    {names.map((key) => (
                      <>
                        <kbd safe>{key}</kbd>{' '}
                      </>
                    ))}
                  </dt>
                  <dd safe>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <label class="tick">
          <input type="checkbox" id="keys-on" checked /> Single keys are on
        </label>
      </div>
    </dialog>
  );
}
