import type { Environment, Limits } from '../environment';

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
  mounts?: readonly Mount[];
  limits?: Partial<Limits>;
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
