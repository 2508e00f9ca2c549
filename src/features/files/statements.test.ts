/**
 * How many SQL statements a call takes, of a caller with one folder grant whose grants are known already. What is hot
 * stays as small as here, and no call on many paths takes a look-up or a permission statement for each.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import type { Caller } from '../../core/operation.ts';
import { SYSTEM } from '../access/credentials.ts';

const many = Array.from({ length: 64 }, (_, n) => n);

/** Statements by call: the row of the zone is read first by each; a change ends with event, audit and the zone's row. */
const TABLE: readonly (readonly [string, string, object, number])[] = [
  ['read', 'read', { path: '/w/file' }, 2],
  ['read of a version', 'read', { path: '/w/file', version: 1 }, 3],
  ['exists', 'exists', { path: '/w/file' }, 2],
  ['get_metadata', 'get_metadata', { path: '/w/file' }, 2],
  ['list', 'list', { path: '/w' }, 3],
  ['list recursively', 'list', { path: '/w', recursive: true }, 3],
  ['list_versions', 'list_versions', { path: '/w/file' }, 3],
  ['write of a new file', 'write', { path: '/w/new', content: 'x' }, 7],
  ['write of a new file and its folders', 'write', { path: '/w/p/q/new', content: 'x' }, 8],
  ['write of a next version', 'write', { path: '/w/file', content: 'y' }, 8],
  ['append', 'append', { path: '/w/file', content: 'z' }, 9],
  ['edit', 'edit', { path: '/w/text', edits: [['one', 'two']] }, 11],
  ['set_metadata', 'set_metadata', { path: '/w/file', metadata: {} }, 7],
  ['rollback', 'rollback', { path: '/w/file', version: 1 }, 8],
  ['copy of a file', 'copy', { src_path: '/w/file', dst_path: '/w/copy' }, 6],
  ['copy of a folder of 64', 'copy', { src_path: '/w/many', dst_path: '/w/copies', recursive: true }, 7],
  ['rename of a file', 'rename', { old_path: '/w/gone', new_path: '/w/came' }, 8],
  ['rename of a folder of 64', 'rename', { old_path: '/w/copies', new_path: '/w/moved' }, 9],
  ['delete', 'delete', { path: '/w/came' }, 7],
  ['mkdir', 'mkdir', { path: '/w/dir' }, 6],
  ['rmdir', 'rmdir', { path: '/w/dir' }, 8],
  ['rmdir of a folder of 64', 'rmdir', { path: '/w/moved', recursive: true }, 8],
  ['write_batch of 64', 'write_batch', { files: many.map((n) => [`/w/batch/${n}`, `${n}`]) }, 8],
  ['read_bulk of 64', 'read_bulk', { paths: many.map((n) => `/w/many/${n}`) }, 2],
  ['exists_batch of 64', 'exists_batch', { paths: many.map((n) => `/w/many/${n}`) }, 2],
  ['stat_bulk of 64', 'stat_bulk', { paths: many.map((n) => `/w/many/${n}`) }, 2],
];

let bare: Bare;
let caller: Caller;
beforeAll(async () => {
  bare = await openBare();
  const write = (path: string, content = 'x') => bare.call('write', { path, content });
  for (const path of ['/w/file', '/w/gone', ...many.map((n) => `/w/many/${n}`)]) await write(path);
  await write('/w/text', 'one');
  await bare.sql.write('root', async (tx) => {
    await tx.run(
      `INSERT INTO tuples (tuple_id, zone_id, subject_zone_id, subject_type, subject_id, subject_relation, relation,
         object_type, object_id, created_at, created_by, revision)
       VALUES ('t', 'root', 'root', 'user', 'u', '', 'direct_editor', 'file', '/w', 1, 'test', 0)`,
    );
    await tx.run("UPDATE zones SET used_tuples = 1 WHERE zone_id = 'root'");
  });
  const zone = await bare.sql.read((tx) =>
    tx.get<{ access_revision: number }>("SELECT access_revision FROM zones WHERE zone_id = 'root'"),
  );
  caller = {
    ...SYSTEM,
    subject_type: 'user',
    subject_id: 'u',
    user_id: 'u',
    role: 'operator',
    is_admin: false,
    access_revision: zone?.access_revision ?? 0,
  };
  await bare.call('exists', { path: '/w' }, caller);
});
afterAll(() => bare.close());

test.each(TABLE)('%s', async (_name, method, params, expected) => {
  const before = bare.sql.stats().statements;
  await bare.call(method, params, caller);
  expect(bare.sql.stats().statements - before).toBe(expected);
});
