/** glob and grep take the same number of SQL statements for 10 and 10,000 entries, and for 1 and 1,000 grants. */
import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../../test/bare.ts';
import type { Caller } from '../../../core/operation.ts';
import type { RowsInsert } from '../../../ports/sql.ts';
import { SYSTEM } from '../../access/credentials.ts';
import { touchBlobs } from '../../content/content.sql.ts';
import { insertStates, type NewState } from '../files.sql.ts';
import { SCAN_ROWS } from './scan.sql.ts';

const FEW = 10;
const MANY = 10_000;
const GRANTS = 1_000;
const HUGE = 2 * SCAN_ROWS + 1;

let bare: Bare;
beforeAll(async () => {
  bare = await openBare();
  for (const [folder, count] of [
    ['/few', FEW],
    ['/many', MANY],
    ['/huge', HUGE],
  ] as const) {
    await fill(folder, count);
  }
});
afterAll(() => bare.close());

const nameOf = (n: number): string => String(n).padStart(6, '0');
const textOf = (folder: string, n: number): string => `a line of ${folder} ${nameOf(n)}\nand its second\n`;

/** Files that nobody has read yet, written past the doors. */
async function fill(folder: string, count: number): Promise<void> {
  await bare.sql.write('root', async (tx) => {
    const blobs = Array.from({ length: count }, (_, n) => {
      const inline = Buffer.from(textOf(folder, n));
      return { sha256: hash('sha256', inline, 'hex'), size: inline.length, utf8: true, inline };
    });
    const seq = (await tx.get<{ seq: number }>("SELECT seq FROM zones WHERE zone_id = 'root'"))!.seq;
    const states = blobs.map(
      ({ sha256, size }, n): NewState => ({
        zone_id: 'root',
        branch: 'main',
        path: `${folder}/${nameOf(n)}`,
        parent: folder,
        kind: 'f',
        file_id: `${folder}${n}`,
        began: seq + 1,
        version: 1,
        etag: sha256,
        size,
        encoding: 'utf-8',
        content_type: 'text/plain',
        metadata: null,
        reason: 'write',
        created_at: 1,
        created_by: 'test',
        modified_at: 1,
        modified_by: 'test',
      }),
    );
    await touchBlobs(tx, blobs, 1);
    await insertStates(tx, states);
    await tx.run("UPDATE zones SET seq = seq + 1 WHERE zone_id = 'root'");
  });
}

const tupleRows: RowsInsert = {
  into: 'tuples',
  columns: `tuple_id, zone_id, subject_zone_id, subject_type, subject_id, subject_relation, relation, object_type,
    object_id, created_at, created_by, revision`.split(/,\s*/),
};

/** Whose grants are known already, and are on these paths. */
async function callerOn(name: string, paths: readonly string[]): Promise<Caller> {
  await bare.sql.write('root', async (tx) => {
    await tx.run("UPDATE zones SET access_revision = access_revision + 1 WHERE zone_id = 'root'");
    const now = await tx.get<{ revision: number }>(
      "SELECT access_revision AS revision FROM zones WHERE zone_id = 'root'",
    );
    const rows = paths.map((path, n) => [
      `${name}${n}`,
      'root',
      'root',
      'user',
      name,
      '',
      'direct_viewer',
      'file',
      path,
      1,
      'test',
      now?.revision ?? 0,
    ]);
    await tx.insert(tupleRows, rows);
  });
  const zone = await bare.sql.read((tx) =>
    tx.get<{ access_revision: number }>("SELECT access_revision FROM zones WHERE zone_id = 'root'"),
  );
  const caller: Caller = {
    ...SYSTEM,
    subject_type: 'user',
    subject_id: name,
    user_id: name,
    role: 'viewer',
    is_admin: false,
    access_revision: zone?.access_revision ?? 0,
  };
  await bare.call('exists', { path: paths[0] }, caller);
  return caller;
}

async function statementsOf(method: string, params: object, caller: Caller): Promise<[number, object]> {
  const before = bare.sql.stats().statements;
  const answer = await bare.call(method, params, caller);
  return [bare.sql.stats().statements - before, answer];
}

const files = (folder: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${folder}/${nameOf(n)}`);

describe.each([
  ['one grant', FEW, '/few', () => ['/few']],
  ['one grant', MANY, '/many', () => ['/many']],
  ['1,000 grants', FEW, '/few', () => [...files('/few', FEW), ...files('/elsewhere', GRANTS - FEW)]],
  ['1,000 grants', MANY, '/many', () => files('/many', GRANTS)],
] as const)('%s, %i entries', (grants, entries, folder, paths) => {
  const readable = grants === 'one grant' ? entries : Math.min(entries, GRANTS);
  let caller: Caller;
  beforeAll(async () => {
    caller = await callerOn(`${grants} ${folder}`, paths());
    // What is kept from the searches before is not used after a change.
    await bare.call('write', { path: '/change', content: grants + folder });
  });

  test('glob: the zone, the paths', async () => {
    const [count, answer] = await statementsOf('glob', { pattern: '**', path: folder }, caller);
    expect([count, jsonOf(answer).length]).toEqual([2, readable]);
  });

  test('grep: the zone, the files, the index, the contents that are not in memory', async () => {
    const again = `second|(${grants})`;
    const [cold, answer] = await statementsOf('grep', { pattern: again, path: folder, limit: 100_000 }, caller);
    expect(jsonOf(answer)).toHaveLength(readable);
    expect(cold).toBe(grants === 'one grant' ? 4 : 3);
    const [warm] = await statementsOf('grep', { pattern: again, path: folder, limit: 100_000 }, caller);
    expect(warm).toBe(grants === 'one grant' ? 2 : 3);
  });
});

describe('a tree that takes three scans', () => {
  const all = files('/huge', HUGE);
  let caller: Caller;
  beforeAll(async () => {
    caller = await callerOn('huge', ['/']);
  });

  test('is searched whole', async () => {
    const [count, found] = await statementsOf('glob', { pattern: '**', path: '/huge', limit: 100_000 }, caller);
    expect([count, jsonOf(found)]).toEqual([4, all]);
    const [, lines] = await statementsOf('grep', { pattern: 'second', path: '/huge', limit: 100_000 }, caller);
    expect(jsonOf<{ path: string }>(lines).map(({ path }) => path)).toEqual(all);
    const last = nameOf(HUGE - 1);
    const [, rare] = await statementsOf('grep', { pattern: `huge ${last}`, path: '/huge' }, caller);
    expect(rare).toMatchObject({ files_searched: HUGE });
    expect(jsonOf(rare)).toMatchObject([{ path: `/huge/${last}`, line: 1 }]);
  });

  test('is searched as it was when the search began', async () => {
    const lines = { pattern: 'second', path: '/huge', limit: 100_000 };
    const searching = statementsOf('grep', lines, caller);
    // By the first turn of the event loop the search has begun; it takes many.
    await setImmediate();
    await bare.call('delete', { path: all.at(-1) });
    const [, found] = await searching;
    expect(jsonOf<{ path: string }>(found).map(({ path }) => path)).toEqual(all);
    const [, later] = await statementsOf('grep', lines, caller);
    expect(jsonOf(later)).toHaveLength(HUGE - 1);
  });

  test('is passed over where nothing in it can match', async () => {
    const [count, found] = await statementsOf('glob', { pattern: '/{few,many}/*', limit: 100_000 }, caller);
    expect([count, jsonOf(found)]).toEqual([3, [...files('/few', FEW), ...files('/many', MANY)]]);
    const [, everything] = await statementsOf('glob', { pattern: '/*/*', limit: 100_000 }, caller);
    expect(jsonOf(everything)).toHaveLength(FEW + HUGE - 1 + MANY);
  });
});

/** The matches of an answer, which are JSON in pieces. */
const jsonOf = <T>(answer: object): T[] =>
  JSON.parse(Buffer.concat((answer as { matches: Uint8Array[] }).matches).toString());
