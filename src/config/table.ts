/** Every setting that is no limit: default, meaning and parser (infrastructure.md §13). */
import { tmpdir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { AWAITED_KEYS } from './awaited.ts';
import { parseBlobsUrl } from './blobs-url.ts';
import {
  alwaysOn,
  certificateFile,
  decimal,
  hostName,
  isNetwork,
  isOrigin,
  isPin,
  type Key,
  keyText,
  list,
  oneOf,
  optional,
  orNothing,
  parseAuditKeys,
  seconds,
  secretText,
  terms,
  text,
  urlText,
  whole,
  yesNo,
} from './kinds.ts';
import { blobsFolderOf, folderUrl, sqliteFileOf } from './places.ts';

/** `mounts` in the data directory, and where temporary files go by custom and by the environment. */
const localRoots = (about: string): Key<readonly string[]> => ({
  ...list(about, (item): item is string => typeof item === 'string' && isAbsolute(item), 'absolute paths'),
  default: '`mounts` in the data directory, and where temporary files go',
  defaultFor: ({ DATA_DIR }) =>
    JSON.stringify([...new Set([resolve(String(DATA_DIR), 'mounts'), resolve('/', 'tmp'), resolve(tmpdir())])]),
});

const MEMORY = 'sqlite:///:memory:';

/** A password with such signs as they are ends too early, and what is left of it would be told as host or database. */
function isPostgresUrl(text: string): boolean {
  const url = /^postgres(ql)?:\/\/./.test(text) ? URL.parse(text) : null;
  if (!url) return false;
  const { pathname, search, hash } = url;
  return !`${pathname}${hash}${pathname.length > 1 ? '' : search}`.includes('@');
}

const placesIn = ({ DATA_DIR, DATABASE_URL = '' }: Readonly<Record<string, unknown>>) => ({
  DATA_DIR: String(DATA_DIR),
  DATABASE_URL: String(DATABASE_URL),
});

/** That of the older setting, or the one beside the database; a database in memory has a private directory. */
function standingBlobsUrl(earlier: Readonly<Record<string, unknown>>): string {
  if (earlier.OBJECT_STORAGE_ROOT) return folderUrl(String(earlier.OBJECT_STORAGE_ROOT));
  return earlier.DATABASE_URL === MEMORY ? '' : folderUrl(blobsFolderOf(placesIn(earlier)));
}

const perMinute = (whose: string, value: number): Key<number> =>
  whole(`${whose} a minute and operation, and at once`, value, [1, 100_000_000]);

/** Who asks for another way in is not let in by this one. */
function parseAuthentication(given: string): 'keys' {
  const said = given.toLowerCase();
  if (said === 'keys') return said;
  throw new Error(
    said === 'ldap'
      ? 'in this version, which has no directory login yet; leave it at keys'
      : 'keys, the one way there is',
  );
}

export const KEYS = {
  ENVIRONMENT: oneOf(
    'what the server is for',
    [['dev', 'test', 'prod'], { development: 'dev', production: 'prod' }],
    'dev',
  ),
  APP_NAME: text('name in logs and traces', 'nexus'),
  HOST: hostName('name or address to listen at', '127.0.0.1'),
  PORT: { ...whole('port to listen at; --port 0 takes a free one', 2026, [1, 65_535]), argument: { '0': 0 } },
  PUBLIC_URL: urlText('URL that clients use'),
  REGION: optional('region shown by /health', {
    parse: (given) => {
      if ([...given].length <= 63) return given;
      throw new Error('at most 63 characters');
    },
  }),
  DATA_DIR: text('directory of the embedded database and blobs', './nexus-data'),
  MOUNT_LOCAL_ROOTS: localRoots('directories of the host within which local mounts may lie'),
  MOUNT_LOCAL_SHARED: yesNo('all nodes see the same files in these directories', false),
  MCP_COMMANDS: list('programs that callers may have started as MCP servers, by name or path'),
  MCP_SSE: yesNo('the older HTTP+SSE transport for MCP clients, GET /sse and POST /messages/, see docs/mcp.md', false),
  SECRETS_KEY: optional(
    'what stored secrets are sealed with, at least 32 characters; unless set, one is made and kept',
    {
      secret: true,
      parse: (given) => {
        if (given === '' || given.length >= 32) return given;
        throw new Error('at least 32 characters');
      },
    },
  ),
  DATABASE_URL: optional('sqlite:///file or postgres://…; empty is the SQLite file in the data directory', {
    secret: true,
    standsFor: (earlier) => `sqlite:///${sqliteFileOf(placesIn({ ...earlier, DATABASE_URL: '' }))}`,
    parse: (given) => {
      const plain = given.replace(/^(\w+)\+\w+:/, '$1:');
      if (plain === '' || /^sqlite:\/\/\/./.test(plain) || isPostgresUrl(plain)) return plain;
      throw new Error(
        'sqlite:///file, sqlite:///:memory: or postgres://user:password@host/database, each / ? # @ of the password written as %2F %3F %23 %40',
      );
    },
  }),
  OBJECT_STORAGE_ROOT: optional('directory of blobs, an older form of NEXUS_BLOBS_URL, which wins'),
  BLOBS_URL: optional('file:///directory or s3://bucket/prefix, see docs/s3.md; empty is `blobs` beside the database', {
    standsFor: standingBlobsUrl,
    parse: (given) => {
      if (given !== '') parseBlobsUrl(given, true);
      return given;
    },
  }),
  AWS_ACCESS_KEY_ID: optional('credentials for blobs in S3; unless set AWS_ACCESS_KEY_ID', {
    also: 'AWS_ACCESS_KEY_ID',
  }),
  AWS_SECRET_ACCESS_KEY: optional('the secret that belongs to them; unless set AWS_SECRET_ACCESS_KEY', {
    also: 'AWS_SECRET_ACCESS_KEY',
    secret: true,
  }),
  AWS_SESSION_TOKEN: optional('of credentials that last for a while; unless set AWS_SESSION_TOKEN', {
    also: 'AWS_SESSION_TOKEN',
    secret: true,
  }),
  OUTBOUND_ALLOW: list(
    'addresses that are not public and may be asked for users',
    isNetwork,
    'addresses and CIDR blocks',
  ),
  RESOLVE: list('names that the resolver is not asked for', isPin, 'name:port=address:port'),
  CA_FILE: certificateFile('PEM file of certificates that others may show, beside the well-known ones'),
  SCHEMA_MANAGEMENT_MODE: {
    ...oneOf(
      'what a start does about the schema; unless set auto_create, in prod migrate_only',
      [['auto_create', 'migrate_only', 'off']],
      'auto_create',
    ),
    defaultFor: ({ ENVIRONMENT }) => (ENVIRONMENT === 'prod' ? 'migrate_only' : 'auto_create'),
  },
  MIGRATION_COPIES: whole(
    'copies kept of an embedded database as it was before migrations; 0 makes none, and of PostgreSQL no backup',
    3,
    [0, 100],
  ),
  CONTENT_CHECK_DAYS: whole(
    'days within which all stored contents are read again and compared with their hash; 0: only when asked',
    30,
    [0, 3650],
  ),
  DB_POOL_SIZE: whole(
    'PostgreSQL connections kept; of two or more a quarter, at least one, is for long reads',
    5,
    [1, 500],
  ),
  DB_MAX_OVERFLOW: whole('PostgreSQL connections beyond those while they are needed, divided alike', 10, [0, 500]),
  DB_POOL_RECYCLE: {
    default: '3600',
    about: 'age in seconds at which a PostgreSQL connection is replaced, 30..86400; 0 is never',
    parse: (given: string): number => {
      const seconds = decimal(given);
      if (seconds === 0 || (Number.isSafeInteger(seconds) && seconds >= 30 && seconds <= 86_400)) return seconds;
      throw new Error('0, or a whole number from 30 to 86400');
    },
  },
  DB_POOL_PRE_PING: yesNo('try a PostgreSQL connection that was idle for a second before using it', true),
  DB_BUSY_SECONDS: whole('how long a SQLite write waits for another process', 30, [1, 300]),
  BOOTSTRAP_KEYS_ENABLED: orNothing(
    yesNo('make the keys below at start; empty makes all in dev and test, and in prod those that are set', true),
  ),
  BOOTSTRAP_ADMIN_KEY: keyText(
    'text of the admin key; unless set nexus-dev-admin-key, which works from this machine only',
  ),
  BOOTSTRAP_RESEARCHER_KEY: keyText(
    'text of a researcher key; unless set nexus-dev-researcher-key, which works from this machine only',
  ),
  BOOTSTRAP_OPERATOR_KEY: keyText(
    'text of an operator key; unless set nexus-dev-operator-key, which works from this machine only',
  ),
  BOOTSTRAP_VIEWER_KEY: keyText(
    'text of a viewer key; unless set nexus-dev-viewer-key, which works from this machine only',
  ),
  JWT_SECRET: secretText(
    'what tokens are signed with, alike on all nodes; empty makes one and keeps it in the database',
  ),
  JWT_ALGORITHM: oneOf('how tokens are signed', [['HS256', 'HS384', 'HS512']], 'HS256'),
  JWT_EXPIRY_MINUTES: whole('life of a token', 60, [1, 1_440]),
  JWT_REFRESH_MINUTES: whole('how long after its key was shown a token can be renewed', 1_440, [1, 43_200]),
  RAW_MODE_ENABLED: yesNo('the mode RAW, for keys that may use it', true),
  PLUGIN_ML_ENABLED: yesNo('analysis plugins of kind ML, for callers whose flag ml_plugins is open', false),
  SHADOW_EXECUTION_ENABLED: yesNo('shadow runs of analyses, for callers whose flag shadow_execution is open', false),
  CORPUS_ROOT: text('directory whose files zone root can ingest', './corpus'),
  PUBLIC_BLOCKED_TERMS: terms('terms that governance looks for, taken over at the first start', [
    'kill',
    'self-harm',
    'hate',
    'ethnic cleansing',
    'bioweapon',
    'how to make a bomb',
  ]),
  RATE_LIMIT_ENABLED: yesNo('refuse requests beyond the rates below', true),
  RATE_LIMIT_ANONYMOUS_PER_MINUTE: perMinute('requests of an address without credentials', 60),
  RATE_LIMIT_UNKNOWN_PER_MINUTE: perMinute('requests with a credential that does not work', 60),
  RATE_LIMIT_FAILURES_PER_MINUTE: whole('credentials that do not work, of an address a minute', 600, [1, 100_000_000]),
  RATE_LIMIT_VIEWER_PER_MINUTE: perMinute('requests of a viewer key', 12_000),
  RATE_LIMIT_OPERATOR_PER_MINUTE: perMinute('requests of an operator key', 60_000),
  RATE_LIMIT_RESEARCHER_PER_MINUTE: perMinute('requests of a researcher key', 60_000),
  RATE_LIMIT_ADMIN_PER_MINUTE: perMinute('requests of an admin key', 6_000_000),
  ASYNC_JOBS_ENABLED: yesNo('jobs that are queued for later through /api/v1', true),
  EMBEDDED_WORKER: orNothing(yesNo('run jobs inside the server too; empty does, unless ENVIRONMENT is test', true)),
  WORKER_SLOTS: whole('jobs that a worker runs at a time', 4, [1, 64]),
  WORKER_NAME: optional('name in front of the ids of workers', {
    parse: (given) => {
      if (/^[A-Za-z0-9_.-]{0,60}$/.test(given)) return given;
      throw new Error('at most 60 letters, digits and _.-');
    },
  }),
  WORKER_POLL_SECONDS: seconds('how often an idle worker looks for jobs', 1, [0.1, 60]),
  WORKER_LEASE_SECONDS: whole('how long a worker has a job without renewing that', 30, [2, 3_600]),
  WORKER_HEARTBEAT_SECONDS: whole('how often a worker says that it is there', 1, [1, 300]),
  JOB_TIMEOUT_SECONDS: whole('longest time of one attempt at a job', 3_600, [1, 86_400]),
  JOB_SYNC_MAX: whole('jobs of mode sync that run at a time', 8, [1, 256]),
  JOB_RETENTION_DAYS: whole('how long finished jobs are kept', 30, [1, 3_650]),
  LOG_LEVEL: oneOf(
    'lowest level logged',
    [['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { warning: 'warn', critical: 'fatal' }],
    'info',
  ),
  OTLP_ENDPOINT: urlText('collector that traces go to, by OTLP over HTTP; empty is no traces'),
  AUTHENTICATION: {
    ...oneOf('how callers are known, by keys and the tokens made of them', [['keys']], 'keys'),
    parse: parseAuthentication,
  },
  ENFORCE_PERMISSIONS: alwaysOn('checks cannot be switched off; use an admin key where you want no tuples'),
  ACCESS_CACHE: oneOf('keep access decisions', [['on', 'off']], 'on'),
  TRUSTED_PROXIES: list('proxies whose X-Forwarded-For counts', isNetwork, 'addresses and CIDR blocks'),
  CORS_ORIGINS: list('origins that browsers may call from', isOrigin, 'origins: scheme, host and port, no path'),
  DRAIN_SECONDS: whole('how long a stop waits for requests', 25, [0, 600]),
  EVENT_RETENTION_DAYS: orNothing(whole('how long events are kept, in days; empty is for ever', 0, [1, 36_500])),
  AUDIT_ENABLED: alwaysOn('the audit log cannot be switched off; keep less of it with NEXUS_AUDIT_DAYS'),
  AUDIT_DAYS: whole('how long audit rows are kept', 365, [1, 36_500]),
  AUDIT_READS: oneOf(
    'what a call that changes nothing does until it is logged: answer, or wait',
    [['batch', 'sync']],
    'batch',
  ),
  AUDIT_READ_DAYS: whole('how long audit rows of calls that changed nothing are kept', 7, [1, 3_650]),
  AUDIT_READ_BYTES: whole('what is kept of them at most', 1_073_741_824, [1_048_576, 1_099_511_627_776]),
  AUDIT_KEY: optional('what the audit log is chained with, see docs/audit.md; empty is a key in the database', {
    secret: true,
    parse: parseAuditKeys,
  }),
  ...AWAITED_KEYS,
} as const satisfies Record<string, Key<unknown>>;
