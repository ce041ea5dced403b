import type { Run } from '../core/contract';
import { type Command, parse, service } from './context';
import { positive } from './exit';
import { statusWord } from './words';

/** Stops a run, or one variation of it. */
export const stop: Command = async (args, context) => {
  const { positionals } = parse(args, {}, [1, 2]);
  const id = positive(positionals[0], 'the run');
  const client = service(context);
  const path =
    positionals[1] === undefined ? '' : `/variations/${positive(positionals[1], 'the variation', 16)}`;
  await client.call<unknown>('POST', `/runs/${id}${path}/stop`);
  const run: Run = await client.run(id);
  context.out.write(`Run ${id}: ${statusWord(run.status)}\n`);
  return 0;
};
