import { Type } from '@sinclair/typebox';
import { defaultLimits } from '../environment';
import { asShown, fit, headAndTail } from './text';
import { defineTool, object } from './tool';

const maxSeconds = defaultLimits.commandMs / 1000;

export const runCommand = defineTool({
  name: 'run_command',
  description:
    'Runs a shell command (sh) in the root of the workspace and answers with its output and exit code. Each call is a new ' +
    'shell: `cd` and variables do not last. Standard input is empty; everything it started is ended when it ends.',
  parameters: object({
    // One argument of a process may have 128 KiB on Linux.
    command: Type.String({ minLength: 1, maxLength: 30_000, description: 'The command line' }),
    timeout_s: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400,
        description: `Seconds until it is ended; at most ${maxSeconds}`,
      }),
    ),
  }),
  changesFiles: true,
  title: (args) => args.command,
  async run(args, context) {
    const seconds = Math.min(args.timeout_s ?? maxSeconds, maxSeconds);
    // As it came, both streams in one: what a person at a terminal would have seen.
    const seen = headAndTail();
    const result = await context.environment.exec(['sh', '-c', args.command], {
      timeoutMs: seconds * 1000,
      signal: context.signal,
      maxOutputBytes: 4096,
      onOutput(stream, text) {
        seen.push(text);
        context.onOutput(stream, text);
      },
    });
    const { text, truncated } = fit(asShown(seen.text()).trimEnd());
    const how = result.timed_out
      ? `ended after ${seconds} s: its time was up`
      : result.exit_code === null
        ? `ended by ${result.signal ?? 'a signal'}`
        : `exit code ${result.exit_code}`;
    return {
      ok: result.exit_code === 0,
      output: text === '' ? `[no output; ${how}]` : `${text}\n[${how}]`,
      exit_code: result.exit_code,
      truncated,
    };
  },
});
