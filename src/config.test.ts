/** Values that are refused, each with the fix, and what the rest of the values become. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeCertificate } from '../test/servers/certificate.ts';
import type { Environment } from './config/environment.ts';
import { ConfigError, loadConfig } from './config.ts';

const linesOf = (given: Environment): readonly string[] => {
  try {
    loadConfig({ environment: {}, given });
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.lines;
    throw thrown;
  }
};

const BLOBS =
  'file:///directory or s3://bucket/prefix?region=…&endpoint=…&force_path_style=true; credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or s3://key:secret@bucket in NEXUS_BLOBS_URL, each / of them as %2F';

const DATABASE =
  'sqlite:///file, sqlite:///:memory: or postgres://user:password@host/database, each / ? # @ of the password written as %2F %3F %23 %40';

test.each(['p@ss/word', 'p@ss#word', 'p@ss?word'])(
  'a password %s ends too early, and nothing of it is told',
  (password) => {
    const lines = linesOf({ NEXUS_DATABASE_URL: `postgres://u:${password}@127.0.0.1/d` });
    expect(lines).toEqual([expect.stringContaining('@ of the password written as')]);
    expect(lines.join()).not.toContain('word@127');
  },
);

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
  ['NEXUS_BLOBS_URL', '/var/blobs', `"/var/blobs" is not ${BLOBS}`],
  ['NEXUS_BLOBS_URL', 's3://b', `"s3://b" is not ${BLOBS}`],
  ['NEXUS_BLOBS_URL', 's3://key@bucket/', `the value is not ${BLOBS}`],
  ['NEXUS_BLOBS_URL', 's3://bucket?regoin=x', `"s3://bucket?regoin=x" is not ${BLOBS}: it has no "regoin"`],
  [
    'NEXUS_BLOBS_URL',
    's3://bucket?endpoint=minio',
    `"s3://bucket?endpoint=minio" is not ${BLOBS}: the endpoint is a URL that begins with http:// or https://`,
  ],
  ['NEXUS_BLOBS_URL', 's3://bucket/%zz', `"s3://bucket/%zz" is not ${BLOBS}: each % is written as %25`],
  ['NEXUS_BLOBS_URL', 's3://key:%zz@bucket', `the value is not ${BLOBS}: each % is written as %25`],
  ['NEXUS_BLOBS_URL', 'file:///a%2Fb', `"file:///a%2Fb" is not ${BLOBS}`],
  ['NEXUS_DATABASE_URL', 'postgres://user:a/b@host/database', `the value is not ${DATABASE}`],
  ['NEXUS_DATABASE_URL', 'postgresql+psycopg://host:99999/database', `the value is not ${DATABASE}`],
  ['NEXUS_DATABASE_URL', 'sqlite:///', `the value is not ${DATABASE}`],
  ['NEXUS_OUTBOUND_ALLOW', '["inside"]', '"[\\"inside\\"]" is not a JSON list of addresses and CIDR blocks'],
  ['NEXUS_CA_FILE', '/no/such.pem', '"/no/such.pem" is not a file that can be read and holds certificates in PEM'],
  ['NEXUS_AUTHENTICATION', 'ldap', '"ldap" is not in this version, which has no directory login yet; leave it at keys'],
  ['NEXUS_AUTHENTICATION', 'none', '"none" is not keys, the one way there is'],
  ['NEXUS_HOST', 'a b', '"a b" is not a name or an address'],
  ['NEXUS_RESOLVE', '["a=b"]', '"[\\"a=b\\"]" is not a JSON list of name:port=address:port'],
  ['NEXUS_RESOLVE', '["a:1=name:2"]', '"[\\"a:1=name:2\\"]" is not a JSON list of name:port=address:port'],
  ['NEXUS_TRUSTED_PROXIES', '["10.0.0.0/33"]', '"[\\"10.0.0.0/33\\"]" is not a JSON list of addresses and CIDR blocks'],
  ['NEXUS_TRUSTED_PROXIES', '["proxy"]', '"[\\"proxy\\"]" is not a JSON list of addresses and CIDR blocks'],
  ['NEXUS_TRUSTED_PROXIES', '10.0.0.1', '"10.0.0.1" is not a JSON list of addresses and CIDR blocks'],
  [
    'NEXUS_BOOTSTRAP_ADMIN_KEY',
    'looks.like-a.token-0123456789',
    'the value is not 16 to 256 visible characters that are not the three parts of a token',
  ],
  ['NEXUS_WORKER_SLOTS', '0x4', '"0x4" is not a whole number from 1 to 64'],
  ['NEXUS_DB_POOL_RECYCLE', '1e3', '"1e3" is not 0, or a whole number from 30 to 86400'],
])('%s=%s is refused in one line that names the fix', (name, value, line) => {
  expect(linesOf({ [name]: value })).toEqual([`${name}: ${line}`]);
});

test('a number of seconds may begin with its point', () => {
  const { config } = loadConfig({ environment: { NEXUS_WORKER_POLL_SECONDS: '.5' } });
  expect(config.WORKER_POLL_SECONDS).toBe(0.5);
});

test('a secret has 32 bytes, however few characters those are, and is never shown', () => {
  const { config, lines } = loadConfig({ environment: {}, given: { NEXUS_JWT_SECRET: 'ä'.repeat(16) } });
  expect(config.JWT_SECRET).toBe('ä'.repeat(16));
  expect(lines.find(({ name }) => name === 'NEXUS_JWT_SECRET')?.value).toBe('***');
});

test.each([
  ['NEXUS_BLOBS_URL', 's3://AKIAEXAMPLE:abc/defSECRET@bucket/nexus?region=eu-central-1'],
  ['NEXUS_BLOBS_URL', 's3:/AKIAEXAMPLE:SECRET@bucket'],
  ['NEXUS_BLOBS_URL', 's3//AKIAEXAMPLE:SECRET@bucket'],
  ['NEXUS_DATABASE_URL', 'postgre://nexus:SECRET@db/nexus'],
])('%s=%s is refused without showing its secret', (name, value) => {
  const lines = linesOf({ [name]: value });
  expect(lines).toEqual([expect.stringMatching(/: the value is not /)]);
  expect(lines.join()).not.toContain('SECRET@');
});

test('words are taken in any case', () => {
  expect(loadConfig({ environment: {}, given: { NEXUS_JWT_ALGORITHM: 'hs512' } }).config.JWT_ALGORITHM).toBe('HS512');
});

test('proxies are addresses and blocks of either family', () => {
  const given = { NEXUS_TRUSTED_PROXIES: '["10.0.0.0/8","2001:db8::/32","192.0.2.1"]' };
  expect(loadConfig({ environment: {}, given }).config.TRUSTED_PROXIES).toHaveLength(3);
});

const configOf = (given: Environment) => loadConfig({ environment: {}, given });
const warnedOf = (environment: Environment): string[] =>
  loadConfig({ environment }).warnings.map(({ event, message }) => `${event} ${message}`);

test('words for environments and levels are taken in their other spellings', () => {
  const { config } = configOf({ NEXUS_ENVIRONMENT: 'Development', NEXUS_LOG_LEVEL: 'WARNING' });
  expect([config.ENVIRONMENT, config.LOG_LEVEL]).toEqual(['dev', 'warn']);
  expect(configOf({ NEXUS_LOG_LEVEL: 'critical' }).config.LOG_LEVEL).toBe('fatal');
});

test('prod migrates only where it is told to, and says so', () => {
  const given = { NEXUS_ENVIRONMENT: 'production' };
  const { config, lines } = configOf(given);
  expect(config.SCHEMA_MANAGEMENT_MODE).toBe('migrate_only');
  const line = lines.find(({ name }) => name === 'NEXUS_SCHEMA_MANAGEMENT_MODE');
  expect(line).toMatchObject({ value: 'migrate_only', default: 'migrate_only', source: 'default' });
  expect(configOf({ ...given, NEXUS_SCHEMA_MANAGEMENT_MODE: 'off' }).config.SCHEMA_MANAGEMENT_MODE).toBe('off');
});

test('a driver behind + says nothing, on either engine', () => {
  const urlOf = (NEXUS_DATABASE_URL: string) => configOf({ NEXUS_DATABASE_URL }).config.DATABASE_URL;
  expect(urlOf('sqlite+aiosqlite:////a/b.db')).toBe('sqlite:////a/b.db');
  expect(urlOf('postgresql+asyncpg://u:p@h/d')).toBe('postgresql://u:p@h/d');
});

test('blobs lie where the older name says, unless the newer one says otherwise', () => {
  const older = { NEXUS_OBJECT_STORAGE_ROOT: '/var/blobs' };
  expect(configOf(older).config.BLOBS_URL).toBe('file:///var/blobs');
  expect(configOf({ ...older, NEXUS_BLOBS_URL: 'file:///x' }).config.BLOBS_URL).toBe('file:///x');
});

test('a file of certificates is looked at before anything is opened', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-config-'));
  const file = join(folder, 'ca.pem');
  const refused = `NEXUS_CA_FILE: ${JSON.stringify(file)} is not a file that can be read and holds certificates in PEM`;
  const { cert, key } = makeCertificate('ca.test');
  try {
    for (const wrong of ['', key, cert.replace(/\n[^\n]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')]) {
      writeFileSync(file, wrong);
      expect(linesOf({ NEXUS_CA_FILE: file })).toEqual([refused]);
    }
    writeFileSync(file, `${cert}${cert}`);
    expect(configOf({ NEXUS_CA_FILE: file }).config.CA_FILE).toBe(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a default that depends on others is told as it is', () => {
  const line = configOf({ NEXUS_DATA_DIR: '/srv/nexus' }).lines.find(({ name }) => name === 'NEXUS_MOUNT_LOCAL_ROOTS');
  expect(line?.default).toBe(line?.value);
  expect(line?.default).toContain('/srv/nexus/mounts');
});

test('the directory of temporary files may be given relative to the working directory', () => {
  vi.stubEnv('TMPDIR', 'scratch');
  try {
    expect(configOf({}).config.MOUNT_LOCAL_ROOTS).toContain(resolve('scratch'));
  } finally {
    vi.unstubAllEnvs();
  }
});

test('two first keys with one text are refused, also where none is to be made', () => {
  const same = { NEXUS_BOOTSTRAP_VIEWER_KEY: 'one-text-for-both', NEXUS_BOOTSTRAP_ADMIN_KEY: 'one-text-for-both' };
  for (const more of [{}, { NEXUS_ENVIRONMENT: 'prod' }, { NEXUS_BOOTSTRAP_KEYS_ENABLED: 'false' }])
    expect(() => loadConfig({ environment: { ...same, ...more } })).toThrow('is that of another NEXUS_BOOTSTRAP_');
});

test('a free port is taken where an option asks for it, and nowhere else', () => {
  const NEXUS_PORT = '0';
  expect(loadConfig({ environment: {}, given: { NEXUS_PORT } }).config.PORT).toBe(0);
  for (const layers of [{ environment: { NEXUS_PORT } }, { environment: {}, dotenv: { NEXUS_PORT } }])
    expect(() => loadConfig(layers)).toThrow('NEXUS_PORT: "0" is not a whole number from 1 to 65535');
});

test('what a container platform puts there for a service is ignored, and said', () => {
  const platform = {
    NEXUS_PORT: 'tcp://10.0.0.1:2026',
    NEXUS_SERVICE_HOST: '10.0.0.1',
    NEXUS_SERVICE_PORT: '2026',
    NEXUS_PORT_2026_TCP: 'tcp://10.0.0.1:2026',
    NEXUS_PORT_2026_TCP_ADDR: '10.0.0.1',
    // Of a service whose name begins with ours.
    NEXUS_DB_PORT: 'tcp://10.0.0.2:5432',
    NEXUS_DB_SERVICE_PORT: '5432',
  };
  expect(loadConfig({ environment: platform }).config.PORT).toBe(2026);
  expect(warnedOf(platform)).toEqual(
    Object.keys(platform).map((name) => expect.stringMatching(new RegExp(`^config.ignored ${name} `))),
  );
  // The file of settings still says which port.
  expect(loadConfig({ environment: platform, dotenv: { NEXUS_PORT: '3000' } }).config.PORT).toBe(3000);
});

test('a name that is no setting is told with the nearest that is one; those of the client and of tests are known', () => {
  const NEXUS_API_KEY = 'the-key-of-a-client';
  expect(warnedOf({ NEXUS_TEST_ANYTHING: '1', NEXUS_API_KEY, NEXUS_TARGET: 'x', NEXUS_LOG_LEVL: 'info' })).toEqual([
    'config.unknown NEXUS_LOG_LEVL is no setting and is ignored; the nearest is NEXUS_LOG_LEVEL',
  ]);
  expect(warnedOf({ NEXUS_constructor: '1' })).toHaveLength(1);
  for (const [name, meant] of [
    ['API_KEYS', 'API_KEY'],
    ['SESION', 'SESSION'],
    ['log_level', 'LOG_LEVEL'],
  ])
    expect(warnedOf({ [`NEXUS_${name}`]: 'x' }).join()).toContain(`the nearest is NEXUS_${meant}`);
});

test('what commands go by is listed with the rest, its key hidden; a free port that is typed hides no warning', () => {
  const environment = { NEXUS_URL: 'http://nexus.example', NEXUS_API_KEY: 'the-key-of-a-client' };
  const { lines } = loadConfig({ environment, dotenv: { NEXUS_TENANT: 'team' } });
  const told = lines.map(({ name, value, source }) => [name, value, source]);
  expect(told.filter(([name = '']) => /^NEXUS_(URL|API_KEY|SESSION|TENANT|TARGET)$/.test(name))).toEqual([
    ['NEXUS_URL', 'http://nexus.example', 'environment'],
    ['NEXUS_API_KEY', '***', 'environment'],
    ['NEXUS_SESSION', '', 'default'],
    ['NEXUS_TENANT', 'team', '.env'],
    ['NEXUS_TARGET', 'development', 'default'],
  ]);
  const { warnings } = loadConfig({ environment: { NEXUS_PORT: 'tcp://10.0.0.1:2026' }, given: { NEXUS_PORT: '0' } });
  expect(warnings).toMatchObject([{ event: 'config.ignored' }]);
});

test('default texts of keys: none in prod, told outside dev, never twice', () => {
  expect(linesOf({ NEXUS_ENVIRONMENT: 'prod' })).toEqual([]);
  expect(linesOf({ NEXUS_ENVIRONMENT: 'prod', NEXUS_BOOTSTRAP_KEYS_ENABLED: 'true' })).toHaveLength(4);
  expect(linesOf({ NEXUS_ENVIRONMENT: 'prod', NEXUS_BOOTSTRAP_VIEWER_KEY: 'nexus-dev-admin-key' })).toEqual([
    'NEXUS_BOOTSTRAP_VIEWER_KEY: prod takes no default text; set one of your own: openssl rand -hex 24',
  ]);
  expect(linesOf({ NEXUS_BOOTSTRAP_VIEWER_KEY: 'nexus-dev-admin-key' })).toEqual([
    expect.stringMatching(/^NEXUS_BOOTSTRAP_VIEWER_KEY: the value is that of another/),
  ]);
  expect(warnedOf({})).toEqual([]);
  expect(warnedOf({ NEXUS_ENVIRONMENT: 'test', NEXUS_CORPUS_ROOT: '/corpus' })).toHaveLength(4);
  expect(
    warnedOf({ NEXUS_ENVIRONMENT: 'test', NEXUS_CORPUS_ROOT: '/corpus', NEXUS_BOOTSTRAP_KEYS_ENABLED: 'no' }),
  ).toEqual([]);
});

test('credentials of S3 come by the names that everybody has for them, ours win, and neither secret is shown', () => {
  const environment = { AWS_ACCESS_KEY_ID: 'theirs', AWS_SECRET_ACCESS_KEY: 'hidden-1', AWS_SESSION_TOKEN: 'hidden-2' };
  const { config, lines, warnings } = loadConfig({ environment, dotenv: { NEXUS_AWS_ACCESS_KEY_ID: 'ours' } });
  expect(config).toMatchObject({
    AWS_ACCESS_KEY_ID: 'ours',
    AWS_SECRET_ACCESS_KEY: 'hidden-1',
    AWS_SESSION_TOKEN: 'hidden-2',
  });
  expect(warnings).toEqual([]);
  expect(JSON.stringify(lines)).not.toContain('hidden');
});
