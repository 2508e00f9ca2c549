/** Where blobs are kept, as a URL says it (infrastructure.md §13). */
import { fileURLToPath } from 'node:url';

export type BlobsPlace =
  | { readonly kind: 'disk'; readonly url: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      readonly prefix: string;
      readonly region: string | undefined;
      readonly endpoint: string | undefined;
      readonly force_path_style: boolean | undefined;
      /** Undefined where the URL has none. */
      readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
    };

const WANTED =
  'file:///directory or s3://bucket/prefix?region=…&endpoint=…&force_path_style=true; credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or s3://key:secret@bucket in NEXUS_BLOBS_URL, each / of them as %2F';
const PARAMETERS = new Set(['region', 'endpoint', 'force_path_style']);

/** Throws an Error whose message says what is wanted. A URL with credentials is taken only where it is a secret. */
export function parseBlobsUrl(given: string, secret = false): BlobsPlace {
  const url = URL.parse(given);
  if (url?.protocol === 'file:' && url.host === '' && isFilePath(url)) return { kind: 'disk', url: given };
  if (url?.protocol !== 's3:' || !isBucket(url) || (hasUser(url) && !(secret && url.username && url.password)))
    throw new Error(WANTED);
  const { searchParams } = url;
  const strange = [...searchParams.keys()].find((name) => !PARAMETERS.has(name));
  if (strange !== undefined) throw new Error(`${WANTED}: it has no ${JSON.stringify(strange)}`);
  const endpoint = searchParams.get('endpoint') || undefined;
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    throw new Error(`${WANTED}: the endpoint is a URL that begins with http:// or https://`);
  return {
    kind: 's3',
    bucket: url.hostname,
    prefix: decoded(url.pathname),
    region: searchParams.get('region') || undefined,
    endpoint,
    force_path_style: yesOrNo(searchParams.get('force_path_style')),
    credentials: hasUser(url)
      ? { accessKeyId: decoded(url.username), secretAccessKey: decoded(url.password) }
      : undefined,
  };
}

/** Each `%` of it begins a byte, and the bytes are UTF-8. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error(`${WANTED}: each % is written as %25`);
  }
}

function isFilePath(url: URL): boolean {
  try {
    return fileURLToPath(url) !== '';
  } catch {
    return false;
  }
}

const hasUser = ({ username, password }: URL): boolean => `${username}${password}` !== '';

const isBucket = ({ hostname, port, hash }: URL): boolean =>
  /^[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]$/.test(hostname) && `${port}${hash}` === '';

function yesOrNo(given: string | null): boolean | undefined {
  if (given === null || given === '') return undefined;
  if (/^(true|1|yes)$/i.test(given)) return true;
  if (/^(false|0|no)$/i.test(given)) return false;
  throw new Error(`${WANTED}: force_path_style is true or false`);
}
