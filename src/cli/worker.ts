import { type Command, parse } from './context';
import { usage } from './exit';
import { fired, startWorker } from './start';

/** Works the queue of an outside database until SIGINT or SIGTERM. */
export const worker: Command = async (args, { config, out, interrupted }) => {
  parse(args, {});
  if (config.databaseUrl === null) {
    throw usage(
      'a worker needs DATABASE_URL (and REDIS_URL where the service has one): the same as the service',
    );
  }
  const working = await startWorker(config);
  out.write(`Working the queue, ${config.concurrency} variations at a time\n`);
  await fired(interrupted);
  out.write('Stopping\n');
  await working.stop();
  return 0;
};
