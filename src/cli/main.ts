import { ConfigError, readConfig, readServiceUrl, readTerminal } from '../config';
import type { Command, Context } from './context';
import { Exit } from './exit';
import help from './help.txt' with { type: 'text' };
import { openScreen, plain } from './screen';

/** Each command is loaded when it is called: the others cost nothing. */
const commands: Record<string, () => Promise<Command>> = {
  approve: async () => (await import('./answer')).approve,
  demo: async () => (await import('./demo/demo')).demo,
  deny: async () => (await import('./answer')).deny,
  diff: async () => (await import('./diff')).diff,
  land: async () => (await import('./land')).land,
  list: async () => (await import('./list')).list,
  pause: async () => (await import('./steer')).pause,
  pick: async () => (await import('./pick')).pick,
  resume: async () => (await import('./steer')).resume,
  retry: async () => (await import('./steer')).retry,
  run: async () => (await import('./run')).run,
  show: async () => (await import('./show')).show,
  stop: async () => (await import('./steer')).stop,
  tell: async () => (await import('./tell')).tell,
  test: async () => (await import('./test')).test,
  up: async () => (await import('./up')).up,
  watch: async () => (await import('./watch')).watch,
  worker: async () => (await import('./worker')).worker,
};
const endWell = new Set(['demo', 'run', 'test', 'up', 'watch', 'worker']);
const notYet = new Set(['bench']);

// Whoever reads our output may stop reading (`| head`): that is no failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit(0));
const code = await main(process.argv.slice(2));
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((done) => stream.write('', () => done())),
  ),
);
// Sockets that are kept alive for another request keep no one waiting.
process.exit(code);

/** Runs one command line and answers with its exit code. `--from=<folder>` comes from the launcher, which changes folder. */
async function main(argv: string[]): Promise<number> {
  const from = argv[0]?.startsWith('--from=') ? argv.shift()?.slice('--from='.length) : undefined;
  const [name = 'help', ...args] = argv;
  const { color, dumb } = readTerminal();
  const out = openScreen(process.stdout, color, dumb);
  const err = openScreen(process.stderr, color, dumb);
  if (['help', '-h', '--help'].includes(name) || (args[0] && ['-h', '--help'].includes(args[0]))) {
    out.write(help);
    return 0;
  }
  const interrupt = interruption(endWell.has(name));
  try {
    if (notYet.has(name)) throw new Exit(2, `${name} is not built yet`);
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (load === undefined)
      throw new Exit(2, `there is no command ${plain(name)}; ./bakeoff --help lists them`);
    const command = await load();
    const context: Context = {
      config: readConfig(),
      serviceUrl: readServiceUrl(),
      from: from ?? process.cwd(),
      out,
      err,
      interrupted: interrupt,
    };
    return await command(args, context);
  } catch (error) {
    if (error instanceof Exit || error instanceof ConfigError) {
      err.write(`bakeoff: ${plain(error.message)}\n`);
      return error instanceof Exit ? error.code : 2;
    }
    if (interrupt.aborted) return 130;
    err.write(`bakeoff: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}

/** The first SIGINT or SIGTERM asks for a good end where there is something to end; the second one does not ask. */
function interruption(gently: boolean): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!gently || controller.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      controller.abort(new DOMException('interrupted', 'AbortError'));
    });
  }
  return controller.signal;
}
