/** Settings that wait for their features: what they take, that they say so, and that nobody who sets one is left in the dark. */
import { expect, test } from 'vitest';
import { loadConfig } from '../config.ts';
import { AWAITED_KEYS } from './awaited.ts';

const load = (environment: Readonly<Record<string, string>>) => loadConfig({ environment });
const told = (environment: Readonly<Record<string, string>>): string[] =>
  load(environment).warnings.map(({ event, message }) => `${event} ${message}`);

/** A value that is right, and not the default. */
const RIGHT: Readonly<Record<Exclude<keyof typeof AWAITED_KEYS, `LIMIT_${string}`>, string>> = {
  OIDC_ISSUERS: '[{"issuer":"https://login.example","audience":"nexus"}]',
  MULTI_TENANT: 'no',
  EXECUTION_RETENTION_DAYS: '31',
  WORKFLOWS_DIR: '/srv/workflows',
  STARTERS: 'off',
  MAIL_LOCAL_DOMAINS: '["nexus.local","mail.example"]',
  WEBHOOK_HTTP_ENABLED: 'true',
  LDAP_PLAIN_ENABLED: '1',
  OAUTH_REGISTRATION_ENABLED: 'YES',
  SANDBOX_DRIVER: 'qemu',
  SANDBOX_ISOLATION: 'strict',
  SANDBOX_UIDS: '300000-300999',
  SANDBOX_MEMORY_MIB: '96',
  SANDBOX_SUBNET: '10.9.0.0/16',
  SANDBOX_DNS: '["192.0.2.1","2001:db8::1"]',
  SANDBOX_DOMAIN: 'sandboxes.example',
  SANDBOX_PUBLIC_PORTS: 'true',
  SANDBOX_ON_STOP: 'keep',
  SANDBOX_SIGNATURES: 'require',
  SANDBOX_ANVIL_URL: 'https://mirror.example/anvil',
  SANDBOX_ALPINE_URL: 'http://127.0.0.1:8080',
  SANDBOX_FIRECRACKER_URL: 'http://[::1]:8080/x',
  SANDBOX_MIRROR_URL: 'file:///srv/mirror',
};

const limits = Object.keys(AWAITED_KEYS).filter((key) => key.startsWith('LIMIT_'));

test.each([...Object.entries(RIGHT), ...limits.map((key) => [key, '1'] as const)])(
  'NEXUS_%s=%s is taken, and said to have no effect once',
  (key, value) => {
    const name = `NEXUS_${key}`;
    const { lines } = load({ [name]: value });
    const { awaits, about } = lines.find((line) => line.name === name) ?? {};
    expect(awaits).toMatch(/^\w/);
    expect(about).toContain(`; without effect, waits for ${awaits}`);
    expect(told({ [name]: value })).toEqual([
      `config.no_effect ${name} has no effect: it waits for ${awaits}, which this version does not have`,
    ]);
  },
);

test('who leaves one as it is, or sets what it is anyway, is told nothing', () => {
  expect(told({})).toEqual([]);
  for (const { name, value, awaits } of load({}).lines) {
    if (awaits && value !== '') expect(told({ [name]: value })).toEqual([]);
  }
  expect(told({ NEXUS_SANDBOX_DRIVER: 'AUTO', NEXUS_MAIL_LOCAL_DOMAINS: '[ "nexus.local" ]' })).toEqual([]);
});

test('a setting of what is there waits for nothing', () => {
  const waiting = load({}).lines.flatMap(({ name, awaits }) => (awaits ? [name] : []));
  expect(waiting.sort()).toEqual(
    [...Object.keys(AWAITED_KEYS), 'SESSION', 'TARGET'].map((key) => `NEXUS_${key}`).sort(),
  );
});

const URLS = 'a URL that begins with https://, http:// to this machine, or file:///';
const ISSUERS = 'a JSON list of {"issuer": URL, "audience": text}';
const UIDS = 'a range of user ids: first-last, from 1 to 4294967294';

test.each([
  ['OIDC_ISSUERS', '{}', ISSUERS],
  ['OIDC_ISSUERS', '[null]', ISSUERS],
  ['OIDC_ISSUERS', '[{"issuer":"login","audience":"a"}]', ISSUERS],
  ['OIDC_ISSUERS', '[{"issuer":"https://x","audience":""}]', ISSUERS],
  ['OIDC_ISSUERS', '[{"issuer":"https://x","audience":"a","keys":1}]', ISSUERS],
  ['MULTI_TENANT', 'perhaps', 'true or false'],
  ['STARTERS', 'yes', 'one of on, off'],
  ['MAIL_LOCAL_DOMAINS', 'nexus.local', 'a JSON list of domains'],
  ['MAIL_LOCAL_DOMAINS', '["a@b"]', 'a JSON list of domains'],
  ['SANDBOX_DRIVER', 'docker', 'one of auto, firecracker, qemu, off'],
  ['SANDBOX_ISOLATION', 'root', 'one of auto, user, strict'],
  ['SANDBOX_UIDS', '0-100', UIDS],
  ['SANDBOX_UIDS', '200-100', UIDS],
  ['SANDBOX_UIDS', '1-4294967295', UIDS],
  ['SANDBOX_UIDS', '200000', UIDS],
  ['SANDBOX_SUBNET', '172.30.0.0', 'an IPv4 block: address/bits'],
  ['SANDBOX_SUBNET', '172.30.0.0/33', 'an IPv4 block: address/bits'],
  ['SANDBOX_SUBNET', '2001:db8::/64', 'an IPv4 block: address/bits'],
  ['SANDBOX_DNS', '["resolver"]', 'a JSON list of addresses'],
  ['SANDBOX_DOMAIN', '-x.example', 'a domain'],
  ['SANDBOX_ON_STOP', 'kill', 'one of stop, keep'],
  ['SANDBOX_SIGNATURES', 'off', 'one of verify, require'],
  ['SANDBOX_MIRROR_URL', 'http://mirror.example', URLS],
  ['SANDBOX_MIRROR_URL', 'file://host/x', URLS],
  ['SANDBOX_MIRROR_URL', '/srv/mirror', URLS],
])('NEXUS_%s=%s is refused with the fix, as every wrong value is', (key, value, wanted) => {
  expect(() => load({ [`NEXUS_${key}`]: value })).toThrow(`NEXUS_${key}: ${JSON.stringify(value)} is not ${wanted}`);
});
