import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Config } from '../config';
import { type Client, openClient } from './client';
import { type ExitCode, usage } from './exit';
import type { Screen } from './screen';

/** What a command is given: the world comes in here, so that a test can hold it. */
export interface Context {
  config: Config;
  /** The service's address when the environment names one. */
  serviceUrl: string | null;
  /** The folder that the person is in; relative paths mean this one. */
  from: string;
  out: Screen;
  err: Screen;
  /** Fires at the first SIGINT or SIGTERM. */
  interrupted: AbortSignal;
}

/** Does one command; `args` are the words after its name. Throws `Exit` for what ends it early. */
export type Command = (args: string[], context: Context) => Promise<ExitCode>;

/** The client for the running service. */
export function service(context: Context): Client {
  return openClient(context.config, context.serviceUrl);
}

/**
 * `node:util` parseArgs, strict, with its errors as one line and exit code 2.
 * @param words how many words besides options are allowed: [least, most]
 */
export function parse<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: T,
  words: [number, number] = [0, 0],
) {
  try {
    const parsed = parseArgs({ args, options, strict: true, allowPositionals: true });
    const count = parsed.positionals.length;
    if (count > words[1])
      throw usage(`unexpected ${JSON.stringify(parsed.positionals[words[1]])}; see ./bakeoff --help`);
    if (count < words[0]) throw usage('which run? Give its number; ./bakeoff list shows them');
    return parsed;
  } catch (error) {
    if (error instanceof TypeError) throw usage(`${error.message.split('. ')[0]}; see ./bakeoff --help`);
    throw error;
  }
}
