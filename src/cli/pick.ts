import type { Run } from '../core/contract';
import type { Client } from './client';
import { type Command, parse, service } from './context';
import { positive, usage } from './exit';
import { landingLines } from './landing';
import { winnerWords } from './outcome';

/** Chooses a run's winner, or takes the choice back. */
export const pick: Command = async (args, context) => {
  const { values, positionals } = parse(
    args,
    { note: { type: 'string' }, clear: { type: 'boolean', default: false } },
    [1, 2],
  );
  const id = positive(positionals[0], 'the run');
  const client = service(context);
  if (values.clear) {
    if (positionals[1] !== undefined || values.note !== undefined)
      throw usage('--clear takes the choice back: it goes with no variation and no note');
    await client.call<Run>('DELETE', `/runs/${id}/winner`);
    context.out.write(`Run ${id} has no winner\n`);
    return 0;
  }
  const variation =
    positionals[1] === undefined
      ? await onlyCompleted(client, id)
      : positive(positionals[1], 'the variation');
  const body = { variation, ...(values.note === undefined ? {} : { note: values.note }) };
  const run = await client.call<Run>('PUT', `/runs/${id}/winner`, body);
  const lines = [
    ...(run.winner ? [`Run ${id}: ${winnerWords(run.winner)}`] : []),
    ...(run.landing ? landingLines(run.landing) : []),
  ];
  context.out.write(`${lines.join('\n')}\n`);
  return 0;
};

async function onlyCompleted(client: Client, id: number): Promise<number> {
  const completed = (await client.run(id)).variations.filter((one) => one.status === 'completed');
  const [first] = completed;
  if (first && completed.length === 1) return first.position;
  const these = completed.map((one) => one.position).join(', ') || 'none';
  throw usage(`which variation? ./bakeoff pick ${id} <variation>; completed: ${these}`);
}
