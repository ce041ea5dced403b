import type { PatchStat } from '../../drizzle/schema';
import type { Environment, Limits } from './environment';
import type { Denied } from './environments/proxy';
import type { SetupRequest } from './setup';

/** A cumulative change against a base commit, as `git diff --binary --full-index` writes it: bytes, for text may be in any encoding. */
export interface Patch {
  base_sha: string;
  bytes: Uint8Array;
  sha256: string;
  stat: PatchStat;
}

/** The files of one variation, and the environment that shows them. Disposable. */
export interface Workspace {
  readonly environment: Environment;
  readonly baseSha: string;
  /** The patch of everything changed since the base, new files included, ignored ones not. Computed inside the environment. */
  snapshot(signal?: AbortSignal): Promise<Patch>;
  /** Ends its processes and removes its files. Idempotent. */
  remove(): Promise<void>;
}

export interface WorkspaceRequest {
  /** A mirror that has `baseSha`; see `Mirrors`. */
  mirror: string;
  baseSha: string;
  /** Unique among the living: names the folder. Letters, digits and `-`. */
  id: string;
  /** Laid over the base before the workspace is handed out. */
  patch?: Uint8Array;
  /** The project's set-up command: what it makes lies in the workspace, and in its home, before it is handed out. */
  setup?: SetupRequest;
  /** Hosts that its commands, the set-up command among them, may reach; as a project names them. Default: none. */
  network?: readonly string[];
  /** Told of what was wanted of the network and refused; see `NetworkRequest`. */
  onDenied?: (denied: Denied) => void;
  limits?: Partial<Limits>;
  signal?: AbortSignal;
}

/** Makes workspaces; how (checkout, overlay …) is its own business. */
export interface WorkspaceSource {
  open(request: WorkspaceRequest): Promise<Workspace>;
  /** Removes the files of workspaces that nobody has open here: what a crash or a failed removal left. Returns how many went. */
  sweep(): Promise<number>;
}
