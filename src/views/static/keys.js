// Single keys, following, and small mending. Everything here is also a visible control; without this file the pages
// read and work. No evaluation of strings, nothing from elsewhere.

(() => {
  const byId = (id) => document.getElementById(id);

  // Dialogs in browsers that do not know `command` yet.
  if (!('commandForElement' in HTMLButtonElement.prototype)) {
    document.addEventListener('click', (event) => {
      const button = event.target.closest?.('button[commandfor]');
      const dialog = button && byId(button.getAttribute('commandfor'));
      if (!dialog) return;
      if (button.getAttribute('command') === 'show-modal' && !dialog.open) dialog.showModal();
      if (button.getAttribute('command') === 'close') dialog.close();
    });
  }

  // A filter that is changed is applied; the button beside it is for those without script.
  for (const form of document.querySelectorAll('form.filters')) {
    form.querySelector('button')?.setAttribute('hidden', '');
    form.addEventListener('change', () => form.requestSubmit());
  }

  // A dialog that was sent open is made modal, and goes when it is closed.
  const sheet = byId('sheet');
  const raise = () => {
    const dialog = sheet?.querySelector('dialog[data-modal]');
    if (!dialog || dialog.matches(':modal')) return;
    dialog.removeAttribute('open');
    dialog.addEventListener('close', () => dialog.remove(), { once: true });
    dialog.showModal();
    dialog.querySelector('[autofocus]')?.focus();
  };
  if (sheet) {
    raise();
    new MutationObserver(raise).observe(sheet, { childList: true });
  }
  document.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest?.('a[data-close]');
    const dialog = link?.closest('dialog');
    if (dialog?.matches(':modal')) {
      event.preventDefault();
      dialog.close();
    }
    const toast = event.target.closest?.('[data-dismiss]')?.closest('.toast');
    // One that has a name is the page's own, to be shown again.
    if (toast?.id) toast.hidden = true;
    else toast?.remove();
  });

  // What went well is said for 8 s, longer while it is looked at; what went wrong until it is dismissed.
  const toasts = byId('toasts');
  const fade = (toast) => {
    if (toast.matches(':hover, :focus-within')) setTimeout(fade, 2000, toast);
    else toast.remove();
  };
  if (toasts) {
    new MutationObserver((changes) => {
      for (const change of changes)
        for (const node of change.addedNodes)
          if (node.matches?.('.toast[data-fades]')) setTimeout(fade, 8000, node);
    }).observe(toasts, { childList: true });
  }
  // A form that did not reach the service, or that it could not answer.
  const unsent = (event) => {
    const method = event.detail?.ctx?.request?.method;
    if (method && method !== 'GET') byId('unsent')?.removeAttribute('hidden');
  };
  document.addEventListener('htmx:response:error', unsent);
  document.addEventListener('htmx:error', unsent);

  // A directive that was taken is taken out of its box, unless it was written on meanwhile.
  const say = byId('say');
  if (say) {
    let sent = null;
    say.form.addEventListener('submit', () => {
      sent = say.value;
    });
    document.addEventListener('directive-sent', () => {
      if (say.value === sent) say.value = '';
      sent = null;
    });
    say.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      say.form.requestSubmit();
    });
  }

  // A form is sent once.
  document.addEventListener('submit', (event) => {
    const form = event.target;
    // Those that a script sends are kept from being sent twice by their buttons.
    if (form.method !== 'post' || form.hasAttribute('hx-post')) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = '1';
    setTimeout(() => delete form.dataset.sent, 3000);
  });

  // Single keys can be switched off (WCAG 2.1.4); the choice stays in this browser.
  const stored = (value) => {
    try {
      if (value === undefined) return localStorage.getItem('keys');
      localStorage.setItem('keys', value);
    } catch {}
    return null;
  };
  let on = stored() !== 'off';
  const box = byId('keys-on');
  if (box) {
    box.checked = on;
    box.addEventListener('change', () => {
      on = box.checked;
      stored(on ? 'on' : 'off');
    });
  }

  // Comparing. Boxes all over the page belong to the form that makes a graft of what they take.
  const compare = byId('compare');
  const hunks = '.diff tbody:has(> .hunk)';
  const taken = () => [...new FormData(byId('graft'))].filter(([name]) => name === 'hunk' || name === 'file');
  const go = () => byId('graft').requestSubmit(byId('show'));
  // A file's comment form goes to the line that is meant, and back below the file when it is left.
  const commentOf = (file) => file.querySelector('form[action$="/directives"]');
  const meant = (form, of) => {
    for (const [i, button] of form.querySelectorAll('button[name="to"]').entries()) {
      const [shown, primary] = of(i);
      button.hidden = !shown;
      button.classList.toggle('primary', primary);
    }
  };
  const numbersOf = ({ cells }) =>
    [cells[0], cells.length > 3 ? cells[2] : cells[1]].map((cell) => Number(cell?.textContent));
  const noteBelow = (row, content, columns) => {
    const note = document.createElement('tr');
    note.className = 'note';
    const cell = note.insertCell();
    cell.colSpan = columns;
    cell.append(content);
    row.after(note);
  };
  // What was sent comes below its file, and goes to where the page has it when it is made anew.
  const toItsLine = (file) => {
    for (const voice of file.querySelectorAll('.notes > [data-line]')) {
      const side = voice.dataset.to === byId('to').value ? 1 : 0;
      const rows = [...file.querySelectorAll('.diff tr:not(.note, .hunk)')];
      const row = rows.find((one) => numbersOf(one)[side] === Number(voice.dataset.line));
      if (!row) continue;
      let last = row;
      while (last.nextElementSibling?.matches('.note')) last = last.nextElementSibling;
      noteBelow(last, voice, row.cells.length);
    }
  };
  const leave = (form) => {
    const file = form.closest('.file');
    const row = form.closest('tr.note');
    file.querySelector('.say-line').append(form);
    row?.remove();
    form.querySelector('textarea').placeholder = 'Add a comment on this line';
    meant(form, (i) => [true, i === 0]);
  };
  const comment = (row, left) => {
    const form = row && commentOf(row.closest('.file'));
    if (!form) return;
    const numbers = numbersOf(row);
    const buttons = [...form.querySelectorAll('button[name="to"]')];
    // Of the base there is nobody to tell: what is said of its lines has no line.
    const onLeft = (left || !numbers[1]) && buttons.length > 1;
    const line = numbers[onLeft ? 0 : 1];
    if (!line) return comment(row.nextElementSibling);
    leave(form);
    noteBelow(row, form, row.cells.length);
    form.elements.line.value = line;
    meant(form, (i) => [(i === 1) === onLeft, true]);
    const text = form.querySelector('textarea');
    text.placeholder = `Add a comment on line ${line}`;
    text.focus();
  };
  if (compare) {
    compare.classList.add('scripted');
    byId('show').hidden = true;
    let soon = 0;
    document.addEventListener('change', ({ target }) => {
      if (target.id === 'from' || target.id === 'to') go();
      if (target.name !== 'hunk' && target.name !== 'file') return;
      // A whole file is more than its hunks.
      const file = target.closest('.file');
      const other = target.name === 'file' ? 'hunk' : 'file';
      if (file && target.checked)
        for (const box of file.querySelectorAll(`input[name="${other}"]`)) box.checked = false;
      clearTimeout(soon);
      soon = setTimeout(() => byId('graft').dispatchEvent(new Event('taken')), 150);
    });
    compare.addEventListener('click', (event) => {
      const link = event.target.closest?.('a[data-keeps]');
      if (link) {
        const address = new URL(link.href);
        for (const name of ['hunk', 'file']) address.searchParams.delete(name);
        for (const [name, value] of taken()) address.searchParams.append(name, value);
        link.href = address.href;
      }
      const cell = event.target.closest?.('.diff td');
      if (cell && /^\d+$/.test(cell.textContent) && !cell.querySelector('code'))
        comment(cell.parentElement, cell.cellIndex === 0);
    });
    compare.addEventListener('keydown', (event) => {
      const form = event.target.closest?.('tr.note form');
      if (event.key !== 'Escape' || !form) return;
      const hunk = form.closest('tbody');
      leave(form);
      hunk.focus();
    });
    document.addEventListener('directive-sent', (event) => {
      const form = event.target.closest?.('.file form');
      if (!form) return;
      form.querySelector('textarea').value = '';
      leave(form);
      toItsLine(form.closest('.file'));
    });
  }
  const other = (by) => {
    const { options, selectedIndex } = byId('to');
    const next = options[selectedIndex + by];
    if (!next) return;
    next.selected = true;
    go();
  };
  const take = () => {
    const here = document.activeElement;
    if (!here?.matches(`${hunks}, .file`)) return false;
    here.querySelector(here.matches('.file') ? 'input[name="file"]' : 'input[name="hunk"]')?.click();
    return true;
  };
  /** What a single key does on the compare page; false: nothing there. */
  const compareKey = (key) => {
    const all = (selector) => [...compare.querySelectorAll(selector)];
    if (key === 'j' || key === 'k') step(key === 'j' ? 1 : -1, all(hunks));
    else if (key === 'J' || key === 'K') step(key === 'J' ? 1 : -1, all('.file'));
    else if (key === 'h' || key === 'l') other(key === 'l' ? 1 : -1);
    else if (key === 'm')
      comment(
        document.activeElement?.closest(hunks)?.querySelector('tr:is(.add, .del, :has(> .add, > .del))'),
      );
    else if (key === 'u') press('#compare .between a[data-keeps]:not([aria-current])');
    else if (key === 'w') press('#verdict [data-key="w"]');
    else return key === ' ' && take();
    return true;
  };

  const rows = () => [...document.querySelectorAll('.wait .name, .run-name a, .stream .ev, #changes .file')];
  const step = (by, all = rows()) => {
    if (all.length === 0) return;
    const at = all.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    if (!next.matches('a')) next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
  };
  const folds = () => {
    const row = document.activeElement?.closest?.('.ev') ?? document.querySelector('.stream .ev:last-child');
    const all = row ? [...row.querySelectorAll('details')] : [];
    const open = !all.some((one) => one.open);
    for (const one of all) one.open = open;
  };
  const press = (selector) => document.querySelector(selector)?.click();

  // The question that has the focus, else the only one.
  const question = () => {
    const here = document.activeElement?.closest?.('.wait, .ev')?.querySelector('[value="approve"]');
    const all = document.querySelectorAll('[name="decision"][value="approve"]');
    return (here ?? (all.length === 1 ? all[0] : null))?.closest('.gate, .wait') ?? null;
  };
  const deny = () => {
    const asked = question();
    const comment = asked?.querySelector('[name="comment"]');
    if (comment) comment.focus();
    else asked?.querySelector('a[href*="sheet=deny"]')?.click();
  };

  let waitsForG = 0;
  document.addEventListener('keydown', (event) => {
    if (!on || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    // A box that was ticked has the focus, but nobody types there.
    const typed = 'input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]';
    if (event.target.closest?.(typed)) return;
    if (document.querySelector('dialog[open]')) return;
    const { key } = event;
    const afterG = Date.now() - waitsForG < 1000;
    waitsForG = 0;
    if (afterG && key === 'h') location.assign('/');
    else if (afterG && key === 'p') location.assign('/projects');
    else if (afterG && key === 's') location.assign('/stats');
    else if (compare && compareKey(key)) waitsForG = 0;
    else if (key === 'g') waitsForG = Date.now();
    else if (key === '?') byId('keys')?.showModal();
    else if (key === 'n') byId('new-run')?.showModal();
    else if (key === '/') byId('q')?.focus();
    else if (key === 'j') step(1);
    else if (key === 'k') step(-1);
    else if (key === 'e') folds();
    else if (key === 'c') press('#run-head [data-key="c"]');
    else if (key === 't') press('#views a:not([aria-current])');
    else if (key === 'w') press('#verdict [data-key="w"]');
    else if (key === 'f') press('#follow button');
    else if (key === 'i') say?.focus();
    else if (key === 'p') press('#run-head [data-key="p"]');
    else if (key === 'a') question()?.querySelector('[value="approve"]').click();
    else if (key === 'd') deny();
    else if (/^[1-9]$/.test(key)) press(`#tabs a:nth-of-type(${key})`);
    else return;
    event.preventDefault();
  });

  // Following: the newest event stays in sight until the reader looks elsewhere.
  const follow = byId('follow');
  const stream = document.querySelector('.stream');
  if (follow && stream) {
    const said = follow.querySelector('span');
    let following = false;
    let unseen = 0;
    const last = () => stream.lastElementChild;
    const nearEnd = () => !last() || last().getBoundingClientRect().bottom < innerHeight + 80;
    const show = () => {
      follow.hidden = following || nearEnd();
      said.textContent = unseen > 0 ? `${unseen} new` : '';
    };
    const goToEnd = () => last()?.scrollIntoView({ block: 'end' });
    follow.querySelector('button').addEventListener('click', () => {
      following = true;
      unseen = 0;
      goToEnd();
      show();
    });
    for (const name of ['wheel', 'touchmove', 'mousedown', 'keydown']) {
      addEventListener(
        name,
        (event) => {
          if (event.target.closest?.('#follow') || event.key === 'f') return;
          following = false;
        },
        { passive: true },
      );
    }
    addEventListener(
      'scroll',
      () => {
        if (nearEnd()) unseen = 0;
        show();
      },
      { passive: true },
    );
    new MutationObserver((changes) => {
      const added = changes.reduce(
        (sum, change) =>
          sum +
          [...change.addedNodes].filter((node) => change.target === stream && node.matches?.('.ev')).length,
        0,
      );
      if (following) goToEnd();
      else if (!nearEnd()) unseen += added;
      show();
    }).observe(stream, { childList: true, subtree: true, characterData: true });
    show();
  }

  // While the stream is away the page says so; the run goes on without it.
  const away = byId('away');
  if (away) {
    const timer = 0;
    document.addEventListener('htmx:sse:error', () => {
      away.hidden = false;
    });
    document.addEventListener('htmx:sse:after:connection', () => {
      clearTimeout(timer);
      away.hidden = true;
    });
    document.addEventListener('htmx:sse:close', (event) => {
      if (event.detail?.reason === 'ended' && event.target.isConnected) away.hidden = false;
    });
  }
})();
