/** Internet addresses and ranges of them (access.md §7). Pure. An IPv4 address mapped into IPv6 is the IPv4 address. */
import { isIPv4, isIPv6 } from 'node:net';

interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

export interface AddressRange {
  readonly family: 4 | 6;
  /** Bits below the prefix. */
  readonly shift: bigint;
  readonly prefix: bigint;
}

const WIDTH = { 4: 32, 6: 128 } as const;
/** `::ffff:0:0/96`: where IPv4 is mapped. */
const MAPPED_BITS = 96;
const MAPPED = 0xffffn;

const v4Bits = (text: string): bigint => text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);

/** Groups of one side of `::`, a dotted tail being two. */
function groupsOf(side: string): bigint[] {
  if (side === '') return [];
  return side.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const bits = v4Bits(group);
    return [bits >> 16n, bits & 0xffffn];
  });
}

function v6Bits(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const groups = [...before, ...Array<bigint>(8 - before.length - after.length).fill(0n), ...after];
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n);
}

function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, bits: v4Bits(text) };
  // A zone index names an interface of this machine and is no part of an address.
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return { family: 6, bits: v6Bits(text) };
}

/** CIDR text; an address alone is the range of itself. undefined where it is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [base = '', length, ...more] = text.split('/');
  const address = parseAddress(base);
  if (!address || more.length > 0) return undefined;
  if (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const width = WIDTH[address.family];
  const bits = length === undefined ? width : Number(length);
  if (bits > width) return undefined;
  if (address.family === 6 && bits >= MAPPED_BITS && address.bits >> 32n === MAPPED) {
    return rangeOf({ family: 4, bits: address.bits & 0xffff_ffffn }, bits - MAPPED_BITS);
  }
  return rangeOf(address, bits);
}

function rangeOf({ family, bits }: Address, length: number): AddressRange {
  const shift = BigInt(WIDTH[family] - length);
  return { family, shift, prefix: bits >> shift };
}

/** Is the address in one of the ranges? No text that is none is in any. */
export function isWithin(text: string, ranges: readonly AddressRange[]): boolean {
  const parsed = parseAddress(text);
  if (!parsed) return false;
  const mapped = parsed.family === 6 && parsed.bits >> 32n === MAPPED;
  const address: Address = mapped ? { family: 4, bits: parsed.bits & 0xffff_ffffn } : parsed;
  return ranges.some(({ family, shift, prefix }) => family === address.family && address.bits >> shift === prefix);
}
