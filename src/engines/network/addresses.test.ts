/** Which addresses may be asked, in every way that one can be written. */
import { describe, expect, test } from 'vitest';
import { blockListOf, refusalOf } from './addresses.ts';

const none = blockListOf([]);

test.each([
  '1.1.1.1',
  '93.184.216.34',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '2606:4700::1111',
  '2a00::1',
  '::ffff:1.1.1.1',
])('%s may be asked', (address) => {
  expect(refusalOf(address, none)).toBeUndefined();
});

describe.each([
  ['this network', ['0.0.0.0', '0.1.2.3', '::']],
  ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1']],
  ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff::1']],
  [
    'link-local and the metadata of clouds',
    ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254', '168.63.129.16'],
  ],
  ['carriers', ['100.64.0.1', '100.127.255.255']],
  ['multicast and broadcast', ['224.0.0.1', '239.1.1.1', '255.255.255.255', 'ff02::1']],
  ['IPv4 in the clothes of IPv6', ['::ffff:10.0.0.1', '::ffff:a00:1', '0:0:0:0:0:FFFF:127.0.0.1', '::127.0.0.1']],
  ['translated and tunnelled IPv4', ['64:ff9b::a00:1', '64:ff9b::1.1.1.1', '64:ff9b:1::1', '2002:a00:1::1', '2001::1']],
  ['documentation and benchmarks', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1']],
])('%s', (_, addresses) => {
  test.each(addresses)('%s is refused', (address) => {
    expect(refusalOf(address, none)).toEqual(expect.any(String));
  });
});

test('what the operator opened may be asked, and nothing beside it', () => {
  const allowed = blockListOf(['10.1.0.0/16', '127.0.0.1', 'fd00::/8']);
  expect(refusalOf('10.1.2.3', allowed)).toBeUndefined();
  expect(refusalOf('::ffff:10.1.2.3', allowed)).toBeUndefined();
  expect(refusalOf('fd12::1', allowed)).toBeUndefined();
  expect(refusalOf('127.0.0.1', allowed)).toBeUndefined();
  expect(refusalOf('10.2.0.1', allowed)).toBe('private');
  expect(refusalOf('127.0.0.2', allowed)).toBe('a loopback address');
  expect(refusalOf('::1', allowed)).toBe('private or reserved');
});

test('what is no address is refused', () => {
  expect(refusalOf('localhost', none)).toBe('no address');
  expect(refusalOf('', none)).toBe('no address');
});
