/** Rows of the core protocol. */
import { strict as assert } from 'node:assert';
import { BYTES, someBytes } from './client.ts';
import { eventually, header, type Row, statusIs } from './row.ts';

export const core: readonly Row[] = [
  {
    id: 'core-01',
    level: 'MUST',
    says: 'HEAD tells the offset, also when it is 0',
    check: async (client) => {
      const answer = await client.head(await client.begin(5));
      statusIs(answer, 200, 204);
      assert.equal(header(answer, 'upload-offset'), '0');
    },
  },
  {
    id: 'core-02',
    level: 'MUST',
    says: 'HEAD tells the length where it is known',
    check: async (client) => assert.equal(header(await client.head(await client.begin(5)), 'upload-length'), '5'),
  },
  {
    id: 'core-03',
    level: 'SHOULD',
    says: 'HEAD of what is not there is 404, 410 or 403, without an offset',
    check: async (client) => {
      const answer = await client.head(`${client.url}/00000000-0000-4000-8000-000000000000`);
      statusIs(answer, 404, 410, 403);
      assert.equal(answer.headers['upload-offset'], undefined);
    },
  },
  {
    id: 'core-04',
    level: 'MUST',
    says: 'the answer to HEAD is kept by no cache',
    check: async (client) =>
      assert.match(header(await client.head(await client.begin(5)), 'cache-control'), /no-store/),
  },
  {
    id: 'core-05',
    level: 'SHOULD',
    says: 'PATCH with another media type is 415 and changes nothing',
    check: async (client) => {
      const url = await client.begin(5);
      statusIs(
        await client.patch(url, { offset: 0, body: someBytes(5), headers: { 'content-type': 'text/plain' } }),
        415,
      );
      assert.equal(await client.offset(url), 0);
    },
  },
  {
    id: 'core-06',
    level: 'MUST',
    says: 'PATCH at another offset is 409 and changes nothing',
    check: async (client) => {
      const url = await client.begin(5);
      statusIs(await client.patch(url, { offset: 2, body: someBytes(3) }), 409);
      assert.equal(await client.offset(url), 0);
    },
  },
  {
    id: 'core-07',
    level: 'MUST',
    says: 'PATCH is answered 204 with the new offset, which is the old one and the bytes',
    check: async (client) => {
      const url = await client.begin(5);
      for (const [offset, size] of [
        [0, 2],
        [2, 3],
      ] as const) {
        const answer = await client.patch(url, { offset, body: someBytes(size) });
        statusIs(answer, 204);
        assert.equal(header(answer, 'upload-offset'), String(offset + size));
      }
    },
  },
  {
    id: 'core-08',
    level: 'SHOULD',
    says: 'PATCH of what is not there is 404, or 410 where the server knows that it was',
    check: async (client) => {
      const url = `${client.url}/00000000-0000-4000-8000-000000000000`;
      statusIs(await client.patch(url, { offset: 0, body: someBytes(1) }), 404, 410, 403);
    },
  },
  {
    id: 'core-09',
    level: 'SHOULD',
    says: 'as much as possible is kept of a body that breaks off',
    check: async (client) => {
      const size = 4 * 1024 * 1024;
      const bytes = someBytes(size);
      const url = await client.begin(size);
      const headers = { 'upload-offset': '0', 'content-type': BYTES, 'content-length': String(size) };
      await client.send({ method: 'PATCH', url, headers, body: bytes, breakAt: size - 1 });
      // A server that is slow may tell of a part before it has heard that the rest broke off.
      await eventually(async () => {
        const offset = await client.offset(url);
        assert(offset > 0, 'nothing was kept');
        statusIs(await client.patch(url, { offset, body: bytes.subarray(offset) }), 204);
      });
    },
  },
  {
    id: 'core-10',
    level: 'MUST',
    says: 'OPTIONS is 204 or 200 and names the versions',
    check: async (client) => {
      const answer = await client.options();
      statusIs(answer, 200, 204);
      assert(header(answer, 'tus-version').split(',').includes('1.0.0'));
    },
  },
  {
    id: 'core-11',
    level: 'MUST',
    says: 'OPTIONS does not look at Tus-Resumable',
    check: async (client) => statusIs(await client.options({ 'tus-resumable': '0.0.1' }), 200, 204),
  },
  {
    id: 'core-12',
    level: 'MUST',
    says: 'every answer names the version it speaks',
    check: async (client) => {
      const made = await client.create({ 'upload-length': '1' });
      const url = header(made, 'location');
      const answers = [made, await client.head(url), await client.patch(url, { offset: 0, body: someBytes(1) })];
      for (const answer of answers) assert.equal(header(answer, 'tus-resumable'), '1.0.0');
    },
  },
  {
    id: 'core-13',
    level: 'MUST',
    says: 'answers that tell a failure name the version too',
    check: async (client) => {
      const url = `${client.url}/00000000-0000-4000-8000-000000000000`;
      assert.equal(header(await client.patch(url, { offset: 0, body: someBytes(1) }), 'tus-resumable'), '1.0.0');
    },
  },
  {
    id: 'core-14',
    level: 'MUST',
    says: 'a version that is not spoken is 412, with the versions that are, and nothing is done',
    check: async (client) => {
      const url = await client.begin(5);
      const headers = { 'tus-resumable': '0.2.0' };
      const answer = await client.patch(url, { offset: 0, body: someBytes(5), headers });
      statusIs(answer, 412);
      assert(header(answer, 'tus-version').split(',').includes('1.0.0'));
      assert.equal(await client.offset(url), 0);
    },
  },
  {
    id: 'core-15',
    level: 'MUST',
    says: 'a request without a version is not processed',
    check: async (client) => {
      const url = await client.begin(5);
      const headers = { 'upload-offset': '0', 'content-type': BYTES };
      statusIs(await client.send({ method: 'PATCH', url, headers, body: someBytes(5), plain: true }), 412);
      assert.equal(await client.offset(url), 0);
    },
  },
  {
    id: 'core-16',
    level: 'MUST',
    says: 'an offset is a whole number from 0 up',
    check: async (client) => {
      const url = await client.begin(5);
      for (const bad of ['-1', '1.5', 'a', '0x1', '']) {
        const headers = { 'upload-offset': bad };
        statusIs(await client.patch(url, { offset: 0, body: someBytes(1), headers }), 400, 409);
      }
      assert.equal(await client.offset(url), 0);
    },
  },
  {
    id: 'core-17',
    level: 'MUST',
    says: 'X-HTTP-Method-Override stands for the method',
    check: async (client) => {
      const url = await client.begin(5);
      const headers = { 'x-http-method-override': 'PATCH', 'upload-offset': '0', 'content-type': BYTES };
      statusIs(await client.send({ method: 'POST', url, headers, body: someBytes(5) }), 204);
      assert.equal(await client.offset(url), 5);
    },
  },
  {
    id: 'core-18',
    level: 'MUST',
    says: 'bytes beyond the length are not taken',
    check: async (client) => {
      const url = await client.begin(3);
      const answer = await client.patch(url, { offset: 0, body: someBytes(5) });
      statusIs(answer, 400, 413);
      assert((await client.offset(url)) <= 3);
    },
  },
  {
    id: 'core-19',
    level: 'MUST',
    says: 'a body whose length is not announced is taken as well',
    check: async (client) => {
      const url = await client.begin(4);
      const headers = { 'upload-offset': '0', 'content-type': BYTES };
      statusIs(await client.send({ method: 'PATCH', url, headers, body: someBytes(4), trailers: {} }), 204);
      assert.equal(await client.offset(url), 4);
    },
  },
];
