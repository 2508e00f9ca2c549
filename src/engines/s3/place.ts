/**
 * Where objects lie: a bucket behind an endpoint, and a prefix in it. Guarantees: any text is a key, and none of it becomes
 * another part of a URL.
 */

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface S3Place {
  readonly bucket: string;
  /** In front of every key: empty, or ends with `/`. */
  readonly prefix: string;
  readonly region: string;
  /** Scheme, host, port, and a path that is empty for almost everybody. */
  readonly endpoint: URL;
  /** The bucket is the first part of the path, and not of the host. */
  readonly pathStyle: boolean;
  readonly credentials: S3Credentials;
}

export interface S3Settings {
  readonly bucket: string;
  readonly prefix?: string | undefined;
  readonly region?: string | undefined;
  /** Amazon's of the region, unless given. */
  readonly endpoint?: string | undefined;
  /** Unless given: where there is an endpoint. */
  readonly force_path_style?: boolean | undefined;
}

/** What Amazon takes for a bucket today, and every other store takes too. */
export const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
export const REGION_NAME = /^[a-z0-9-]{1,63}$/;
const REGION = 'us-east-1';

export function placeOf(settings: S3Settings, credentials: S3Credentials): S3Place {
  const { bucket, prefix = '', region = REGION, endpoint, force_path_style } = settings;
  return {
    bucket,
    prefix: prefix.replace(/^\/+|\/+$/g, '').replace(/.$/, '$&/'),
    region,
    endpoint: new URL(endpoint ?? `https://s3.${region}.amazonaws.com`),
    pathStyle: force_path_style ?? endpoint !== undefined,
    credentials,
  };
}

/** Scheme and host of a request, and the path of its key; of the bucket itself without one. */
export function addressOf(place: S3Place, key: string | undefined): { readonly base: URL; readonly path: string } {
  const { endpoint, bucket, pathStyle } = place;
  const above = endpoint.pathname.replace(/\/+$/, '');
  const path = key === undefined ? '' : encodedKey(key);
  if (pathStyle) return { base: endpoint, path: `${above}/${bucket}${key === undefined ? '' : `/${path}`}` };
  const base = new URL(endpoint);
  base.host = `${bucket}.${endpoint.host}`;
  return { base, path: `${above}/${path}` };
}

/** As the signature wants it: every byte but A–Z a–z 0–9 - . _ ~ and the slashes between names. */
export const encodedKey = (key: string): string =>
  key
    .split('/')
    .map((name) =>
      encodeURIComponent(name).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/');
