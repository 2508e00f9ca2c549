/** Where backups go unless somebody says otherwise. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { checkDestination, defaultDestination } from './depots.ts';

test.each([
  ['', resolve('/data/backups')],
  ['file:///shared', resolve('/data/backups')],
  ['s3://bucket', 's3://bucket/backups'],
  ['s3://bucket/', 's3://bucket/backups'],
  ['s3://bucket/a%20b/?region=eu', 's3://bucket/a%20b/backups?region=eu'],
  [
    's3://key:se%2Fcret@bucket/blobs?endpoint=http://store:9000',
    's3://bucket/blobs/backups?endpoint=http://store:9000',
  ],
])('with blobs at %j it is %s, a destination that shows no credentials', (BLOBS_URL, destination) => {
  expect(defaultDestination({ BLOBS_URL, DATA_DIR: '/data' })).toBe(destination);
  expect(() => checkDestination(destination)).not.toThrow();
});
