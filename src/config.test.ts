/** Values that are refused, each with the fix, and what the rest of the values become. */
import { expect, test } from 'vitest';
import { ConfigError, type Environment, loadConfig } from './config.ts';

const linesOf = (given: Environment): readonly string[] => {
  try {
    loadConfig({ environment: {}, given });
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.lines;
    throw thrown;
  }
};

test.each([
  ['NEXUS_JWT_SECRET', 'x'.repeat(31), 'the value is not at least 32 bytes; make one with: openssl rand -base64 48'],
  ['NEXUS_JWT_ALGORITHM', 'none', '"none" is not one of HS256, HS384, HS512'],
  ['NEXUS_JWT_ALGORITHM', 'RS256', '"RS256" is not one of HS256, HS384, HS512'],
  ['NEXUS_JWT_EXPIRY_MINUTES', '1441', '"1441" is not a whole number from 1 to 1440'],
  ['NEXUS_JWT_REFRESH_MINUTES', '0', '"0" is not a whole number from 1 to 43200'],
  ['NEXUS_RATE_LIMIT_FAILURES_PER_MINUTE', '100000001', '"100000001" is not a whole number from 1 to 100000000'],
  [
    'NEXUS_AUDIT_ENABLED',
    'false',
    '"false" is not true: the audit log cannot be switched off; keep less of it with NEXUS_AUDIT_DAYS',
  ],
  ['NEXUS_AUDIT_READS', 'off', '"off" is not one of batch, sync'],
  ['NEXUS_AUDIT_READ_BYTES', '1000', '"1000" is not a whole number from 1048576 to 1099511627776'],
  [
    'NEXUS_AUDIT_KEY',
    'too-short,and-this-one-is-long-enough-for-it',
    'the value is not keys of at least 32 bytes; make one with: openssl rand -base64 48',
  ],
  ['NEXUS_TRUSTED_PROXIES', '["10.0.0.0/33"]', '"[\\"10.0.0.0/33\\"]" is not a JSON list of addresses and CIDR blocks'],
  ['NEXUS_TRUSTED_PROXIES', '["proxy"]', '"[\\"proxy\\"]" is not a JSON list of addresses and CIDR blocks'],
  ['NEXUS_TRUSTED_PROXIES', '10.0.0.1', '"10.0.0.1" is not a JSON list of addresses and CIDR blocks'],
  [
    'NEXUS_BOOTSTRAP_ADMIN_KEY',
    'looks.like-a.token-0123456789',
    'the value is not 16 to 256 visible characters that are not the three parts of a token',
  ],
])('%s=%s is refused in one line that names the fix', (name, value, line) => {
  expect(linesOf({ [name]: value })).toEqual([`${name}: ${line}`]);
});

test('a secret has 32 bytes, however few characters those are, and is never shown', () => {
  const { config, lines } = loadConfig({ environment: {}, given: { NEXUS_JWT_SECRET: 'ä'.repeat(16) } });
  expect(config.JWT_SECRET).toBe('ä'.repeat(16));
  expect(lines.find(({ name }) => name === 'NEXUS_JWT_SECRET')?.value).toBe('***');
});

test('words are taken in any case', () => {
  expect(loadConfig({ environment: {}, given: { NEXUS_JWT_ALGORITHM: 'hs512' } }).config.JWT_ALGORITHM).toBe('HS512');
});

test('proxies are addresses and blocks of either family', () => {
  const given = { NEXUS_TRUSTED_PROXIES: '["10.0.0.0/8","2001:db8::/32","192.0.2.1"]' };
  expect(loadConfig({ environment: {}, given }).config.TRUSTED_PROXIES).toHaveLength(3);
});
