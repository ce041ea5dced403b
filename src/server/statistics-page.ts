import { Elysia } from 'elysia';
import { readStats } from '../core/stats';
import { type Range, ranges, StatisticsPage } from '../views/statistics';
import { searchOf } from './form-fields';
import { lately } from './lately';
import { pageHeaders, shellOf } from './page-shell';
import type { Services } from './services';

/** The figures as a page; `?d=` says over how many days. */
export function statisticsPages(services: Services) {
  const { database } = services;
  return new Elysia({ name: 'statistics-pages', detail: { hide: true } }).get(
    '/stats',
    async ({ request }) => {
      const range = rangeOf(searchOf(request.url).get('d'));
      const [shell, stats] = await Promise.all([
        shellOf(services, request),
        lately(database, `stats ${range}`, () => readStats(database, range)),
      ]);
      return new Response(await StatisticsPage({ shell, stats, range }), { headers: pageHeaders });
    },
  );
}

/** What is not understood is as if it were not there. */
function rangeOf(asked: string | null): Range {
  return ranges.find((range) => String(range) === asked) ?? 30;
}
