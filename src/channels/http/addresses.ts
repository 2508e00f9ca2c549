/**
 * The address of who asks (access.md §1): the peer of the socket, or what a trusted proxy says of it. Guarantees: nobody
 * but a proxy that the operator named is believed; IPv4 has one form, also where it arrives on an IPv6 socket.
 */
import { BlockList, isIP } from 'node:net';

/** From the peer of a socket and the header X-Forwarded-For, as far as there are such. */
export type AddressOf = (peer: string | undefined, forwarded?: string) => string | null;

/** `proxies` are addresses and CIDR blocks. */
export function addressReader(proxies: readonly string[]): AddressOf {
  if (proxies.length === 0) return plainOrNone;
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    const plain = plainAddress(address);
    if (bits === undefined) trusted.addAddress(plain, familyOf(plain));
    else trusted.addSubnet(plain, Number(bits), familyOf(plain));
  }
  const isTrusted = (address: string): boolean => trusted.check(address, familyOf(address));
  return (socket, forwarded = '') => {
    const peer = plainOrNone(socket);
    if (peer === null || !isTrusted(peer)) return peer;
    return nearestStranger(forwarded, peer, isTrusted);
  };
}

/** Each proxy adds whom it was asked by at the end, so what stands before the last untrusted address may be made up. */
function nearestStranger(forwarded: string, peer: string, isTrusted: (address: string) => boolean): string {
  let nearest = peer;
  for (const hop of forwarded.split(',').reverse()) {
    const address = plainAddress(hop.trim());
    if (isIP(address) === 0) return nearest;
    nearest = address;
    if (!isTrusted(address)) return nearest;
  }
  return nearest;
}

const plainOrNone = (address: string | undefined): string | null =>
  address === undefined ? null : plainAddress(address);

const MAPPED = '::ffff:';

const plainAddress = (address: string): string =>
  address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;

const familyOf = (address: string): 'ipv4' | 'ipv6' => (address.includes(':') ? 'ipv6' : 'ipv4');
