import { openApprovals } from './answer';
import { type Command, parse, service } from './context';
import { positive } from './exit';
import { printRun, waysOn } from './outcome';
import { json as asJson } from './screen';
import { waitsFor } from './waiting';

/** A run as it stands now. */
export const show: Command = async (args, context) => {
  const { values, positionals } = parse(args, { json: { type: 'boolean', default: false } }, [1, 1]);
  const client = service(context);
  const run = await client.run(positive(positionals[0], 'the run'));
  if (values.json) context.out.write(asJson(run));
  else {
    const open = run.status === 'completed' ? [] : await openApprovals(client, run.id);
    const waits = waitsFor(run, open);
    printRun(context.out, run, [...waits, ...(waits.length > 0 ? [''] : []), ...waysOn(run, client.url)]);
  }
  return 0;
};
