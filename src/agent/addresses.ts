import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Whether an address belongs to this machine, a private network, or no host at all (RFC 6890 and its IPv6 kin). */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  const family = isIP(plain);
  if (family === 4) return blocked.check(plain, 'ipv4');
  if (family !== 6) return true;
  const words = expand(plain);
  const embedded = embeddedV4(words);
  return embedded !== null ? blocked.check(embedded, 'ipv4') : blocked.check(words.join(':'), 'ipv6');
}

/** Whether an address is one that this machine has now, public ones included. */
export function isOwnAddress(address: string): boolean {
  const wanted = canonical(address);
  return Object.values(networkInterfaces()).some((all) =>
    all?.some((one) => canonical(one.address) === wanted),
  );
}

/**
 * Whether the operator named this host: `BAKEOFF_FORGE_HOSTS` holds hosts with or without a port, or URLs.
 * @param host lower case, without brackets
 */
export function isNamedHost(names: readonly string[], host: string, port: string | number): boolean {
  return names.some((one) => {
    const named = one
      .toLowerCase()
      .replace(/^[a-z]+:\/\//, '')
      .replace(/\/.*$/, '');
    return [host, `[${host}]`].some((name) => named === name || named === `${name}:${port}`);
  });
}

const blocked = new BlockList();
for (const subnet of (
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 ' +
  '192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4'
).split(' ')) {
  const [net = '', bits] = subnet.split('/');
  blocked.addSubnet(net, Number(bits), 'ipv4');
}
for (const subnet of '::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 fc00::/7 fe80::/9 ff00::/8'.split(
  ' ',
)) {
  const [net = '', bits] = subnet.split('/');
  blocked.addSubnet(net, Number(bits), 'ipv6');
}

/** One spelling for one address; IPv4 within IPv6 is that IPv4. */
function canonical(address: string): string {
  const plain = address.replace(/%.*$/, '');
  if (isIP(plain) !== 6) return plain;
  const words = expand(plain);
  return embeddedV4(words) ?? words.map((word) => Number.parseInt(word, 16)).join(':');
}

/** The eight words of an IPv6 address, as hexadecimal. */
function expand(address: string): string[] {
  const dotted = address.match(/^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/);
  const hex = (high: string | undefined, low: string | undefined) =>
    (Number(high) * 256 + Number(low)).toString(16);
  const plain = dotted ? `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}` : address;
  const [left = '', right] = plain.split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === undefined || right === '' ? [] : right.split(':');
  const gap = right === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(Math.max(0, gap)).fill('0'), ...after];
}

/** IPv4 within IPv6: mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96), 6to4 (2002::/16). */
function embeddedV4(words: string[]): string | null {
  const numbers = words.map((word) => Number.parseInt(word, 16));
  const v4 = (high = 0, low = 0) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const zeros = (from: number, to: number) => numbers.slice(from, to).every((word) => word === 0);
  if (numbers[0] === 0x2002) return v4(numbers[1], numbers[2]);
  if (zeros(0, 5) && numbers[5] === 0xffff) return v4(numbers[6], numbers[7]);
  if (numbers[0] === 0x64 && numbers[1] === 0xff9b && zeros(2, 6)) return v4(numbers[6], numbers[7]);
  return null;
}
