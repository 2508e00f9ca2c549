/**
 * Configuration: what the environment, `.env` and the start function say, by the table of settings. Guarantees: a wrong value refuses to start with one line that names it and the fix, never showing a
 * secret; an unknown `NEXUS_` name is warned about with the nearest known one. Source: infrastructure.md §13.
 */
import { distance } from 'fastest-levenshtein';
import { defaultLimits, type Limits, limitKey, limitRows } from './base/limits.ts';
import { CLIENT_KEYS } from './config/client-keys.ts';
import type { Environment } from './config/environment.ts';
import { bootstrapTexts, isDefaultKeyText, keyTextMistakes } from './config/first-keys.ts';
import { type Key, type Range, whole } from './config/kinds.ts';
import { folderUrl } from './config/places.ts';
import { KEYS } from './config/table.ts';

export { sqliteFileOf } from './config/places.ts';

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
  /** The feature that it waits for: until then it has no effect. */
  readonly awaits?: string;
}

/** What is odd about a configuration that can be used; a server logs it under this event. */
export interface ConfigWarning {
  readonly event: 'config.unknown' | 'config.default' | 'config.ignored' | 'config.no_effect';
  readonly message: string;
}

export interface Loaded {
  readonly config: Config;
  readonly lines: readonly ConfigLine[];
  readonly warnings: readonly ConfigWarning[];
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

export function loadConfig(layers: Layers): Loaded {
  const mistakes: string[] = [];
  const warnings: ConfigWarning[] = [];
  const lines: ConfigLine[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(ALL_KEYS)) {
    const name = `NEXUS_${key}`;
    const found = lookUp(name, layers, warnings) ?? (row.also ? lookUp(row.also, layers, warnings) : undefined);
    const unless = row.defaultFor?.(values) ?? row.default;
    const given = found?.value ?? unless;
    try {
      values[key] = (found?.source === 'argument' ? row.argument?.[given] : undefined) ?? row.parse(given);
      if (row.awaits && JSON.stringify(values[key]) !== JSON.stringify(row.parse(unless)))
        warnings.push(withoutEffect(name, row.awaits));
    } catch (wanted) {
      mistakes.push(`${name}: ${hides(row, given) ? 'the value' : JSON.stringify(given)} is not ${messageOf(wanted)}`);
    }
    lines.push(lineOf(name, row, { found, standard: row.standsFor?.(values) ?? unless }));
  }
  for (const [key, row] of Object.entries(CLIENT_KEYS)) {
    const found = lookUp(`NEXUS_${key}`, layers, warnings);
    lines.push(lineOf(`NEXUS_${key}`, row, { found, standard: row.default }));
  }
  mistakes.push(...keyTextMistakes(values));
  for (const layer of [layers.environment, layers.dotenv ?? {}]) warnings.push(...unknownNames(layer));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const limits = Object.fromEntries(limitRows.map(([name, limit]) => [name, values[limitKey(name, limit)]])) as Limits;
  warnings.push(
    ...unreachableLimits(limits),
    ...defaultKeysOutsideDev(values),
    ...defaultCorpusOutsideDev(lines, values),
  );
  return { config: { ...(values as unknown as Values), BLOBS_URL: blobsUrlOf(values), limits }, lines, warnings };
}

interface Found {
  readonly value: string;
  readonly source: Source;
}

const lineOf = (
  name: string,
  row: Key<unknown>,
  { found, standard }: { readonly found: Found | undefined; readonly standard: string },
): ConfigLine => ({
  name,
  value: found ? shown(row, found.value) : standard,
  source: found?.source ?? 'default',
  default: standard,
  about: row.about,
  ...(row.range ? { range: row.range } : {}),
  ...(row.awaits ? { awaits: row.awaits } : {}),
});

const shown = (row: Key<unknown>, given: string): string => (hides(row, given) ? '***' : given);

const withoutEffect = (name: string, awaits: string): ConfigWarning => ({
  event: 'config.no_effect',
  message: `${name} has no effect: it waits for ${awaits}, which this version does not have`,
});

/** What stands before an @ may end with a password, however it is written: one with a slash in it, or a URL with one too few. */
const hides = ({ secret = false }: Key<unknown>, given: string): boolean => secret || /:.*@/s.test(given);

/** A file waits in a spool while it is received, unless it comes as a resumable upload. */
function unreachableLimits({ FILE_BYTES, SPOOL_BYTES }: Limits): ConfigWarning[] {
  if (SPOOL_BYTES >= Math.min(FILE_BYTES, defaultLimits.SPOOL_BYTES)) return [];
  const message = `NEXUS_LIMIT_SPOOL_BYTES is less than NEXUS_LIMIT_FILE_BYTES: files larger than ${SPOOL_BYTES} bytes are taken as resumable uploads only`;
  return [{ event: 'config.ignored', message }];
}

function defaultKeysOutsideDev(values: Readonly<Record<string, unknown>>): ConfigWarning[] {
  if (values.ENVIRONMENT === 'dev') return [];
  const left = bootstrapTexts(values).filter(({ text }) => isDefaultKeyText(text));
  return left.map(({ role }) => ({
    event: 'config.default',
    message: `NEXUS_BOOTSTRAP_${role.toUpperCase()}_KEY is left at its default, which everybody knows`,
  }));
}

function defaultCorpusOutsideDev(
  lines: readonly ConfigLine[],
  { ENVIRONMENT }: Readonly<Record<string, unknown>>,
): ConfigWarning[] {
  const line = lines.find(({ name }) => name === 'NEXUS_CORPUS_ROOT');
  if (ENVIRONMENT === 'dev' || line?.source !== 'default') return [];
  return [{ event: 'config.default', message: `NEXUS_CORPUS_ROOT is left at its default, ${line.value}` }];
}

const blobsUrlOf = ({ BLOBS_URL, OBJECT_STORAGE_ROOT }: Readonly<Record<string, unknown>>): string =>
  BLOBS_URL === '' && OBJECT_STORAGE_ROOT !== '' ? folderUrl(String(OBJECT_STORAGE_ROOT)) : String(BLOBS_URL);

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

function lookUp(name: string, layers: Layers, warnings: ConfigWarning[]): Found | undefined {
  const stack: readonly (readonly [Source, Environment])[] = [
    ['argument', layers.given ?? {}],
    ['environment', layers.environment],
    ['.env', layers.dotenv ?? {}],
  ];
  let found: Found | undefined;
  for (const [source, layer] of stack) {
    const value = layer[name];
    if (value === undefined || value === '') continue;
    if (isServiceLink(name, value)) {
      warnings.push({ event: 'config.ignored', message: `${name} is an address that a container platform put there` });
      continue;
    }
    found ??= { value, source };
  }
  return found;
}

/** What container platforms put into the environment of everything for a service of that name. */
const isServiceLink = (name: string, value = ''): boolean =>
  /(^|_)PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value);
const SERVICE_NAMES = /^(\w+_)?SERVICE_(HOST|PORT)(_\w+)?$|^(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;

function unknownNames(layer: Environment): ConfigWarning[] {
  const names = Object.keys(layer).filter((name) => name.startsWith('NEXUS_') && !name.startsWith('NEXUS_TEST_'));
  const unknown = names
    .map((name) => name.slice(6))
    .filter((key) => !Object.hasOwn(ALL_KEYS, key) && !Object.hasOwn(CLIENT_KEYS, key));
  return unknown.map((key) =>
    SERVICE_NAMES.test(key) || isServiceLink(key, layer[`NEXUS_${key}`])
      ? { event: 'config.ignored', message: `NEXUS_${key} was put there by a container platform` }
      : {
          event: 'config.unknown',
          message: `NEXUS_${key} is no setting and is ignored; the nearest is NEXUS_${nearest(key)}`,
        },
  );
}

/** The known key with the fewest letters to change, by the length of the longer one. */
function nearest(key: string): string {
  const written = key.toUpperCase();
  const far = (known: string): number => distance(written, known) / Math.max(key.length, known.length);
  return Object.keys({ ...ALL_KEYS, ...CLIENT_KEYS }).reduce((best, known) => (far(known) < far(best) ? known : best));
}
