/**
 * What TUS 1.0.0 asks of a server, one row for each MUST and SHOULD that can be seen from outside, in words of our own.
 * A row that belongs to an extension is left out where the server does not offer it.
 */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { BYTES, base64, someBytes } from './client.ts';
import { header, of, type Row, statusIs } from './row.ts';
import { concatenationRows } from './rows-concatenation.ts';
import { core } from './rows-core.ts';

const sha1 = (bytes: Uint8Array): string => `sha1 ${createHash('sha1').update(bytes).digest('base64')}`;
const isDate = (text: string): boolean =>
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text);

const creation: readonly Row[] = of('creation', [
  {
    id: 'creation-01',
    level: 'MUST',
    says: 'POST is answered 201 with the address of the upload',
    check: async (client) => {
      const answer = await client.create({ 'upload-length': '5' });
      statusIs(answer, 201);
      statusIs(await client.head(header(answer, 'location')), 200, 204);
    },
  },
  {
    id: 'creation-02',
    level: 'MUST',
    says: 'a length of 0 is an empty upload, complete at once',
    check: async (client) => {
      const answer = await client.head(await client.begin(0));
      assert.deepEqual([header(answer, 'upload-offset'), header(answer, 'upload-length')], ['0', '0']);
    },
  },
  {
    id: 'creation-03',
    level: 'MUST',
    says: 'a length over the greatest that OPTIONS tells is 413',
    check: async (client) => {
      const most = header(await client.options(), 'tus-max-size');
      if (most !== '') statusIs(await client.create({ 'upload-length': String(Number(most) + 1) }), 413);
    },
  },
  {
    id: 'creation-04',
    level: 'MUST',
    says: 'without a length, and without saying that it comes later, there is no upload',
    check: async (client) => statusIs(await client.create({}), 400),
  },
  {
    id: 'creation-05',
    level: 'MUST',
    says: 'a length is a whole number from 0 up',
    check: async (client) => {
      for (const bad of ['-1', '1.5', 'x', '']) statusIs(await client.create({ 'upload-length': bad }), 400);
    },
  },
  {
    id: 'creation-06',
    level: 'MUST',
    says: 'HEAD gives the metadata back as they came',
    check: async (client) => {
      const metadata = `filename ${base64('a b.txt')},is_draft,own ${base64('ü')}`;
      const answer = await client.head(await client.begin(5, { 'upload-metadata': metadata }));
      assert.equal(header(answer, 'upload-metadata'), metadata);
    },
  },
  {
    id: 'creation-07',
    level: 'MUST',
    says: 'keys of metadata are unique',
    check: async (client) =>
      statusIs(await client.create({ 'upload-length': '1', 'upload-metadata': 'a YQ==,a Yg==' }), 400),
  },
  {
    id: 'creation-08',
    level: 'MUST',
    says: 'values of metadata are Base64',
    check: async (client) =>
      statusIs(await client.create({ 'upload-length': '1', 'upload-metadata': 'a not*base64' }), 400),
  },
  {
    id: 'creation-09',
    level: 'MUST',
    says: 'keys of metadata are not empty',
    check: async (client) =>
      statusIs(await client.create({ 'upload-length': '1', 'upload-metadata': 'a YQ==,,' }), 400),
  },
  {
    id: 'creation-10',
    level: 'MUST',
    says: 'OPTIONS lists the extension',
    check: async (client) =>
      assert(
        header(await client.options(), 'tus-extension')
          .split(',')
          .includes('creation'),
      ),
  },
]);

const deferred: readonly Row[] = of('creation-defer-length', [
  {
    id: 'defer-01',
    level: 'MUST',
    says: 'HEAD says that the length comes later, and no length',
    check: async (client) => {
      const made = await client.create({ 'upload-defer-length': '1' });
      statusIs(made, 201);
      const answer = await client.head(header(made, 'location'));
      assert.deepEqual([answer.headers['upload-defer-length'], answer.headers['upload-length']], ['1', undefined]);
    },
  },
  {
    id: 'defer-02',
    level: 'MUST',
    says: 'any other value than 1 is 400',
    check: async (client) => statusIs(await client.create({ 'upload-defer-length': '2' }), 400),
  },
  {
    id: 'defer-03',
    level: 'MUST',
    says: 'a PATCH sets the length, and HEAD tells it from then on',
    check: async (client) => {
      const url = header(await client.create({ 'upload-defer-length': '1' }), 'location');
      statusIs(await client.patch(url, { offset: 0, body: someBytes(2), headers: { 'upload-length': '4' } }), 204);
      const answer = await client.head(url);
      assert.deepEqual([answer.headers['upload-defer-length'], answer.headers['upload-length']], [undefined, '4']);
      statusIs(await client.patch(url, { offset: 2, body: someBytes(2) }), 204);
    },
  },
  {
    id: 'defer-04',
    level: 'MUST',
    says: 'a length that is set is not changed',
    check: async (client) => {
      const url = header(await client.create({ 'upload-defer-length': '1' }), 'location');
      await client.patch(url, { offset: 0, body: someBytes(2), headers: { 'upload-length': '4' } });
      const answer = await client.patch(url, { offset: 2, body: someBytes(1), headers: { 'upload-length': '9' } });
      statusIs(answer, 400);
      assert.equal((await client.head(url)).headers['upload-length'], '4');
    },
  },
  {
    id: 'defer-05',
    level: 'MUST',
    says: 'a length and the word that it comes later exclude each other',
    check: async (client) => statusIs(await client.create({ 'upload-length': '1', 'upload-defer-length': '1' }), 400),
  },
]);

const withUpload: readonly Row[] = of('creation-with-upload', [
  {
    id: 'with-upload-01',
    level: 'MUST',
    says: 'the answer tells how many of the bytes that came along were taken',
    check: async (client) => {
      const answer = await client.create({ 'upload-length': '5', 'content-type': BYTES }, someBytes(3));
      statusIs(answer, 201);
      assert.equal(header(answer, 'upload-offset'), '3');
    },
  },
  {
    id: 'with-upload-02',
    level: 'MUST',
    says: 'bytes come as the type of PATCH, and as no other',
    check: async (client) => {
      const answer = await client.create({ 'upload-length': '5', 'content-type': 'text/plain' }, someBytes(3));
      assert(answer.status === 415 || header(answer, 'upload-offset') !== '3', 'bytes of another type were taken');
    },
  },
  {
    id: 'with-upload-03',
    level: 'MUST',
    says: 'bytes that come along do not go beyond the length',
    check: async (client) => {
      statusIs(await client.create({ 'upload-length': '2', 'content-type': BYTES }, someBytes(3)), 400, 413);
    },
  },
]);

const expiration: readonly Row[] = of('expiration', [
  {
    id: 'expiration-01',
    level: 'MUST',
    says: 'a PATCH of an upload that is going to expire tells when, as a date of HTTP',
    check: async (client) => {
      const answer = await client.patch(await client.begin(5), { offset: 0, body: someBytes(1) });
      assert(isDate(header(answer, 'upload-expires')), header(answer, 'upload-expires'));
    },
  },
  {
    id: 'expiration-02',
    level: 'MUST',
    says: 'a POST tells when as well, where that is known',
    check: async (client) => {
      const expires = header(await client.create({ 'upload-length': '5' }), 'upload-expires');
      assert(isDate(expires), expires);
    },
  },
]);

const checksum: readonly Row[] = of('checksum', [
  {
    id: 'checksum-01',
    level: 'MUST',
    says: 'OPTIONS lists the algorithms, and sha1 is one of them',
    check: async (client) =>
      assert(
        header(await client.options(), 'tus-checksum-algorithm')
          .split(',')
          .includes('sha1'),
      ),
  },
  {
    id: 'checksum-02',
    level: 'MUST',
    says: 'bytes that are what their checksum says are taken',
    check: async (client) => {
      const body = someBytes(5);
      const headers = { 'upload-checksum': sha1(body) };
      statusIs(await client.patch(await client.begin(5), { offset: 0, body, headers }), 204);
    },
  },
  {
    id: 'checksum-03',
    level: 'MUST',
    says: 'bytes that are not are 460, and none of them counts',
    check: async (client) => {
      const url = await client.begin(5);
      const headers = { 'upload-checksum': sha1(someBytes(5)) };
      statusIs(await client.patch(url, { offset: 0, body: someBytes(5), headers }), 460);
      assert.equal(await client.offset(url), 0);
    },
  },
  {
    id: 'checksum-04',
    level: 'MUST',
    says: 'an unknown algorithm is 400, and no byte counts',
    check: async (client) => {
      const url = await client.begin(5);
      statusIs(
        await client.patch(url, { offset: 0, body: someBytes(5), headers: { 'upload-checksum': 'sum AA==' } }),
        400,
      );
      assert.equal(await client.offset(url), 0);
    },
  },
  {
    id: 'checksum-05',
    level: 'MUST',
    says: 'a large body with a wrong checksum leaves the offset where it was, and the next one is taken',
    check: async (client) => {
      const body = someBytes(3_000_000);
      const url = await client.begin(body.length);
      const wrong = { 'upload-checksum': sha1(someBytes(1)) };
      statusIs(await client.patch(url, { offset: 0, body: someBytes(body.length), headers: wrong }), 460);
      assert.equal(await client.offset(url), 0);
      statusIs(await client.patch(url, { offset: 0, body, headers: { 'upload-checksum': sha1(body) } }), 204);
    },
  },
]);

const trailer: readonly Row[] = ['01', '02'].map((n) => ({
  id: `trailer-${n}`,
  level: 'MUST',
  extension: 'checksum-trailer',
  says: n === '01' ? 'a checksum behind the bytes is as good as one before' : 'a wrong one behind them is 460',
  check: async (client) => {
    const body = someBytes(200_000);
    const url = await client.begin(body.length);
    const headers = { 'upload-offset': '0', 'content-type': BYTES, trailer: 'Upload-Checksum' };
    const trailers = { 'Upload-Checksum': sha1(n === '01' ? body : someBytes(1)) };
    statusIs(await client.send({ method: 'PATCH', url, headers, body, trailers }), n === '01' ? 204 : 460);
    assert.equal(await client.offset(url), n === '01' ? body.length : 0);
  },
}));

const termination: readonly Row[] = of('termination', [
  {
    id: 'termination-01',
    level: 'MUST',
    says: 'DELETE of an upload is 204',
    check: async (client) => statusIs(await client.send({ method: 'DELETE', url: await client.begin(5) }), 204),
  },
  {
    id: 'termination-02',
    level: 'SHOULD',
    says: 'later requests of it are 404 or 410',
    check: async (client) => {
      const url = await client.begin(5);
      await client.send({ method: 'DELETE', url });
      statusIs(await client.head(url), 404, 410);
      statusIs(await client.patch(url, { offset: 0, body: someBytes(1) }), 404, 410);
    },
  },
  {
    id: 'termination-03',
    level: 'SHOULD',
    says: 'DELETE of what is not there is 404 or 410',
    check: async (client) => {
      const url = `${client.url}/00000000-0000-4000-8000-000000000000`;
      statusIs(await client.send({ method: 'DELETE', url }), 404, 410);
    },
  },
]);

export const rows: readonly Row[] = [
  ...core,
  ...creation,
  ...deferred,
  ...withUpload,
  ...expiration,
  ...checksum,
  ...trailer,
  ...termination,
  ...concatenationRows,
];
