import { type Command, parse } from './context';
import { fired, start } from './start';

/** Serves pages and API, and works the queue, until SIGINT or SIGTERM. */
export const up: Command = async (args, { config, out, interrupted }) => {
  parse(args, {});
  const service = await start(config);
  out.write(
    `Bakeoff listens on ${service.url}\nOpen it with this link, which logs this browser in:\n\n  ${service.loginUrl}\n\n`,
  );
  await fired(interrupted);
  out.write('Stopping\n');
  await service.stop();
  return 0;
};
