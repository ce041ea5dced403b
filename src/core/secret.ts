import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** Seals what is secret in the database, with a key derived from the installation's secret. */
export interface Vault {
  /** AES-256-GCM: version byte, 12 bytes nonce, 16 bytes tag, ciphertext. */
  seal(text: string): Uint8Array;
  /** @throws when it was sealed with another secret, or changed. */
  open(sealed: Uint8Array): string;
  /** HMAC-SHA256 as hex, for tokens that are checked and never stored. `purpose` keeps uses apart. */
  sign(purpose: string, text: string): string;
}

export function openVault(secret: string): Vault {
  const derive = (info: string): Buffer => Buffer.from(hkdfSync('sha256', secret, 'bakeoff', info, 32));
  const sealing = derive('sealed columns');
  return {
    seal(text) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed) {
      const bytes = Buffer.from(sealed);
      if (bytes[0] !== 1) throw new Error('sealed by an unknown version');
      const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(1, 13));
      decipher.setAuthTag(bytes.subarray(13, 29));
      return Buffer.concat([decipher.update(bytes.subarray(29)), decipher.final()]).toString('utf8');
    },
    sign: (purpose, text) =>
      createHmac('sha256', derive(`sign ${purpose}`))
        .update(text)
        .digest('hex'),
  };
}

/** Compares in constant time, also when lengths differ. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHmac('sha256', 'same').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * Hides secrets wherever their value turns up in text. Values under 8 characters are left, since they would hide
 * half the text.
 */
export function masker(secrets: readonly (string | null | undefined)[]): (text: string) => string {
  const values = secrets
    .filter((one): one is string => typeof one === 'string' && one.length >= 8)
    // The longest first: one that begins another would leave the other's end.
    .sort((a, b) => b.length - a.length);
  if (values.length === 0) return (text) => text;
  return (text) => values.reduce((masked, value) => masked.replaceAll(value, '••••••••'), text);
}
