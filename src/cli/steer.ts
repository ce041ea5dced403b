import type { Run } from '../core/contract';
import { type Command, parse, service } from './context';
import { positive, usage } from './exit';
import { statusWord } from './words';

/** Lets a run, or one variation of it, wait: it takes effect at the next boundary, and holds no worker. */
export const pause: Command = (args, context) => act('pause', args, context);

/** Lets what is paused go on from where it was. */
export const resume: Command = (args, context) => act('resume', args, context);

/** Stops a run, or one variation of it. */
export const stop: Command = (args, context) => act('stop', args, context);

/** Starts what ended without completing again: from its last checkpoint, or from the start. */
export const retry: Command = async (args, context) => {
  const { values, positionals } = parse(args, { from: { type: 'string' } }, [1, 2]);
  if (values.from !== undefined && !['checkpoint', 'start'].includes(values.from))
    throw usage('--from is one of checkpoint, start');
  return send('retry', positionals, context, values.from === undefined ? {} : { from: values.from });
};

function act(verb: string, args: string[], context: Parameters<Command>[1]): ReturnType<Command> {
  return send(verb, parse(args, {}, [1, 2]).positionals, context);
}

async function send(
  verb: string,
  [first, second]: string[],
  context: Parameters<Command>[1],
  body?: unknown,
): ReturnType<Command> {
  const id = positive(first, 'the run');
  const path = second === undefined ? '' : `/variations/${positive(second, 'the variation')}`;
  const client = service(context);
  await client.call<unknown>('POST', `/runs/${id}${path}/${verb}`, body);
  const run: Run = await client.run(id);
  const wanted = run.variations.some((one) => one.wanted === 'pause') ? ', pauses at its next boundary' : '';
  context.out.write(`Run ${id}: ${statusWord(run.status)}${wanted}\n`);
  return 0;
}
