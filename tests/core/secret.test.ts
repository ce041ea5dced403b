import { describe, expect, test } from 'bun:test';
import { masker, openVault, sameSecret } from '../../src/core/secret';

describe('the vault', () => {
  const vault = openVault('the secret of this installation, long enough');

  test('opens what it sealed, and seals the same text differently each time', () => {
    for (const text of ['', 'sk-1234', 'ä😀', 'x'.repeat(100_000)])
      expect(vault.open(vault.seal(text))).toBe(text);
    expect(Buffer.from(vault.seal('same')).equals(Buffer.from(vault.seal('same')))).toBe(false);
  });

  test('opens nothing that was changed, cut, or sealed with another secret', () => {
    const sealed = vault.seal('sk-1234');
    for (let i = 0; i < sealed.length; i += 1) {
      const changed = Uint8Array.from(sealed, (byte, at) => (at === i ? byte ^ 1 : byte));
      expect(() => vault.open(changed)).toThrow();
    }
    expect(() => vault.open(sealed.slice(0, -1))).toThrow();
    expect(() => vault.open(new Uint8Array())).toThrow();
    expect(() => openVault('another secret of another installation').open(sealed)).toThrow();
  });

  test('keeps the uses of its signatures apart', () => {
    expect(vault.sign('a', 'text')).toMatch(/^[0-9a-f]{64}$/);
    expect(vault.sign('a', 'text')).toBe(vault.sign('a', 'text'));
    expect(new Set([vault.sign('a', 'text'), vault.sign('b', 'text'), vault.sign('a', 'text2')]).size).toBe(
      3,
    );
  });
});

test('secrets are compared whole', () => {
  expect(sameSecret('abc', 'abc')).toBe(true);
  for (const other of ['abd', 'ab', 'abcd', '']) expect(sameSecret('abc', other)).toBe(false);
});

describe('the masker', () => {
  test('hides every secret wherever it turns up, also one that begins another', () => {
    const mask = masker(['sk-short1', null, 'sk-short1-and-longer', undefined, 'a.b*c(d)$&']);
    expect(mask('sk-short1-and-longer, sk-short1; "sk-short1"')).toBe('••••••••, ••••••••; "••••••••"');
    expect(mask('a.b*c(d)$& aXbbc')).toBe('•••••••• aXbbc');
  });

  test('leaves what is too short to hide, and text without secrets', () => {
    expect(masker(['short'])('a short text')).toBe('a short text');
    expect(masker([])('text')).toBe('text');
  });
});
