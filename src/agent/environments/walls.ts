import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { etcMounts } from './etc';

/** Where commands see their home. */
export const homePath = '/home/agent';

const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** With a home that lasts: where the usual installers put programs for one user. */
export const pathWithHome = `${['.local/bin', '.cargo/bin', 'go/bin'].map((name) => `${homePath}/${name}`).join(':')}:${usualPath}`;

/** bwrap's options that part commands from the host, and their clean environment variables. `known`: what this bwrap has. */
export function walls(known: ReadonlySet<string>): string[] {
  const namespaces = ['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts'];
  const variables = {
    PATH: usualPath,
    HOME: homePath,
    USER: 'agent',
    LOGNAME: 'agent',
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    TERM: 'dumb',
  };
  return [
    ...namespaces,
    '--unshare-cgroup-try',
    ...(known.has('--disable-userns') ? ['--disable-userns'] : []),
    ...['--uid', '1000', '--gid', '1000', '--hostname', 'bakeoff', '--cap-drop', 'ALL'],
    ...['--die-with-parent', '--new-session', '--as-pid-1'],
    // Before 0.5 there is no --clearenv; bwrap itself is started with an empty environment anyway.
    ...(known.has('--clearenv') ? ['--clearenv'] : []),
    ...setVariables(variables),
  ];
}

/** What comes later counts. */
export function setVariables(variables: Record<string, string>): string[] {
  return Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value]);
}

/** The system's folders, read-only, with the /etc that was made for commands. */
export function systemFolders(etc: string): string[] {
  const system = [
    '/bin',
    '/sbin',
    ...['/lib', '/lib32', '/lib64', '/libx32'].filter((path) => existsSync(path)),
  ];
  return [
    ...['--ro-bind', '/usr', '/usr'],
    ...system.flatMap((path) =>
      lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path],
    ),
    ...['--proc', '/proc', '--dev', '/dev', '--ro-bind', etc, '/etc'],
    ...etcMounts().flatMap((path) => ['--ro-bind', path, path]),
  ];
}

/** In the system's folders only: the service's own PATH may hold folders that others can write. */
export function which(program: string): string | null {
  return Bun.which(program, { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' });
}
