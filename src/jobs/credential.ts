import type { MirroredProject } from '../agent/mirror';
import { tokenOf } from '../core/token';
import { credentialFor, type ForgeProject } from '../forges/place';
import type { Parts } from './parts';

/** A project as git and its forge are told of it, with what each is to log in with. */
export interface Access {
  mirrored: MirroredProject;
  forge: ForgeProject;
  /** To be hidden wherever it turns up. */
  token: string | null;
}

/** The one place where a project meets its token: its own, else the operator's for its forge. */
export async function accessTo(
  { database, vault, config }: Pick<Parts, 'database' | 'vault' | 'config'>,
  project: Omit<MirroredProject, 'credential'>,
): Promise<Access> {
  const { id, repo_url, local_path, default_branch } = project;
  const forge = { repo_url, credential: await tokenOf(database, vault, id) };
  const credential = credentialFor(forge, config);
  return {
    mirrored: { id, repo_url, local_path, default_branch, credential },
    forge,
    token: forge.credential?.token ?? credential?.token ?? null,
  };
}
