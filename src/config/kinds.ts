/**
 * Kinds of settings: how a text becomes a value, and what is wanted where it does not. Guarantees: what a parser throws is
 * the end of the sentence "NAME: value is not …" and never holds the value.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseJson } from '../base/parse-json.ts';
import { isTokenForm } from '../base/token-form.ts';

export type Range = readonly [number, number];

export interface Key<T> {
  /** Where `defaultFor` says what it is, in words for the documents. */
  readonly default: string;
  /** What is not set is, where that depends on the machine or on keys before it in the table. */
  readonly defaultFor?: (earlier: Readonly<Record<string, unknown>>) => string;
  /** What is used where nothing is set, as people are shown it. */
  readonly standsFor?: (earlier: Readonly<Record<string, unknown>>) => string;
  readonly about: string;
  readonly secret?: boolean;
  /** What everybody else calls it: looked up where ours is not set. */
  readonly also?: string;
  /** Least and most, of a whole number. */
  readonly range?: Range;
  /** The feature that it belongs to, where this version does not have it: the value has no effect. */
  readonly awaits?: string;
  /** Values that only an option or the start function may give. */
  readonly argument?: Readonly<Record<string, T>>;
  /** Throws an Error whose message says what is wanted. */
  readonly parse: (text: string) => T;
}

export const text = (about: string, value: string): Key<string> => ({ default: value, about, parse: (given) => given });
/** `also`: other words, in lower case, for some of them. */
export const oneOf = <const T extends string>(
  about: string,
  [words, also = {}]: readonly [readonly T[], Readonly<Record<string, T>>?],
  value: NoInfer<T>,
): Key<T> => ({
  default: value,
  about: `${about}: ${words.join(', ')}`,
  parse: (given) => {
    const said = given.toLowerCase();
    const word = words.find((known) => known.toLowerCase() === (also[said] ?? said));
    if (word === undefined) throw new Error(`one of ${words.join(', ')}`);
    return word;
  },
});
/** The largest exact integer is no bound that anybody chose. */
const isBound = (most: number): boolean => most < Number.MAX_SAFE_INTEGER;
/** As people write numbers: `0x4` and `1e3` are rather mistakes. */
export const decimal = (given: string): number =>
  /^\s*[+-]?(\d+(\.\d*)?|\.\d+)\s*$/.test(given) ? Number(given) : Number.NaN;

export const whole = (about: string, value: number, range: Range): Key<number> => ({
  default: String(value),
  about: `${about}, ${isBound(range[1]) ? `${range[0]}..${range[1]}` : `at least ${range[0]}`}`,
  range,
  parse: (given) => {
    const number = decimal(given);
    if (!Number.isSafeInteger(number) || number < range[0] || number > range[1]) {
      throw new Error(
        `a whole number ${isBound(range[1]) ? `from ${range[0]} to ${range[1]}` : `of at least ${range[0]}`}`,
      );
    }
    return number;
  },
});
export const seconds = (about: string, value: number, range: Range): Key<number> => ({
  default: String(value),
  about: `${about}, ${range[0]}..${range[1]}`,
  range,
  parse: (given) => {
    const number = decimal(given);
    if (number >= range[0] && number <= range[1]) return number;
    throw new Error(`a number from ${range[0]} to ${range[1]}`);
  },
});
function parseYesNo(given: string): boolean {
  if (/^(true|1|yes)$/i.test(given)) return true;
  if (/^(false|0|no)$/i.test(given)) return false;
  throw new Error('true or false');
}
export const yesNo = (about: string, value: boolean): Key<boolean> => ({
  default: String(value),
  about,
  parse: parseYesNo,
});
/** Nothing at all is a value too. */
export const orNothing = <T>(key: Key<T>): Key<T | undefined> => ({
  ...key,
  default: '',
  parse: (given) => (given === '' ? undefined : key.parse(given)),
});
/** What somebody may ask to be switched off, and is told that it is not. */
export const alwaysOn = (about: string): Key<true> => ({
  default: 'true',
  about,
  parse: (given) => {
    if (/^(true|1|yes)$/i.test(given)) return true;
    throw new Error(`true: ${about}`);
  },
});
const isText = (item: unknown): item is string => typeof item === 'string';
export const list = (about: string, isItem = isText, wanted = 'texts'): Key<readonly string[]> =>
  listOf(about, isItem, wanted);
export const listOf = <T>(about: string, isItem: (item: unknown) => item is T, wanted: string): Key<readonly T[]> => ({
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
    return parseJson(given);
  } catch {
    return undefined;
  }
}
/** A term has this many characters at most, and a list of them this many. */
const TERM_CHARACTERS = 100;
const TERMS = 1_000;
/** What is sought in texts, as a JSON list. */
export const terms = (about: string, unless: readonly string[]): Key<readonly string[]> => {
  const isTerm = (item: unknown): item is string =>
    isText(item) && item.trim() !== '' && item.isWellFormed() && Array.from(item).length <= TERM_CHARACTERS;
  const wanted = `at most ${TERMS} terms of 1 to ${TERM_CHARACTERS} characters`;
  const { parse } = list(about, isTerm, wanted);
  return {
    default: JSON.stringify(unless),
    about: `${about}, a JSON list`,
    parse: (given) => {
      const said = parse(given);
      if (said.length <= TERMS) return said;
      throw new Error(`a JSON list of ${wanted}`);
    },
  };
};
/** An address, or a CIDR block. */
export function isNetwork(item: unknown): item is string {
  if (!isText(item)) return false;
  const [address = '', bits] = item.split('/');
  const family = isIP(address);
  return family !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)));
}
export const optional = (about: string, more: Partial<Key<string>> = {}): Key<string> => ({
  ...text(about, ''),
  ...more,
});

/** A name of the network: letters, digits, and `_.-`. */
export const hostName = (about: string, value: string): Key<string> => ({
  default: value,
  about,
  parse: (given) => {
    if (isIP(given) !== 0 || /^[\w.-]{1,253}$/.test(given)) return given;
    throw new Error('a name or an address');
  },
});

export const keyText = (about: string): Key<string> =>
  optional(about, {
    secret: true,
    parse: (given) => {
      if (given === '' || (/^[\x21-\x7e]{16,256}$/.test(given) && !isTokenForm(given))) return given;
      throw new Error('16 to 256 visible characters that are not the three parts of a token');
    },
  });

/** Bytes below which a secret is guessed more easily than a signature (RFC 7518 §3.2, for HS256). */
const SECRET_BYTES = 32;
export const secretText = (about: string): Key<string> =>
  optional(about, {
    secret: true,
    parse: (given) => {
      if (given === '' || Buffer.byteLength(given) >= SECRET_BYTES) return given;
      throw new Error(`at least ${SECRET_BYTES} bytes; make one with: openssl rand -base64 48`);
    },
  });

export function parseAuditKeys(given: string): string {
  const isKey = (key: string): boolean => key === 'database' || Buffer.byteLength(key) >= SECRET_BYTES;
  if (given === '' || given.split(',').every(isKey)) return given;
  throw new Error(`keys of at least ${SECRET_BYTES} bytes; make one with: openssl rand -base64 48`);
}

/** An http or https URL, or nothing. */
export const urlText = (about: string): Key<string> =>
  optional(about, {
    parse: (given) => {
      if (given === '' || (/^https?:\/\//i.test(given) && URL.canParse(given))) return given;
      throw new Error('a URL that begins with http:// or https://');
    },
  });

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function holdsCertificates(file: string): boolean {
  try {
    const found = readFileSync(file, 'utf8').match(CERTIFICATE) ?? [];
    // Loaded where there is one to look at: each client command reads its settings too.
    const { X509Certificate } = process.getBuiltinModule('node:crypto');
    return found.length > 0 && found.every((pem) => new X509Certificate(pem).subject !== undefined);
  } catch {
    return false;
  }
}

/** A file that whoever connects reads later, when nobody could mend it any more. */
export const certificateFile = (about: string): Key<string> =>
  optional(about, {
    parse: (given) => {
      if (given === '' || holdsCertificates(given)) return given;
      throw new Error('a file that can be read and holds certificates in PEM');
    },
  });

/** `name:port=address:port`, the address of IPv6 in brackets. */
export function isPin(item: unknown): item is string {
  if (!isText(item)) return false;
  const [, port, address = '', to] = /^[^\s:=]+:(\d{1,5})=(\[[0-9a-f:.]+\]|[0-9.]+):(\d{1,5})$/i.exec(item) ?? [];
  return isIP(address.replace(/[[\]]/g, '')) !== 0 && Number(port) < 65_536 && Number(to) < 65_536;
}

/** What a browser calls an origin. */
export const isOrigin = (item: unknown): item is string =>
  isText(item) && (item === '*' || /^[a-z][a-z0-9+.-]*:\/\/[^/]+$/i.test(item));
