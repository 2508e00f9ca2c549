/** Buckets as mounts, on a real S3 server: the suite of the port, and what is their own. */
import { beforeAll, describe, expect, test } from 'vitest';
import { S3_USER, s3Request } from '../../../test/servers/s3.ts';
import { startSayingS3 } from '../../../test/servers/saying-s3.ts';
import { freshBucket } from '../../../test/servers/shared-s3.ts';
import { sparePort } from '../../../test/servers/spare-port.ts';
import { backendContract, listAll, readAll } from '../../ports/backend.contract.ts';
import type { Backend, BackendConfig } from '../../ports/backend.ts';
import type { Outbound } from '../../ports/outbound.ts';
import { openOutbound } from '../network/outbound.ts';
import { addressOf, encodedKey, placeOf } from './place.ts';
import { s3Connector } from './s3-connector.ts';

const signal = new AbortController().signal;
const PAGE_ENTRIES = 40;

const outbound = (...allow: string[]): Outbound => openOutbound({ allow, pins: [], ca: '' });

interface Bucket {
  readonly endpoint: string;
  readonly bucket: string;
}

const configOf = ({ endpoint, bucket }: Bucket): BackendConfig => ({
  bucket,
  endpoint,
  region: 'us-east-1',
  prefix: 'mounted/here',
  access_key_id: S3_USER.accessKeyId,
  secret_access_key: S3_USER.secretAccessKey,
});

const opened = async (bucket: Bucket): Promise<Backend> => {
  const connector = s3Connector({ outbound: outbound('127.0.0.1'), pageEntries: PAGE_ENTRIES });
  return (await connector.open(configOf(bucket), signal)).backend;
};

/** As another program does. */
async function ask(bucket: Bucket, method: 'GET' | 'PUT' | 'DELETE', key: string, body = ''): Promise<Response> {
  const path = `/${bucket.bucket}/mounted/here/${encodedKey(key)}`;
  const answer = await s3Request(bucket.endpoint, { method, path, ...(body && { body }) });
  if (!answer.ok && answer.status !== 404) throw new Error(`${method} ${key}: ${answer.status} ${await answer.text()}`);
  return answer;
}

backendContract('s3', {
  capabilities: s3Connector({ outbound: outbound() }).capabilities,
  many: 2 * PAGE_ENTRIES + 5,
  newPlace: async () => {
    const bucket = await freshBucket();
    return {
      open: () => opened(bucket),
      put: async (path, text) => {
        await ask(bucket, 'PUT', path, text);
      },
      take: async (path) => {
        await ask(bucket, 'DELETE', path);
      },
      litter: async () => {
        const keys = ['line\nbreak', '/slash', '../up', './here', 'seen/below a file'];
        for (const key of keys) await ask(bucket, 'PUT', key, 'x');
        return keys.length;
      },
      remove: async () => undefined,
    };
  },
});

const writeText = (backend: Backend, path: string, text: string): ReturnType<Backend['write']> => {
  const bytes = Buffer.from(text);
  const read = async function* (start: number, end: number): AsyncIterable<Uint8Array> {
    yield bytes.subarray(start, end);
  };
  return backend.write(path, { size: bytes.length, read }, { signal });
};

describe('a bucket', () => {
  let bucket: Bucket;
  let backend: Backend;
  beforeAll(async () => {
    bucket = await freshBucket();
    backend = await opened(bucket);
  });

  const keys = async (): Promise<string[]> => {
    const listed = await s3Request(bucket.endpoint, { method: 'GET', path: `/${bucket.bucket}?list-type=2` });
    return [...(await listed.text()).matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
  };

  test('is touched below the prefix only, and keeps a directory whose last file goes', async () => {
    await s3Request(bucket.endpoint, { method: 'PUT', path: `/${bucket.bucket}/mounted/hereby`, body: 'not ours' });
    await writeText(backend, 'a/b/file', 'x');
    expect(await keys()).toEqual(['mounted/here/a/b/file', 'mounted/hereby']);
    expect((await listAll(backend, '', true)).names).toEqual(['a/', 'a/b/', 'a/b/file']);
    await backend.remove('a/b/file', { signal });
    expect(await keys()).toEqual(['mounted/here/a/b/', 'mounted/hereby']);
    expect((await listAll(backend, '', true)).names).toEqual(['a/', 'a/b/']);
    await backend.removeDirectory('a', { recursive: true, signal });
    expect(await keys()).toEqual(['mounted/hereby']);
  });

  test('takes a file of more than 16 MiB in parts, whose tag is the same wherever it is asked for', async () => {
    const text = 'parts '.repeat(3_000_000);
    const written = await writeText(backend, 'large', text);
    expect(written).toMatchObject({ size: 18_000_000, tag: expect.stringMatching(/^[0-9a-f]{32}-2$/) });
    expect(await backend.stat('large', signal)).toEqual(written);
    expect((await listAll(backend)).entries.get('large')).toEqual(written);
    expect((await readAll(backend, 'large')).text === text).toBe(true);
    expect((await readAll(backend, 'large', { start: 16_777_210, end: 16_777_222 })).text).toBe(
      text.slice(16_777_210, 16_777_222),
    );
    await backend.remove('large', { signal });
  });

  test('may have a file and more below its name: the file counts, the rest is left out', async () => {
    await ask(bucket, 'PUT', 'both', 'file');
    await ask(bucket, 'PUT', 'both-not', 'x');
    await ask(bucket, 'PUT', 'both/below', 'x');
    expect(await listAll(backend)).toMatchObject({ names: ['both', 'both-not'], left_out: 1 });
    expect(await listAll(backend, '', true)).toMatchObject({ names: ['both', 'both-not'], left_out: 1 });
    expect(await backend.stat('both', signal)).toMatchObject({ kind: 'file', size: 4 });
    expect(await backend.stat('both/below', signal)).toBeUndefined();
  });
});

describe('opening', () => {
  let bucket: Bucket;
  beforeAll(async () => {
    bucket = await freshBucket();
  });
  const open = (config: Partial<BackendConfig>, ...allow: string[]): Promise<unknown> =>
    s3Connector({ outbound: outbound(...allow) }).open({ ...configOf(bucket), ...config } as BackendConfig, signal);

  test.each(['127.0.0.1', 'localhost', '2130706433', '[::1]', '[::ffff:127.0.0.1]'])(
    'an endpoint at %s is denied unless the operator opened it',
    async (host) => {
      const endpoint = bucket.endpoint.replace('127.0.0.1', host);
      await expect(open({ endpoint })).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
        data: { setting: 'NEXUS_OUTBOUND_ALLOW' },
      });
    },
  );

  test('an address that is public when it is judged and private when it is connected to is not connected to', async () => {
    const answers = ['1.1.1.1', '127.0.0.1'];
    const changing = openOutbound({
      allow: [],
      pins: [],
      ca: '',
      resolver: (_name, told) => told(null, [{ address: answers.shift() ?? '127.0.0.1', family: 4 }]),
    });
    const endpoint = bucket.endpoint.replace('127.0.0.1', 'changing.test');
    const tried = s3Connector({ outbound: changing }).open({ ...configOf(bucket), endpoint }, signal);
    await expect(tried).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('127.0.0.1, may not be asked'),
    });
  });

  test.each([
    [403, 'InvalidAccessKeyId', 'UNREACHABLE'],
    [403, 'SignatureDoesNotMatch', 'UNREACHABLE'],
    [400, 'ExpiredToken', 'UNREACHABLE'],
    [401, 'Unauthorized', 'UNREACHABLE'],
    [400, 'RequestTimeout', 'UNREACHABLE'],
    [429, 'TooManyRequests', 'UNREACHABLE'],
    [403, 'AccessDenied', 'REFUSED'],
    [403, 'InvalidObjectState', 'REFUSED'],
    [400, 'KeyTooLongError', 'REFUSED'],
  ])('%i %s of the store is %s, of HEAD too, which says no word', async (status, code, expected) => {
    const saying = await startSayingS3();
    const backend = await opened({ endpoint: saying.endpoint, bucket: 'says' });
    saying.says = { status, code };
    await expect(backend.stat('f', signal)).rejects.toMatchObject({ code: expected });
    await expect(writeText(backend, 'f', 'x')).rejects.toMatchObject({ code: expected });
    await backend.close();
    await saying.stop();
  });

  test('a bucket that is not there, or a wrong secret, is refused in the words of the store and without the secret', async () => {
    await expect(open({ bucket: 'no-such-bucket' }, '127.0.0.1')).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('NoSuchBucket'),
    });
    const wrong = open({ secret_access_key: 'wrong-secret' }, '127.0.0.1');
    await expect(wrong).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('SignatureDoesNotMatch'),
    });
    await expect(wrong).rejects.not.toThrow('wrong-secret');
  });

  test('a store that nobody listens for is out of reach, as soon as the call ends', async () => {
    const nobody = { endpoint: `http://127.0.0.1:${await sparePort()}` };
    const config = { ...configOf(bucket), ...nobody };
    const short = AbortSignal.timeout(300);
    await expect(s3Connector({ outbound: outbound('127.0.0.1') }).open(config, short)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ['bucket', { bucket: 'Has/slash' }],
    ['region', { region: '' }],
    ['endpoint', { endpoint: 'http://user:password@host/' }],
    ['endpoint', { endpoint: 'ftp://host/' }],
    ['force_path_style', { force_path_style: 'yes' }],
    ['secret_access_key', { secret_access_key: undefined }],
  ])('a config with a wrong %s is named', (field, wrong) => {
    const outcome = s3Connector({ outbound: outbound() }).config.safeParse({ ...configOf(bucket), ...wrong });
    expect(outcome.error?.issues.map(({ path }) => path.join('.'))).toEqual([field]);
  });
});

test.each<[string, object, string]>([
  ['Amazon’s own', {}, 'https://b-1.s3.eu-central-1.amazonaws.com/p/k'],
  ['path style there', { force_path_style: true }, 'https://s3.eu-central-1.amazonaws.com/b-1/p/k'],
  ['another store', { endpoint: 'http://host:9000' }, 'http://host:9000/b-1/p/k'],
  ['another store, below a path', { endpoint: 'https://host/s3/' }, 'https://host/s3/b-1/p/k'],
  [
    'another store by host names',
    { endpoint: 'http://host:9000', force_path_style: false },
    'http://b-1.host:9000/p/k',
  ],
])('%s is asked at the right address', (_, more, wanted) => {
  const place = placeOf({ bucket: 'b-1', region: 'eu-central-1', prefix: '/p/', ...more }, S3_USER);
  const { base, path } = addressOf(place, `${place.prefix}k`);
  expect(base.origin + path).toBe(wanted);
});
