import type { Environment, Limits } from '../environment';
import type { Denied } from './proxy';

/** A folder of the host that an environment shows besides the workspace; read-only unless it says otherwise. */
export interface Mount {
  host: string;
  /** Where commands see it, in an environment that has walls. */
  inside: string;
  writable?: boolean;
}

export interface EnvironmentRequest {
  /** Folder of the host that becomes the workspace, the one place where writing lasts. */
  workspace: string;
  /** Folder of the host that becomes the home of commands, and lasts as the workspace does; else each has an empty one. */
  home?: string;
  mounts?: readonly Mount[];
  network?: NetworkRequest;
  limits?: Partial<Limits>;
}

/** What of the network commands may reach. */
export interface NetworkRequest {
  /** As a project names them; see `readAllowedHost`. None: no network. */
  hosts: readonly string[];
  /** Folder of the host, this environment's alone and out of reach of its commands; made if missing. */
  folder: string;
  /** Told of what was wanted and refused, each once, and of no more than can be looked at. */
  onDenied?: (denied: Denied) => void;
}

/** One way of keeping commands apart from the host. Made once at start, opened once for every workspace. */
export interface Sandbox {
  readonly kind: Environment['kind'];
  /** One line for people: what keeps the commands apart, and what does not. */
  readonly detail: string;
  open(request: EnvironmentRequest): Environment;
  /** The path under which commands see a mount. */
  pathOf(mount: Mount): string;
  /** Makes an empty folder that commands may write and that no other user of the host may read. */
  makeFolder(path: string): Promise<void>;
  /** Lets commands, and no other user of the host, pass through this folder of the service and read what lies below. */
  makeReadable(path: string): Promise<void>;
}
