/** Parameters that the operations on files share, and how content is received (files.md §3, §7). */
import { z } from 'zod';
import { decodeBase64 } from '../../base/base64.ts';
import { Fault, invalidParams } from '../../base/faults.ts';
import { holdsInexactInteger, jsonObject } from '../../base/json-object.ts';
import { type LimitName, type Limits, limitExceeded } from '../../base/limits.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import type { BlobSource } from '../../ports/blobs.ts';
import { collect, loneSurrogate, type Received, textBytes } from '../content/content.ts';

export const path = z.string().describe('absolute path inside the zone');
export const pathsParam = z.array(path).describe('absolute paths inside the zone');
/** What every reading method takes beside its own parameters. */
export const viewParams = {
  branch: plainText.optional().describe('branch of the tree; main unless given'),
  as_of: z
    .union([z.int(), plainText])
    .optional()
    .describe('revision, snapshot id or name, or time: the tree as it was then'),
};
/** What every changing method takes. */
export const branchParam = { branch: viewParams.branch };

/** An etag, with or without the quotes of HTTP. */
export const etagParam = plainText
  .transform((text) => text.replace(/^"(.*)"$/, '$1'))
  .describe('etag that the file has to have');

const etagList = z.union([plainText, z.array(plainText).max(1_000)]);
const unquoted = (tags: z.infer<typeof etagList>): string[] =>
  [tags].flat().map((tag) => tag.replace(/^"(.*)"$/, '$1'));

/** What a write or delete may ask of the state that it changes, decided in its transaction; RFC 9110 §13 in full. */
export const preconditionParams = {
  if_match: etagList.transform(unquoted).optional().describe('the file has one of these etags, or any for "*"'),
  if_none_match: z
    .union([z.boolean(), etagList.transform(unquoted)])
    .transform((value) => (value === true ? ['*'] : value || undefined))
    .optional()
    .describe('true or "*": there is nothing; else it has none of these etags'),
  if_unmodified_since: z.iso
    .datetime({ offset: true })
    .transform((text) => Date.parse(text))
    .optional()
    .describe('time since which the file was not changed'),
};

/** Own keys can have any name (files.md §6): they are kept as JSON, which spells U+0000 as an escape. */
export const metadataParam = jsonObject
  .refine((metadata) => !Object.values(metadata).some(holdsNul), NO_NUL)
  .refine((metadata) => !holdsInexactInteger(metadata), 'integers are exact up to 2^53 − 1; write longer ones as texts')
  .describe('own metadata; replaces what the file has');

/** A JSON string too large for the heap, unescaped into a spool by the door. */
export interface TextSpool {
  /** The text as UTF-8 bytes. */
  bytes(): BlobSource & { readonly utf8: boolean };
  readonly loneSurrogate: boolean;
  /** Read as base64: the decoded bytes. */
  decoded(at: string): Promise<BlobSource & { readonly utf8: boolean }>;
}

const isTextSpool = (value: unknown): value is TextSpool =>
  typeof value === 'object' && value !== null && 'decoded' in value && 'loneSurrogate' in value;
const isSource = (value: unknown): value is BlobSource & { readonly utf8: boolean } =>
  typeof value === 'object' && value !== null && 'read' in value && 'sha256' in value;

/** As they come in JSON: large ones are the same to whoever sends them. */
const BYTES_AS_JSON = {
  type: 'object',
  properties: { __type__: { const: 'bytes' }, data: { type: 'string', description: 'base64' } },
  required: ['__type__', 'data'],
} as const;
const spooledText = z.custom<TextSpool>(isTextSpool).meta({ type: 'string' });

export const contentParam = z
  .union([
    z.string(),
    z.instanceof(Uint8Array).meta(BYTES_AS_JSON),
    spooledText,
    z.custom<BlobSource & { readonly utf8: boolean }>(isSource).meta(BYTES_AS_JSON),
  ])
  .describe('a text, or bytes');
export type ContentParam = z.infer<typeof contentParam>;

/** An object of a list. As everywhere, null means absent. */
export const itemParam = <S extends z.ZodRawShape>(shape: S): z.ZodType<z.infer<z.ZodObject<S>>> =>
  z.preprocess(
    (item) =>
      typeof item === 'object' && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null))
        : item,
    z.object(shape),
  );

/** A text that may be large. */
export const textParam = z.union([z.string(), spooledText]);

/** The text itself; the caller has seen to its size. */
export async function textOf(text: z.infer<typeof textParam>, at: string): Promise<string> {
  if (typeof text === 'string') return text;
  if (text.loneSurrogate) throw loneSurrogate(at);
  return Buffer.from(await collect(text.bytes())).toString('utf8');
}

export const textBytesOf = (text: z.infer<typeof textParam>): number =>
  typeof text === 'string' ? Buffer.byteLength(text) : text.bytes().size;

/** A media type as it may stand in a header. */
export const contentTypeParam = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x20-\x7e]+$/, 'has to be visible ASCII characters')
  .describe('media type; by the name of the file unless given');

export const encodingParam = z.enum(['utf-8', 'base64']).describe('base64: the content is base64 text');

/** Content as a parameter gave it. `at` is its dotted path, for faults. */
export async function receive(
  content: ContentParam,
  encoding: 'utf-8' | 'base64' | undefined,
  at: string,
): Promise<Received> {
  const base64 = encoding === 'base64';
  if (typeof content === 'string') {
    return { incoming: base64 ? base64Param(content, at) : textBytes(content, at), asText: !base64 };
  }
  if (content instanceof Uint8Array) return { incoming: content, asText: !base64 };
  if (!isTextSpool(content)) return { incoming: content, asText: !base64 };
  if (content.loneSurrogate) throw loneSurrogate(at);
  return { incoming: base64 ? await content.decoded(at) : content.bytes(), asText: !base64 };
}

/** RFC 4648 §4: padded, no blanks; anything else is INVALID_PARAMS. */
export function base64Param(text: string, at: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw invalidParams({ path: at, message: 'not base64 (RFC 4648 §4, padded, no blanks)' });
  return bytes;
}

/** Characters. */
const METADATA_KEY_MOST = 128;

/** Own metadata as it is stored; undefined keeps what the file has. */
export function metadataText(
  metadata: Readonly<Record<string, unknown>> | undefined,
  limits: Pick<Limits, 'METADATA_BYTES' | 'METADATA_KEYS'>,
): string | null | undefined {
  if (metadata === undefined) return undefined;
  const keys = Object.keys(metadata);
  within('METADATA_KEYS', limits, { actual: keys.length, what: 'metadata keys' });
  for (const key of keys) {
    // One that is far too long is not taken apart.
    const actual = key.length > 2 * METADATA_KEY_MOST ? key.length : [...key].length;
    if (actual < 1 || actual > METADATA_KEY_MOST) {
      const message = `A metadata key has ${actual} characters; 1 to ${METADATA_KEY_MOST} are allowed`;
      throw new Fault('LIMIT_EXCEEDED', message, {
        limit: 'METADATA_KEYS',
        maximum: METADATA_KEY_MOST,
        actual,
      });
    }
  }
  if (keys.length === 0) return null;
  const text = JSON.stringify(metadata);
  within('METADATA_BYTES', limits, { actual: Buffer.byteLength(text), what: 'metadata' });
  return text;
}

/** LIMIT_EXCEEDED where something is over one of the limits. */
export function within<N extends LimitName>(
  name: N,
  limits: Pick<Limits, N>,
  at: { readonly actual: number; readonly what: string },
): void {
  if (at.actual > limits[name]) throw limitExceeded(name, limits[name], at);
}
