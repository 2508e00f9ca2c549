/** What engines are opened with: shares of the connections to PostgreSQL, and credentials of buckets. */
import { expect, test } from 'vitest';
import { startTestServer } from '../../test/harness.ts';
import { freshDatabase } from '../../test/servers/shared-postgres.ts';
import { parseBlobsUrl } from '../config/blobs-url.ts';
import type { Environment } from '../config/environment.ts';
import { loadConfig } from '../config.ts';
import { s3PlaceOf, shareOf } from './engines.ts';

test('the shares of both threads are the whole, and a small part is for long reads', () => {
  for (const connections of [0, 1, 2, 5, 10, 100, 500]) {
    const [some, most] = [shareOf(connections, 'some'), shareOf(connections, 'most')];
    expect(some + most).toBe(shareOf(connections, 'all'));
    expect(some).toBeLessThanOrEqual(Math.max(1, connections / 4));
    expect(some).toBeGreaterThanOrEqual(Math.min(1, connections));
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

test('a busy server opens no more than size and overflow, long reads included', async () => {
  const database = await freshDatabase();
  const environment = {
    NEXUS_DATABASE_URL: database.url,
    NEXUS_DB_POOL_SIZE: '3',
    NEXUS_DB_MAX_OVERFLOW: '0',
  };
  const server = await startTestServer({ engine: 'postgres', environment });
  try {
    const key = await server.addKey({ grants: [['direct_editor', '/']] });
    await server.ok('write', { path: '/a/b', content: 'x' });
    const calls = Array.from({ length: 60 }, (_, i) =>
      i % 2 ? server.ok('list', { path: '/a' }, key) : server.ok('read', { path: '/a/b' }, key),
    );
    const counts = await Promise.all(
      Array.from({ length: 5 }, () => server.sql.read((tx) => tx.get<{ n: number }>(STATEMENT))),
    );
    await Promise.all(calls);
    // Those of the test's own instance, whose size is three too, are among them.
    for (const row of counts) expect(row?.n).toBeLessThanOrEqual(6);
  } finally {
    await server.stop();
    await database.drop();
  }
});
