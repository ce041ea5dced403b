import type { Run } from '../core/contract';
import type { Client } from './client';
import { type Command, type Context, parse, service } from './context';
import { type ExitCode, positive } from './exit';
import { follow } from './follow';
import { openLive } from './live';
import { printRun, waysOn } from './outcome';
import { json as asJson } from './screen';

/** Follows a run to its end. Exit code 1 when it did not complete. */
export const watch: Command = async (args, context) => {
  const { values, positionals } = parse(args, { json: { type: 'boolean', default: false } }, [1, 1]);
  const client = service(context);
  const run = await client.run(positive(positionals[0], 'the run'));
  const last = await followed(context, client, run, values.json);
  return report(context, last, values.json, waysOn(last, client.url));
};

/**
 * Shows a run live (on standard error when standard output is for JSON) and answers with its last state.
 * @throws AbortError when the person interrupts
 */
export async function followed(context: Context, client: Client, run: Run, json: boolean): Promise<Run> {
  const live = openLive(json ? context.err : context.out, run);
  try {
    for await (const event of follow(client, run.id, 0, context.interrupted)) live.event(event);
  } finally {
    live.end();
  }
  return client.run(run.id);
}

/** Prints a run's last state, with the ways to go from it, and tells the exit code that it means. */
export function report(context: Context, run: Run, json: boolean, ways: readonly string[]): ExitCode {
  if (json) context.out.write(asJson(run));
  else {
    context.out.write('\n');
    printRun(context.out, run, ways);
  }
  return run.status === 'completed' ? 0 : 1;
}
