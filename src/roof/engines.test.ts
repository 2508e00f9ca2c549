/** What engines are opened with: shares of the connections to PostgreSQL, and credentials of buckets. */
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startTestServer } from '../../test/harness.ts';
import { freshDatabase } from '../../test/servers/shared-postgres.ts';
import { parseBlobsUrl } from '../config/blobs-url.ts';
import type { Environment } from '../config/environment.ts';
import { loadConfig } from '../config.ts';
import { s3PlaceOf, shareOf } from './engines.ts';

test('the shares of both threads are the whole, and a small part is for long reads', () => {
  for (const size of [1, 2, 3, 5, 10, 100, 500]) {
    for (const overflow of [0, 1, 2, 10, 500]) {
      const [some, most] = [shareOf({ size, overflow }, 'some'), shareOf({ size, overflow }, 'most')];
      const given = JSON.stringify({ size, overflow, some, most });
      expect(some.size + some.overflow + most.size + most.overflow, given).toBe(size + overflow);
      expect(some.size + some.overflow, given).toBeLessThanOrEqual(Math.max(1, size / 4) + Math.max(1, overflow / 4));
      expect(some.size, given).toBe(size + overflow === 1 ? 0 : Math.max(1, Math.floor(size / 4)));
      expect(most.size, given).toBeGreaterThanOrEqual(1);
      expect(Math.min(some.overflow, most.overflow), given).toBeGreaterThanOrEqual(0);
      expect(shareOf({ size, overflow }, 'all'), given).toEqual({ size, overflow });
    }
  }
});

test('a recycling age is never or between half a minute and a day', () => {
  const recycling = (NEXUS_DB_POOL_RECYCLE: string): number =>
    loadConfig({ environment: { NEXUS_DB_POOL_RECYCLE } }).config.DB_POOL_RECYCLE;
  expect([recycling('0'), recycling('30'), recycling('86400')]).toEqual([0, 30, 86_400]);
  for (const wrong of ['29', '-1', '86401', '30.5', 'x', ' ']) expect(() => recycling(wrong)).toThrow('30 to 86400');
});

test('a bucket beside the one of the blobs is asked with credentials of its own, of the settings, or of the blobs', () => {
  const blobs = 's3://of-blobs:secret@bucket/blobs';
  const settings = { NEXUS_AWS_ACCESS_KEY_ID: 'of-settings', NEXUS_AWS_SECRET_ACCESS_KEY: 'secret' };
  const askedBy = (url: string, environment: Environment): string => {
    const place = parseBlobsUrl(url, true);
    if (place.kind !== 's3') throw new Error('no bucket');
    return s3PlaceOf(loadConfig({ environment }).config, place).credentials.accessKeyId;
  };
  expect(askedBy(blobs, settings)).toBe('of-blobs');
  expect(askedBy('s3://bucket/backups', { ...settings, NEXUS_BLOBS_URL: blobs })).toBe('of-settings');
  expect(askedBy('s3://bucket/backups', { NEXUS_BLOBS_URL: blobs })).toBe('of-blobs');
  for (const NEXUS_BLOBS_URL of ['', 's3://bucket/blobs', 'file:///blobs']) {
    expect(() => askedBy('s3://bucket/backups', { NEXUS_BLOBS_URL })).toThrow('AWS_ACCESS_KEY_ID');
  }
});

const STATEMENT =
  "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE application_name = 'nexus' AND datname = current_database()";

test.each([
  [1, 0],
  [1, 1],
  [2, 0],
  [3, 2],
])(
  'a busy server of size %i and overflow %i opens no more than both, long reads included, and one to listen',
  async (size, overflow) => {
    const database = await freshDatabase();
    const environment = {
      NEXUS_DATABASE_URL: database.url,
      NEXUS_DB_POOL_SIZE: String(size),
      NEXUS_DB_MAX_OVERFLOW: String(overflow),
    };
    const server = await startTestServer({ engine: 'postgres', environment });
    const outside = new Client(database.url);
    try {
      await outside.connect();
      const key = await server.addKey({ grants: [['direct_editor', '/']] });
      // Its connections are the test's own.
      await server.sql.close();
      await server.ok('write', { path: '/a/b', content: 'x' });
      const calls = [
        ...Array.from({ length: 60 }, () => server.ok('list', { path: '/a' }, key)),
        ...Array.from({ length: 60 }, () => server.ok('grep', { path: '/', pattern: 'x' }, key)),
        ...Array.from({ length: 60 }, (_, i) => server.ok('write', { path: `/a/${i}`, content: 'x' }, key)),
      ];
      let open = true;
      const all = Promise.all(calls).finally(() => {
        open = false;
      });
      const counts: number[] = [];
      while (open) counts.push(Number((await outside.query(STATEMENT)).rows[0].n));
      expect((await all)[60]).toMatchObject({ matches: expect.any(Array) });
      expect(Math.max(...counts)).toBeLessThanOrEqual(size + overflow + 1);
    } finally {
      await outside.end();
      await server.stop();
      await database.drop();
    }
  },
);
