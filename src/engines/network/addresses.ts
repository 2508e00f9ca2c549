/**
 * Which addresses the server may be sent to by those who use it (workflows.md §12.4): public ones, and the ranges that the
 * operator opened. Guarantees: an address is judged by its bits, so no way of writing it makes a difference.
 */
import { BlockList, isIP } from 'node:net';

/** IANA's special-purpose registries, and what a cloud answers its machines on. [range, what it is]. */
const SPECIAL: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'of this network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'of a carrier'],
  ['127.0.0.0/8', 'a loopback address'],
  ['169.254.0.0/16', 'link-local'],
  ['168.63.129.16/32', 'of a cloud'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'for documentation'],
  ['192.31.196.0/24', 'reserved'],
  ['192.52.193.0/24', 'reserved'],
  ['192.88.99.0/24', 'reserved'],
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'reserved'],
  ['198.18.0.0/15', 'for benchmarks'],
  ['198.51.100.0/24', 'for documentation'],
  ['203.0.113.0/24', 'for documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['64:ff9b::/96', 'a translated IPv4 address'],
  ['64:ff9b:1::/48', 'a translated IPv4 address'],
  ['2001::/23', 'reserved'],
  ['2001:db8::/32', 'for documentation'],
  ['2002::/16', 'a tunnelled IPv4 address'],
  ['3fff::/20', 'for documentation'],
];

/** All that was ever given out for use on the internet. */
const GLOBAL_V6 = blockListOf(['2000::/3']);
/** ::ffff:0:0/96, which stands for IPv4, and is judged as that by its own rule below. */
const MAPPED = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/;

const lists = SPECIAL.map(([range, what]) => [blockListOf([range]), what] as const);

/** Blocks in CIDR form, or single addresses. */
export function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family);
  }
  return list;
}

/** Why an address may not be asked, as the end of "10.0.0.1 is …"; undefined where it may. */
export function refusalOf(address: string, allowed: BlockList): string | undefined {
  const plain = withoutMapping(address);
  const family = isIP(plain) === 4 ? 'ipv4' : 'ipv6';
  if (isIP(plain) === 0) return 'no address';
  if (allowed.check(plain, family)) return undefined;
  const special = lists.find(([list]) => list.check(plain, family));
  if (special) return special[1];
  return family === 'ipv6' && !GLOBAL_V6.check(plain, family) ? 'private or reserved' : undefined;
}

/** IPv4 where it is IPv4 in the clothes of IPv6; without the zone of a link-local address. */
function withoutMapping(address: string): string {
  const plain = address.replace(/%.*$/, '');
  if (isIP(plain) !== 6) return plain;
  const [, dotted, high, low] = MAPPED.exec(canonical(plain)) ?? [];
  if (dotted) return dotted;
  if (high === undefined || low === undefined) return plain;
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}

/** As RFC 5952 writes an IPv6 address, which is what a URL makes of it. */
const canonical = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);
