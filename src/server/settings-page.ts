import { Elysia } from 'elysia';
import { BakeoffError } from '../core/errors';
import { letIn } from '../core/limit';
import { changeSettings, mostJudges, readSettings, type Settings } from '../core/settings';
import { type SettingsEntry, type SettingsField, SettingsPage, type SettingsWrong } from '../views/settings';
import { readForm, searchOf } from './form-fields';
import { readWeek } from './list-view';
import { pageHeaders, seeOther, shellOf } from './page-shell';
import type { Services } from './services';

/** The settings as a page with a form. */
export function settingsPages(services: Services) {
  const { database, queue } = services;
  return new Elysia({ name: 'settings-pages', detail: { hide: true } })
    .get('/settings', async ({ request }) =>
      page(services, request, entryOf(await readSettings(database)), {
        saved: searchOf(request.url).has('saved'),
      }),
    )
    .post(
      '/settings',
      async ({ request, body }) => {
        const form = readForm(body);
        const entry = readEntry(form);
        const read = settingsOf(entry);
        if ('wrong' in read)
          return page(services, request, entry, { wrong: { field: read.wrong, message: noNumber } });
        const judges = form.has('judges') ? { judges: [...entry.judges] } : {};
        const settings = await changeSettings(database, { ...read.settings, ...judges }).catch(refusal);
        if ('wrong' in settings) return page(services, request, entry, settings);
        await queue.hold(!settings.execution);
        // What a higher limit lets in need not wait for the sweep.
        await queue.add(await letIn(database));
        return seeOther('/settings?saved');
      },
      { parse: 'text' },
    );
}

async function page(
  services: Services,
  request: Request,
  entry: SettingsEntry,
  more: { saved?: boolean; wrong?: SettingsWrong },
): Promise<Response> {
  const [shell, { freed }] = await Promise.all([shellOf(services, request), readWeek(services.database)]);
  const markup = await SettingsPage({ shell: { ...shell, path: '/settings' }, entry, freed, ...more });
  return new Response(markup, { status: more.wrong ? 422 : 200, headers: pageHeaders });
}

const noNumber = 'A whole number of at least 1, or nothing.';

/** What can be told beside a field; all else is none of the form's. */
function refusal(error: unknown): { wrong: SettingsWrong } {
  if (!(error instanceof BakeoffError) || !error.field?.startsWith('judges')) throw error;
  return { wrong: { field: 'judges', message: error.message } };
}

const most = { limit: 10_000, days: 36_500 };

function entryOf(settings: Settings): SettingsEntry {
  const { execution, limits, retention_days, remove_after_days, judges } = settings;
  const text = (n: number | null) => (n === null ? '' : String(n));
  return {
    execution,
    all: text(limits.all),
    per_project: text(limits.per_project),
    per_agent: text(limits.per_agent),
    per_provider: text(limits.per_provider),
    retention_days: text(retention_days),
    remove_after_days: text(remove_after_days),
    judges,
  };
}

function readEntry(form: URLSearchParams): SettingsEntry {
  const text = (name: string) => (form.get(name) ?? '').trim();
  return {
    execution: form.get('execution') !== 'off',
    all: text('all'),
    per_project: text('per_project'),
    per_agent: text('per_agent'),
    per_provider: text('per_provider'),
    retention_days: text('retention_days'),
    remove_after_days: text('remove_after_days'),
    judges: form
      .getAll('judges')
      .filter((name) => name !== '')
      .slice(0, mostJudges),
  };
}

/** The entry as settings, empty fields being null; or the first field that is no number. */
function settingsOf(entry: SettingsEntry): { settings: Omit<Settings, 'judges'> } | { wrong: SettingsField } {
  const read = (field: SettingsField, highest: number): number | null | 'wrong' => {
    if (entry[field] === '') return null;
    const n = Number(entry[field]);
    return Number.isInteger(n) && n >= 1 && n <= highest ? n : 'wrong';
  };
  const [all, per_project, per_agent, per_provider] = [
    read('all', most.limit),
    read('per_project', most.limit),
    read('per_agent', most.limit),
    read('per_provider', most.limit),
  ];
  const [retention_days, remove_after_days] = [
    read('retention_days', most.days),
    read('remove_after_days', most.days),
  ];
  if (all === 'wrong') return { wrong: 'all' };
  if (per_project === 'wrong') return { wrong: 'per_project' };
  if (per_agent === 'wrong') return { wrong: 'per_agent' };
  if (per_provider === 'wrong') return { wrong: 'per_provider' };
  if (retention_days === 'wrong') return { wrong: 'retention_days' };
  if (remove_after_days === 'wrong') return { wrong: 'remove_after_days' };
  const limits = { all, per_project, per_agent, per_provider };
  return { settings: { execution: entry.execution, limits, retention_days, remove_after_days } };
}
