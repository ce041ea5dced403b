import { isLoopback } from '../config';
import { type Command, parse } from './context';
import { plain } from './screen';
import { fired, start } from './start';

/** Serves pages and API, and works the queue, until SIGINT or SIGTERM. */
export const up: Command = async (args, { config, out, err, interrupted }) => {
  parse(args, {});
  const service = await start(config);
  out.write(
    `Bakeoff listens on ${service.url}\nOpen it with this link, which logs this browser in:\n\n  ${service.loginUrl}\n\n`,
  );
  if (!isLoopback(config.host)) {
    err.write(
      `Warning: HOST=${plain(config.host)} is not loopback. Whoever reaches this port and has the API key or the link above can run commands here: keep it behind a firewall or a proxy\n`,
    );
  }
  await fired(interrupted);
  out.write('Stopping\n');
  await service.stop();
  return 0;
};
