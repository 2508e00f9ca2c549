/** Defaults and ranges of settings as they are promised (infrastructure.md §13): both ends are taken, what lies beyond is not. */
import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../config.ts';
import { changesOf, retuned } from './reload.ts';

type Row = readonly [name: string, unless: string, least: number, most: number];

const RANGES: readonly Row[] = [
  ['DB_POOL_SIZE', '5', 1, 500],
  ['DB_MAX_OVERFLOW', '10', 0, 500],
  ['DB_POOL_RECYCLE', '3600', 30, 86_400],
  ['DB_BUSY_SECONDS', '30', 1, 300],
  ['JWT_EXPIRY_MINUTES', '60', 1, 1_440],
  ['JWT_REFRESH_MINUTES', '1440', 1, 43_200],
  ['WORKER_SLOTS', '4', 1, 64],
  ['WORKER_POLL_SECONDS', '1', 0.1, 60],
  ['WORKER_LEASE_SECONDS', '30', 2, 3_600],
  ['WORKER_HEARTBEAT_SECONDS', '1', 1, 300],
  ['DRAIN_SECONDS', '25', 0, 600],
  ['JOB_TIMEOUT_SECONDS', '3600', 1, 86_400],
  ['JOB_SYNC_MAX', '8', 1, 256],
  ['JOB_PAYLOAD_BYTES_MAX', '1048576', 1_024, 16_777_216],
  ['JOB_RETENTION_DAYS', '30', 1, 3_650],
  ['LIMIT_V1_BODY_BYTES', '16777216', 1_024, 1_073_741_824],
  ['RATE_LIMIT_ANONYMOUS_PER_MINUTE', '60', 1, 100_000_000],
  ['RATE_LIMIT_UNKNOWN_PER_MINUTE', '60', 1, 100_000_000],
  ['RATE_LIMIT_FAILURES_PER_MINUTE', '600', 1, 100_000_000],
  ['RATE_LIMIT_VIEWER_PER_MINUTE', '12000', 1, 100_000_000],
  ['RATE_LIMIT_OPERATOR_PER_MINUTE', '60000', 1, 100_000_000],
  ['RATE_LIMIT_RESEARCHER_PER_MINUTE', '60000', 1, 100_000_000],
  ['RATE_LIMIT_ADMIN_PER_MINUTE', '6000000', 1, 100_000_000],
  ['AUDIT_DAYS', '365', 1, 36_500],
  ['AUDIT_READ_DAYS', '7', 1, 3_650],
  ['AUDIT_READ_BYTES', '1073741824', 1_048_576, 1_099_511_627_776],
  ['AGENT_STALE_SECONDS', '90', 3, 86_400],
  ['EVENT_RETENTION_DAYS', '', 1, 36_500],
  ['EXECUTION_RETENTION_DAYS', '30', 1, 36_500],
  ['CONFLICT_DAYS', '30', 1, 36_500],
  ['LIMIT_REQUESTS_IN_FLIGHT', '1000', 1, Number.MAX_SAFE_INTEGER],
  ['LIMIT_WRITES_WAITING', '10000', 1, Number.MAX_SAFE_INTEGER],
  ['LIMIT_INGEST_FILES', '10000', 1, Number.MAX_SAFE_INTEGER],
  ['LIMIT_INGEST_FILE_BYTES', '268435456', 1, Number.MAX_SAFE_INTEGER],
  ['LIMIT_INGEST_TEXT_BYTES', '67108864', 1, Number.MAX_SAFE_INTEGER],
  ['LIMIT_PDF_PAGES', '10000', 1, Number.MAX_SAFE_INTEGER],
  ['LIMIT_SANDBOX_BOOT_SECONDS', '20', 1, Number.MAX_SAFE_INTEGER],
  ['LIMIT_SANDBOX_EXEC_OUTPUT_BYTES', '1048576', 1, Number.MAX_SAFE_INTEGER],
];

const load = (environment: Readonly<Record<string, string>>) => loadConfig({ environment });
const lineOf = (name: string, given = {}) => load(given).lines.find((line) => line.name === name);

test.each(RANGES)('NEXUS_%s is %j, from %d to %d', (key, unless, least, most) => {
  const name = `NEXUS_${key}`;
  expect(lineOf(name)).toMatchObject({ value: unless, default: unless, source: 'default' });
  for (const end of [least, most]) {
    expect(lineOf(name, { [name]: String(end) })).toMatchObject({ value: String(end), source: 'environment' });
  }
  for (const beyond of [least - 1, most * 2, 'many', ' ', '-1']) {
    expect(() => load({ [name]: String(beyond) }), `${name}=${beyond}`).toThrow(ConfigError);
  }
});

const known = load({}).lines.map(({ name, range }) => [name, range] as const);

test.each(known.filter(([, range]) => range))(
  '%s takes both ends of %j, and nothing beyond',
  (name, [least, most] = [0, 0]) => {
    for (const end of [least, most]) expect(() => load({ [name]: String(end) })).not.toThrow();
    // No whole number is larger than the largest exact one.
    for (const beyond of [least - 1, most + 1]) {
      expect(() => load({ [name]: String(beyond) })).toThrow(`${name}: ${JSON.stringify(String(beyond))} is not `);
    }
  },
);

/** Settings without a range: what they are unless set, as it is promised. */
const DEFAULTS: Readonly<Record<string, string>> = {
  ENVIRONMENT: 'dev',
  APP_NAME: 'nexus',
  HOST: '127.0.0.1',
  PUBLIC_URL: '',
  REGION: '',
  DATA_DIR: './nexus-data',
  SCHEMA_MANAGEMENT_MODE: 'auto_create',
  DB_POOL_RECYCLE: '3600',
  DB_POOL_PRE_PING: 'true',
  RAW_MODE_ENABLED: 'true',
  ASYNC_JOBS_ENABLED: 'true',
  PLUGIN_ML_ENABLED: 'false',
  SHADOW_EXECUTION_ENABLED: 'false',
  BOOTSTRAP_KEYS_ENABLED: '',
  JWT_SECRET: '',
  JWT_ALGORITHM: 'HS256',
  EMBEDDED_WORKER: '',
  WORKER_NAME: '',
  LOG_LEVEL: 'info',
  OTLP_ENDPOINT: '',
  CORPUS_ROOT: './corpus',
  ENFORCE_PERMISSIONS: 'true',
  ACCESS_CACHE: 'on',
  TRUSTED_PROXIES: '[]',
  RATE_LIMIT_ENABLED: 'true',
  AUDIT_READS: 'batch',
  CORS_ORIGINS: '[]',
  OIDC_ISSUERS: '[]',
  AUTHENTICATION: 'keys',
  MULTI_TENANT: 'true',
  MOUNT_LOCAL_SHARED: 'false',
  MCP_COMMANDS: '[]',
  MCP_SSE: 'false',
  WORKFLOWS_DIR: '',
  STARTERS: 'on',
  MAIL_LOCAL_DOMAINS: '["nexus.local"]',
  OUTBOUND_ALLOW: '[]',
  RESOLVE: '[]',
  CA_FILE: '',
  WEBHOOK_HTTP_ENABLED: 'false',
  LDAP_PLAIN_ENABLED: 'false',
  OAUTH_REGISTRATION_ENABLED: 'false',
  SANDBOX_DRIVER: 'auto',
  SANDBOX_ISOLATION: 'auto',
  SANDBOX_UIDS: '200000-265535',
  SANDBOX_SUBNET: '172.30.0.0/16',
  SANDBOX_DNS: '',
  SANDBOX_DOMAIN: '',
  SANDBOX_PUBLIC_PORTS: 'false',
  SANDBOX_ON_STOP: 'stop',
  SANDBOX_SIGNATURES: 'verify',
};

test('what is not set is what is promised, and taken where somebody sets it', () => {
  const defaults = Object.keys(DEFAULTS).map((key) => [key, lineOf(`NEXUS_${key}`)?.value]);
  expect(Object.fromEntries(defaults)).toEqual(DEFAULTS);
  for (const { name, default: unless } of load({}).lines) {
    if (unless !== '')
      expect(lineOf(name, { [name]: unless })).toMatchObject({ source: 'environment', default: unless });
  }
});

test('where data lies is told, also where nobody said it', () => {
  const placesOf = (given: Readonly<Record<string, string>>) =>
    ['NEXUS_DATABASE_URL', 'NEXUS_BLOBS_URL'].map((name) => [lineOf(name, given)?.value, lineOf(name, given)?.default]);
  const NEXUS_DATA_DIR = '/srv/nexus';
  const file = 'sqlite:////srv/nexus/nexus.db';
  const folder = 'file:///srv/nexus/blobs';
  expect(placesOf({ NEXUS_DATA_DIR })).toEqual([
    [file, file],
    [folder, folder],
  ]);
  expect(placesOf({ NEXUS_DATA_DIR, NEXUS_DATABASE_URL: 'sqlite:////other/x.db' })).toEqual([
    ['***', file],
    ['file:///other/blobs', 'file:///other/blobs'],
  ]);
  expect(placesOf({ NEXUS_DATA_DIR, NEXUS_DATABASE_URL: 'postgres://u:p@h/d' })[1]).toEqual([folder, folder]);
  expect(placesOf({ NEXUS_DATABASE_URL: 'sqlite:///:memory:' })[1]).toEqual(['', '']);
  expect(placesOf({ NEXUS_OBJECT_STORAGE_ROOT: '/var/blobs' })[1]?.[0]).toBe('file:///var/blobs');
});

test('a region has up to 63 characters, of whatever kind', () => {
  const NEXUS_REGION = '🌍'.repeat(63);
  expect(loadConfig({ environment: { NEXUS_REGION } }).config.REGION).toBe(NEXUS_REGION);
});

test.each([
  ['REGION', '🌍'.repeat(64)],
  ['REGION', 'x'.repeat(64)],
  ['SECRETS_KEY', 'x'.repeat(31)],
  ['DATABASE_URL', 'mysql://host/database'],
  ['WORKER_NAME', 'two words'],
  ['WORKER_NAME', 'x'.repeat(61)],
  ['PUBLIC_URL', 'ftp://host'],
  ['CORS_ORIGINS', '["example.org"]'],
  ['CORS_ORIGINS', 'https://example.org'],
  ['ENVIRONMENT', 'staging'],
  ['LOG_LEVEL', 'loud'],
  ['SCHEMA_MANAGEMENT_MODE', 'sometimes'],
  ['RAW_MODE_ENABLED', 'perhaps'],
  ['PUBLIC_BLOCKED_TERMS', 'kill'],
  ['PUBLIC_BLOCKED_TERMS', '["kill", ""]'],
  ['PUBLIC_BLOCKED_TERMS', '[" "]'],
  ['PUBLIC_BLOCKED_TERMS', JSON.stringify(['😀'.repeat(101)])],
  ['PUBLIC_BLOCKED_TERMS', JSON.stringify(Array.from({ length: 1_001 }, (_, n) => `t${n}`))],
])('NEXUS_%s=%s is refused', (key, value) => {
  expect(() => load({ [`NEXUS_${key}`]: value })).toThrow(`NEXUS_${key}: `);
});

test('connections that are never replaced, and settings whose value is nothing', () => {
  expect(load({ NEXUS_DB_POOL_RECYCLE: '0' }).config.DB_POOL_RECYCLE).toBe(0);
  const { EVENT_RETENTION_DAYS, EMBEDDED_WORKER, BOOTSTRAP_KEYS_ENABLED } = load({}).config;
  expect([EVENT_RETENTION_DAYS, EMBEDDED_WORKER, BOOTSTRAP_KEYS_ENABLED]).toEqual([undefined, undefined, undefined]);
});

test('terms that are looked for: six unless set, at most a thousand of a hundred characters, or none', () => {
  expect(load({}).config.PUBLIC_BLOCKED_TERMS).toEqual([
    'kill',
    'self-harm',
    'hate',
    'ethnic cleansing',
    'bioweapon',
    'how to make a bomb',
  ]);
  const termsOf = (given: readonly string[]) =>
    load({ NEXUS_PUBLIC_BLOCKED_TERMS: JSON.stringify(given) }).config.PUBLIC_BLOCKED_TERMS;
  expect(termsOf([])).toEqual([]);
  const most = Array.from({ length: 1_000 }, (_, n) => '😀'.repeat(96) + String(1_000 + n));
  expect(termsOf(most)).toEqual(most);
});

test('a corpus folder that nobody chose is warned about, except in dev', () => {
  const warned = (given: Readonly<Record<string, string>>) =>
    load(given).warnings.filter(({ message }) => message.startsWith('NEXUS_CORPUS_ROOT '));
  expect(warned({})).toEqual([]);
  expect(warned({ NEXUS_ENVIRONMENT: 'test' })).toMatchObject([{ event: 'config.default' }]);
  expect(warned({ NEXUS_ENVIRONMENT: 'test', NEXUS_CORPUS_ROOT: './corpus' })).toEqual([]);
});

test('a running server takes over levels and rates, and leaves the rest', () => {
  const before = load({}).config;
  const after = load({
    NEXUS_LOG_LEVEL: 'debug',
    NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE: '7',
    NEXUS_REGION: 'there',
    NEXUS_LIMIT_EDITS: '9',
  }).config;
  expect(changesOf(before, before)).toEqual({ taken: [], left: [] });
  expect(changesOf(before, after)).toEqual({
    taken: ['NEXUS_LOG_LEVEL', 'NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE'],
    left: ['NEXUS_LIMIT_EDITS', 'NEXUS_REGION'],
  });
  const running = retuned(before, after);
  expect(running).toMatchObject({ LOG_LEVEL: 'debug', RATE_LIMIT_VIEWER_PER_MINUTE: 7, REGION: '' });
  expect(running.limits).toEqual(before.limits);
});
