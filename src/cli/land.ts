import { landingModes } from '../../drizzle/schema';
import type { Landing } from '../core/contract';
import { type Command, parse, service } from './context';
import { positive, usage } from './exit';
import { landed, landingLines } from './landing';
import { json as asJson } from './screen';

/** Lands a run's winner, or undoes that, and waits for the end of it. Exit code 1 when it could not be done. */
export const land: Command = async (args, context) => {
  const { values, positionals } = parse(
    args,
    {
      mode: { type: 'string' },
      target: { type: 'string' },
      title: { type: 'string' },
      'no-squash': { type: 'boolean', default: false },
      undo: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
    [1, 1],
  );
  const id = positive(positionals[0], 'the run');
  const body = {
    mode: modeOf(values.mode ?? 'branch', '--mode'),
    ...(values.target === undefined ? {} : { target: values.target }),
    ...(values.title === undefined ? {} : { title: values.title }),
    ...(values['no-squash'] ? { squash: false } : {}),
  };
  if (values.undo && (values.mode !== undefined || Object.keys(body).length > 1))
    throw usage('--undo takes back what has landed: it goes with none of the others but --json');
  const client = service(context);
  const path = `/runs/${id}/landing`;
  await (values.undo ? client.call<unknown>('DELETE', path) : client.call<unknown>('POST', path, body));
  const landing: Landing = await landed(context, client, id);
  if (values.json) context.out.write(asJson(landing));
  else context.out.write(`${landingLines(landing).join('\n')}\n`);
  return landing.status === (values.undo ? 'undone' : 'landed') ? 0 : 1;
};

export function modeOf(mode: string, option: string): string {
  if (!landingModes.some((one) => one === mode))
    throw usage(`${option} is one of ${landingModes.join(', ')}`);
  return mode;
}
