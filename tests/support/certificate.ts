import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/**
 * A certificate for localhost and 127.0.0.1 that is its own authority, valid for a day on both sides of now; PEM. Written
 * out by hand (X.509, DER), so that tests need no program for it and none can run out.
 */
export function makeCertificate(): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const day = 86_400_000;
  const name = sequence(set(sequence(oid(2, 5, 4, 3), der(0x0c, Buffer.from('localhost')))));
  const signature = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    signature,
    name,
    sequence(time(Date.now() - day), time(Date.now() + day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(authority, alternativeNames)),
  );
  const seal = sign('sha256', body, { key: privateKey, dsaEncoding: 'der' });
  const whole = sequence(body, signature, der(0x03, Buffer.from([0]), seal));
  const lines = whole.toString('base64').replace(/.{1,64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const yes = Buffer.from([0x01, 0x01, 0xff]);
/** Basic constraints, critical: an authority. */
const authority = sequence(oid(2, 5, 29, 19), yes, der(0x04, sequence(yes)));
const alternativeNames = sequence(
  oid(2, 5, 29, 17),
  der(0x04, sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))),
);

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function set(...parts: Buffer[]): Buffer {
  return der(0x31, ...parts);
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function oid(first: number, second: number, ...rest: number[]): Buffer {
  const bytes = rest.flatMap((part) => {
    const groups = [part & 127];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
    return groups;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]));
}
