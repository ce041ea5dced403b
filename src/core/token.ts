import type { Database, Tx } from './db';
import type { Vault } from './secret';

/** What git and the forge are given to be let in at a project's repository. Never logged, never recorded. */
export interface Token {
  username: string;
  token: string;
}

/** A project's token as it is stored: sealed; both null without one. */
export interface TokenColumns {
  token: Uint8Array | null;
  token_user: string | null;
}

/** The name that goes with a token where none is given: most forges look at the token alone. */
export const defaultTokenUser = 'x-access-token';

export const noToken: TokenColumns = { token: null, token_user: null };

/** A token made fit to be stored. */
export function sealToken(vault: Vault, { username, token }: Token): TokenColumns {
  return { token: vault.seal(token), token_user: username };
}

/**
 * A project's token in clear, for the worker that talks to its repository and its forge; null when it has none.
 * @throws when it was sealed with another secret
 */
export async function tokenOf(
  { sql }: { sql: Database['sql'] | Tx },
  vault: Vault,
  projectId: number,
): Promise<Token | null> {
  const [row] = await sql<{ token: Uint8Array | null; token_user: string | null }[]>`
    select token, token_user from projects where id = ${projectId}`;
  if (!row?.token) return null;
  return { username: row.token_user ?? defaultTokenUser, token: vault.open(row.token) };
}
