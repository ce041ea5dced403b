import type { Page, Run } from '../core/contract';
import { type Command, parse, service } from './context';
import { positive } from './exit';
import { json as asJson, fit, pad, paint, plain } from './screen';
import { marks, statusWord } from './words';

/** Runs, newest first. */
export const list: Command = async (args, context) => {
  const { values } = parse(args, {
    status: { type: 'string', multiple: true },
    limit: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  });
  const query = new URLSearchParams({
    sort: 'newest',
    limit: String(positive(values.limit, '--limit', 200)),
  });
  for (const status of values.status ?? []) query.append('status', status);
  const page = await service(context).call<Page<Run>>('GET', `/runs?${query}`);
  if (values.json) {
    context.out.write(asJson(page));
    return 0;
  }
  for (const run of page.items) {
    const { mark, tone } = marks[run.status];
    const state = paint(context.out, tone, `${mark} ${pad(statusWord(run.status), 17)}`);
    const goal = fit(plain(run.name), Math.max(20, context.out.width() - 50));
    context.out.write(
      `${pad(String(run.id), 5, 'start')}  ${state} ${pad(`${run.progress_percentage} %`, 5, 'start')}  ${pad(`${run.variations.length} tries`, 8)}  ${goal}\n`,
    );
  }
  if (page.total === 0) context.out.write('No runs yet. Start one: ./bakeoff run --repo … --goal "…"\n');
  else if (page.total > page.items.length)
    context.out.write(`${page.items.length} of ${page.total}; see --limit\n`);
  return 0;
};
