import { fileURLToPath } from 'node:url';
import type { Credential } from '../config';

/** Git starts it by its path, so it must be executable; the checkout may be read-only. */
const program = fileURLToPath(new URL('./askpass.sh', import.meta.url));

/**
 * The variables of one git process with which it can log in at one host over http(s). The token is in that process's
 * environment only: never in a URL, an argument, or a configuration. Git asks again for each host, and only the one of
 * `url` is answered.
 */
export function askpassEnv(url: string, credential: Credential): Record<string, string> {
  const { protocol, host } = new URL(url);
  return {
    GIT_ASKPASS: program,
    ASKPASS_SCHEME: protocol.replace(':', ''),
    ASKPASS_HOST: host,
    ASKPASS_USERNAME: credential.username,
    ASKPASS_TOKEN: credential.token,
  };
}

/** Git would have to quote other user names in its question; a token stands on one line. */
export function isCredential({ username, token }: Credential): boolean {
  return /^[\w.-]{1,200}$/.test(username) && /^[\x21-\x7e]{1,2000}$/.test(token);
}

/** Takes the token that `env` holds out of a text, also as it stands in a header or a URL: a server may repeat what it was told. */
export function withoutToken(text: string, env: Record<string, string> | undefined): string {
  const { ASKPASS_TOKEN: token, ASKPASS_USERNAME: username } = env ?? {};
  if (!token) return text;
  const basic = Buffer.from(`${username}:${token}`).toString('base64');
  return [token, encodeURIComponent(token), basic].reduce((said, form) => said.replaceAll(form, '***'), text);
}
