/**
 * Configuration: one table with default, meaning and parser for each key, and the only reader of the environment.
 * Guarantees: a wrong value refuses to start with one line that names it and the fix, never showing a secret; an unknown
 * `NEXUS_` name is warned about with the nearest known one. Source: infrastructure.md §13.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { type Limits, limitKey, limitRows } from './base/limits.ts';
import { isTokenForm } from './base/token-form.ts';

type Range = readonly [number, number];

interface Key<T> {
  readonly default: string;
  readonly about: string;
  readonly secret?: boolean;
  /** Least and most, of a whole number. */
  readonly range?: Range;
  /** Throws an Error whose message says what is wanted. */
  readonly parse: (text: string) => T;
}

const text = (about: string, value: string): Key<string> => ({ default: value, about, parse: (given) => given });
const oneOf = <const T extends string>(about: string, words: readonly T[], value: T): Key<T> => ({
  default: value,
  about: `${about}: ${words.join(', ')}`,
  parse: (given) => {
    const word = words.find((known) => known.toLowerCase() === given.toLowerCase());
    if (word === undefined) throw new Error(`one of ${words.join(', ')}`);
    return word;
  },
});
/** The largest exact integer is no bound that anybody chose. */
const isBound = (most: number): boolean => most < Number.MAX_SAFE_INTEGER;
const whole = (about: string, value: number, range: Range): Key<number> => ({
  default: String(value),
  about: `${about}, ${isBound(range[1]) ? `${range[0]}..${range[1]}` : `at least ${range[0]}`}`,
  range,
  parse: (given) => {
    const number = Number(given);
    if (!Number.isSafeInteger(number) || number < range[0] || number > range[1] || given.trim() === '') {
      throw new Error(
        `a whole number ${isBound(range[1]) ? `from ${range[0]} to ${range[1]}` : `of at least ${range[0]}`}`,
      );
    }
    return number;
  },
});
const seconds = (about: string, value: number, range: Range): Key<number> => ({
  default: String(value),
  about: `${about}, ${range[0]}..${range[1]}`,
  range,
  parse: (given) => {
    const number = Number(given);
    if (given.trim() !== '' && number >= range[0] && number <= range[1]) return number;
    throw new Error(`a number from ${range[0]} to ${range[1]}`);
  },
});
function parseYesNo(given: string): boolean {
  if (/^(true|1|yes)$/i.test(given)) return true;
  if (/^(false|0|no)$/i.test(given)) return false;
  throw new Error('true or false');
}
const yesNo = (about: string, value: boolean): Key<boolean> => ({ default: String(value), about, parse: parseYesNo });
/** Nothing at all is a value too. */
const orNothing = <T>(key: Key<T>): Key<T | undefined> => ({
  ...key,
  default: '',
  parse: (given) => (given === '' ? undefined : key.parse(given)),
});
/** What somebody may ask to be switched off, and is told that it is not. */
const alwaysOn = (about: string): Key<true> => ({
  default: 'true',
  about,
  parse: (given) => {
    if (/^(true|1|yes)$/i.test(given)) return true;
    throw new Error(`true: ${about}`);
  },
});
const isText = (item: unknown): item is string => typeof item === 'string';
const list = (about: string, isItem = isText, wanted = 'texts'): Key<readonly string[]> => ({
  default: '[]',
  about: `${about}, a JSON list`,
  parse: (given) => {
    const value: unknown = parsedJson(given);
    if (Array.isArray(value) && value.every(isItem)) return value;
    throw new Error(`a JSON list of ${wanted}`);
  },
});
function parsedJson(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
/** An address, or a CIDR block. */
function isNetwork(item: unknown): item is string {
  if (!isText(item)) return false;
  const [address = '', bits] = item.split('/');
  const family = isIP(address);
  return family !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)));
}
const optional = (about: string, more: Partial<Key<string>> = {}): Key<string> => ({ ...text(about, ''), ...more });

const keyText = (about: string): Key<string> =>
  optional(about, {
    secret: true,
    parse: (given) => {
      if (given === '' || (/^[\x21-\x7e]{16,256}$/.test(given) && !isTokenForm(given))) return given;
      throw new Error('16 to 256 visible characters that are not the three parts of a token');
    },
  });

/** Bytes below which a secret is guessed more easily than a signature (RFC 7518 §3.2, for HS256). */
const SECRET_BYTES = 32;
const secretText = (about: string): Key<string> =>
  optional(about, {
    secret: true,
    parse: (given) => {
      if (given === '' || Buffer.byteLength(given) >= SECRET_BYTES) return given;
      throw new Error(`at least ${SECRET_BYTES} bytes; make one with: openssl rand -base64 48`);
    },
  });

function parseAuditKeys(given: string): string {
  const isKey = (key: string): boolean => key === 'database' || Buffer.byteLength(key) >= SECRET_BYTES;
  if (given === '' || given.split(',').every(isKey)) return given;
  throw new Error(`keys of at least ${SECRET_BYTES} bytes; make one with: openssl rand -base64 48`);
}

const perMinute = (whose: string, value: number): Key<number> =>
  whole(`${whose} a minute and operation, and at once`, value, [1, 100_000_000]);

export const KEYS = {
  ENVIRONMENT: oneOf('what the server is for', ['dev', 'test', 'prod'], 'dev'),
  APP_NAME: text('name in logs and traces', 'nexus'),
  HOST: text('address to listen at', '127.0.0.1'),
  PORT: whole('port to listen at; 0 takes a free one', 2026, [0, 65_535]),
  PUBLIC_URL: optional('URL that clients use'),
  REGION: optional('region shown by /health'),
  DATA_DIR: text('directory of the embedded database and blobs', './nexus-data'),
  DATABASE_URL: optional('sqlite:///file or postgres://…; empty is the SQLite file in the data directory', {
    secret: true,
    parse: (given) => {
      if (given === '' || /^(sqlite:\/\/\/|postgres(ql)?(\+\w+)?:\/\/)/.test(given)) return given;
      throw new Error('sqlite:///file, sqlite:///:memory: or postgres://user:password@host/database');
    },
  }),
  BLOBS_URL: optional('file:///directory; empty is `blobs` beside the database'),
  SCHEMA_MANAGEMENT_MODE: oneOf('who migrates the schema', ['auto_create', 'migrate_only', 'off'], 'auto_create'),
  DB_POOL_SIZE: whole('PostgreSQL connections kept; a quarter of them, at least one, is for long reads', 5, [1, 500]),
  DB_MAX_OVERFLOW: whole('PostgreSQL connections beyond those while they are needed, divided alike', 10, [0, 500]),
  DB_POOL_RECYCLE: {
    default: '3600',
    about: 'age in seconds at which a PostgreSQL connection is replaced, 30..86400; 0 is never',
    parse: (given: string): number => {
      const seconds = Number(given);
      if (
        given.trim() !== '' &&
        (seconds === 0 || (Number.isSafeInteger(seconds) && seconds >= 30 && seconds <= 86_400))
      )
        return seconds;
      throw new Error('0, or a whole number from 30 to 86400');
    },
  },
  DB_POOL_PRE_PING: yesNo('try a PostgreSQL connection that was idle for a second before using it', true),
  DB_BUSY_SECONDS: whole('how long a SQLite write waits for another process', 30, [1, 300]),
  BOOTSTRAP_KEYS_ENABLED: yesNo('make the first keys at start', true),
  BOOTSTRAP_ADMIN_KEY: keyText('text of the admin key'),
  BOOTSTRAP_RESEARCHER_KEY: keyText('text of a researcher key'),
  BOOTSTRAP_OPERATOR_KEY: keyText('text of an operator key'),
  BOOTSTRAP_VIEWER_KEY: keyText('text of a viewer key'),
  JWT_SECRET: secretText(
    'what tokens are signed with, alike on all nodes; empty makes one and keeps it in the database',
  ),
  JWT_ALGORITHM: oneOf('how tokens are signed', ['HS256', 'HS384', 'HS512'], 'HS256'),
  JWT_EXPIRY_MINUTES: whole('life of a token', 60, [1, 1_440]),
  JWT_REFRESH_MINUTES: whole('how long after its key was shown a token can be renewed', 1_440, [1, 43_200]),
  RAW_MODE_ENABLED: yesNo('the mode RAW, for keys that may use it', true),
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
  LOG_LEVEL: oneOf('lowest level logged', ['debug', 'info', 'warn', 'error', 'silent'], 'info'),
  ENFORCE_PERMISSIONS: alwaysOn('checks cannot be switched off; use an admin key where you want no tuples'),
  ACCESS_CACHE: oneOf('keep access decisions', ['on', 'off'], 'on'),
  TRUSTED_PROXIES: list('proxies whose X-Forwarded-For counts', isNetwork, 'addresses and CIDR blocks'),
  CORS_ORIGINS: list('origins that browsers may call from'),
  DRAIN_SECONDS: whole('how long a stop waits for requests', 25, [0, 600]),
  EVENT_RETENTION_DAYS: orNothing(whole('how long events are kept, in days; empty is for ever', 0, [1, 36_500])),
  AUDIT_ENABLED: alwaysOn('the audit log cannot be switched off; keep less of it with NEXUS_AUDIT_DAYS'),
  AUDIT_DAYS: whole('how long audit rows are kept', 365, [1, 36_500]),
  AUDIT_READS: oneOf(
    'what a call that changes nothing does until it is logged: answer, or wait',
    ['batch', 'sync'],
    'batch',
  ),
  AUDIT_READ_DAYS: whole('how long audit rows of calls that changed nothing are kept', 7, [1, 3_650]),
  AUDIT_READ_BYTES: whole('what is kept of them at most', 1_073_741_824, [1_048_576, 1_099_511_627_776]),
  AUDIT_KEY: optional('what the audit log is chained with, see docs/audit.md; empty is a key in the database', {
    secret: true,
    parse: parseAuditKeys,
  }),
} as const satisfies Record<string, Key<unknown>>;

export type KeyName = keyof typeof KEYS;
type Values = { readonly [N in KeyName]: ReturnType<(typeof KEYS)[N]['parse']> };

export interface Config extends Values {
  readonly limits: Limits;
}

/** Where a value came from. */
export type Source = 'default' | 'environment' | '.env' | 'argument';

export interface ConfigLine {
  readonly name: string;
  readonly value: string;
  readonly source: Source;
  readonly default: string;
  readonly about: string;
  /** Least and most, of a whole number. */
  readonly range?: Range;
}

export interface Loaded {
  readonly config: Config;
  readonly lines: readonly ConfigLine[];
  readonly warnings: readonly string[];
}

/** A configuration that cannot be used: one line a mistake. */
export class ConfigError extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'ConfigError';
    this.lines = lines;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Layers {
  readonly environment: Environment;
  /** Values of a `.env` file, for what the environment does not set. */
  readonly dotenv?: Environment;
  /** Values given to the start function; they win. */
  readonly given?: Environment;
}

/** All keys: those of the table, and those of the limits. */
const ALL_KEYS: Readonly<Record<string, Key<unknown>>> = {
  ...KEYS,
  ...Object.fromEntries(
    limitRows.map(([name, limit]) => [
      limitKey(name, limit),
      whole(limit.about, limit.default, limit.range ?? [1, Number.MAX_SAFE_INTEGER]),
    ]),
  ),
};

/** Names that others of ours read. */
const CLIENT_NAMES = new Set(['URL', 'API_KEY', 'SESSION', 'TENANT', 'TARGET']);

export function loadConfig(layers: Layers): Loaded {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  const lines: ConfigLine[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(ALL_KEYS)) {
    const name = `NEXUS_${key}`;
    const found = lookUp(name, layers, warnings);
    const given = found?.value ?? row.default;
    try {
      values[key] = row.parse(given);
    } catch (wanted) {
      mistakes.push(`${name}: ${row.secret ? 'the value' : JSON.stringify(given)} is not ${messageOf(wanted)}`);
    }
    const value = row.secret && given !== '' ? '***' : given;
    const { default: unless, about, range } = row;
    lines.push({
      name,
      value,
      source: found?.source ?? 'default',
      default: unless,
      about,
      ...(range ? { range } : {}),
    });
  }
  mistakes.push(...sharedKeyTexts(values));
  for (const layer of [layers.environment, layers.dotenv ?? {}]) warnings.push(...unknownNames(layer));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const limits = Object.fromEntries(limitRows.map(([name, limit]) => [name, values[limitKey(name, limit)]])) as Limits;
  warnings.push(...unreachableLimits(limits));
  return { config: { ...(values as unknown as Values), limits }, lines, warnings };
}

/** A file waits in a spool while it is received. */
const unreachableLimits = ({ FILE_BYTES, SPOOL_BYTES }: Limits): string[] =>
  SPOOL_BYTES >= FILE_BYTES
    ? []
    : [
        `NEXUS_LIMIT_SPOOL_BYTES is less than NEXUS_LIMIT_FILE_BYTES: no file larger than ${SPOOL_BYTES} bytes is taken`,
      ];

/** A key has one role, so no two of the first keys may have the same text. */
function sharedKeyTexts(values: Readonly<Record<string, unknown>>): string[] {
  const names = Object.keys(KEYS).filter((key) => /^BOOTSTRAP_\w+_KEY$/.test(key) && values[key] !== '');
  return names
    .filter((name, i) => names.slice(0, i).some((other) => values[other] === values[name]))
    .map((name) => `NEXUS_${name}: the value is that of another NEXUS_BOOTSTRAP_… key; give each role its own`);
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

function lookUp(name: string, layers: Layers, warnings: string[]): { value: string; source: Source } | undefined {
  const stack: readonly (readonly [Source, Environment])[] = [
    ['argument', layers.given ?? {}],
    ['environment', layers.environment],
    ['.env', layers.dotenv ?? {}],
  ];
  for (const [source, layer] of stack) {
    const value = layer[name];
    if (value === undefined || value === '') continue;
    if (name === 'NEXUS_PORT' && /^(tcp|udp):\/\//.test(value)) {
      warnings.push(`${name}=${value} comes from a container platform and is ignored`);
      continue;
    }
    return { value, source };
  }
  return undefined;
}

function unknownNames(layer: Environment): string[] {
  const names = Object.keys(layer).filter((name) => name.startsWith('NEXUS_') && !name.startsWith('NEXUS_TEST_'));
  const unknown = names.map((name) => name.slice(6)).filter((key) => !(key in ALL_KEYS) && !CLIENT_NAMES.has(key));
  return unknown.map((key) => `NEXUS_${key} is no setting and is ignored; the nearest is NEXUS_${nearest(key)}`);
}

/** The known key with the fewest letters to change, by the length of the longer one. */
function nearest(key: string): string {
  const far = (known: string): number => distance(key, known) / Math.max(key.length, known.length);
  return Object.keys(ALL_KEYS).reduce((best, known) => (far(known) < far(best) ? known : best));
}

/** Where the embedded database lies; undefined on PostgreSQL. `:memory:` stands for a private directory. */
export function sqliteFileOf(config: Pick<Config, 'DATABASE_URL' | 'DATA_DIR'>): string | undefined {
  const url = config.DATABASE_URL;
  if (url === '') return resolve(config.DATA_DIR, 'nexus.db');
  if (!url.startsWith('sqlite:///')) return undefined;
  const file = url.slice('sqlite:///'.length);
  return file === ':memory:' ? file : resolve(file);
}

/** The environment of this process: the one place that reads it. */
export const readEnvironment = (): Environment => process.env;

/** What the client's side takes from the environment (workflows.md §6). */
export interface ClientSettings {
  readonly url: string;
  readonly key: string | undefined;
  readonly zone: string | undefined;
  /** Directory of the key file. */
  readonly configHome: string;
  readonly color: boolean;
}

export function clientSettings(environment: Environment): ClientSettings {
  const home = environment.XDG_CONFIG_HOME || (environment.HOME ? `${environment.HOME}/.config` : '.');
  return {
    url: environment.NEXUS_URL || 'http://127.0.0.1:2026',
    key: environment.NEXUS_API_KEY || undefined,
    zone: environment.NEXUS_TENANT || undefined,
    configHome: home,
    color: !environment.NO_COLOR,
  };
}
