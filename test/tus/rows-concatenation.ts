/** Rows of the extension concatenation. */
import { strict as assert } from 'node:assert';
import { someBytes, type TusAnswer, type TusClient } from './client.ts';
import { statusIs as is, of, type Row } from './row.ts';

const PARTIAL = { 'upload-concat': 'partial' };

async function partial(client: TusClient, size: number): Promise<string> {
  const url = await client.begin(size, PARTIAL);
  is(await client.patch(url, { offset: 0, body: someBytes(size) }), 204);
  return url;
}

const final = (client: TusClient, urls: readonly string[], more: Record<string, string> = {}): Promise<TusAnswer> =>
  client.create({ 'upload-concat': `final;${urls.join(' ')}`, ...more });

export const concatenationRows: readonly Row[] = of('concatenation', [
  {
    id: 'concatenation-01',
    level: 'MUST',
    says: 'HEAD of a partial upload says that it is one',
    check: async (client) =>
      assert.equal((await client.head(await client.begin(3, PARTIAL))).headers['upload-concat'], 'partial'),
  },
  {
    id: 'concatenation-02',
    level: 'MUST',
    says: 'a final upload is made of partials, and is as long as they are together',
    check: async (client) => {
      const made = await final(client, [await partial(client, 3), await partial(client, 4)]);
      is(made, 201);
      const answer = await client.head(made.headers.location ?? '');
      assert.equal(answer.headers['upload-length'], '7');
    },
  },
  {
    id: 'concatenation-03',
    level: 'MUST',
    says: 'HEAD of a final upload gives back what it was made of',
    check: async (client) => {
      const url = await partial(client, 3);
      const made = await final(client, [url]);
      assert.equal((await client.head(made.headers.location ?? '')).headers['upload-concat'], `final;${url}`);
    },
  },
  {
    id: 'concatenation-04',
    level: 'MUST',
    says: 'PATCH of a final upload is 403',
    check: async (client) => {
      const made = await final(client, [await partial(client, 3)]);
      is(await client.patch(made.headers.location ?? '', { offset: 3, body: someBytes(1) }), 403);
    },
  },
  {
    id: 'concatenation-05',
    level: 'MUST',
    says: 'a final upload announces no length of its own',
    check: async (client) => is(await final(client, [await partial(client, 3)], { 'upload-length': '3' }), 400),
  },
  {
    id: 'concatenation-06',
    level: 'SHOULD',
    says: 'the addresses of partials may be absolute or relative',
    check: async (client) => {
      const location = await partial(client, 3);
      const absolute = new URL(location, client.url);
      is(await final(client, [absolute.href, absolute.pathname]), 201);
    },
  },
  {
    id: 'concatenation-07',
    level: 'MUST',
    says: 'a final upload that is put together is whole: its offset is its length',
    check: async (client) => {
      const made = await final(client, [await partial(client, 3), await partial(client, 2)]);
      const { headers } = await client.head(made.headers.location ?? '');
      assert.equal(headers['upload-offset'], headers['upload-length']);
    },
  },
  {
    id: 'concatenation-08',
    level: 'SHOULD',
    says: 'what is no upload cannot be part of one',
    check: async (client) => {
      const made = await final(client, [`${client.url}/00000000-0000-4000-8000-000000000000`]);
      assert(made.status >= 400 && made.status < 500, `${made.status}`);
    },
  },
]);
