/** Whose address counts: forged headers, chains of proxies, IPv4 on IPv6 sockets. */
import { expect, test } from 'vitest';
import { addressReader } from './addresses.ts';

test('without a trusted proxy the header is nothing', () => {
  const addressOf = addressReader([]);
  expect(addressOf('203.0.113.9', '198.51.100.1')).toBe('203.0.113.9');
  expect(addressOf('::ffff:203.0.113.9')).toBe('203.0.113.9');
  expect(addressOf('2001:db8::1')).toBe('2001:db8::1');
  expect(addressOf(undefined, '198.51.100.1')).toBeNull();
});

test.each([
  ['a stranger makes up a header', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['a proxy says who asked', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['on an IPv6 socket too', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['by IPv6', '2001:db8:0:1::7', ' 2001:db8:9::1 ', '2001:db8:9::1'],
  ['the client made up what stands before', '10.0.0.1', '127.0.0.1, 198.51.100.1', '198.51.100.1'],
  ['through two proxies', '10.0.0.1', '198.51.100.1, 10.9.9.9', '198.51.100.1'],
  ['no address stops the chain', '10.0.0.1', '198.51.100.1, unknown, 10.9.9.9', '10.9.9.9'],
  ['nothing said', '10.0.0.1', undefined, '10.0.0.1'],
  ['only proxies', '10.0.0.1', '10.0.0.2', '10.0.0.2'],
])('%s', (_title, peer, forwarded, address) => {
  expect(addressReader(['10.0.0.0/8', '2001:db8:0:1::/64'])(peer, forwarded)).toBe(address);
});

test('a single trusted address', () => {
  const addressOf = addressReader(['192.0.2.1', '2001:db8::1']);
  expect(addressOf('192.0.2.1', '198.51.100.1')).toBe('198.51.100.1');
  expect(addressOf('2001:db8::1', '198.51.100.1')).toBe('198.51.100.1');
  expect(addressOf('192.0.2.2', '198.51.100.1')).toBe('192.0.2.2');
});
