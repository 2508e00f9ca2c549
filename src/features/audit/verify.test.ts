/** Every attack on the log by SQL, and which of them is found with which key; what the check says of a log that is whole. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { auditLine } from '../../core/call/audit-row.ts';
import type { Tx } from '../../ports/sql.ts';
import { listRows } from './audit.sql.ts';
import { BEGINNING, rowHash } from './chain.ts';

const KEY = 'a key of this test that is long enough';
const NEWER = 'another key of this test that is long enough';

let server: TestServer;
/** The zone that is attacked; `$zone` in a statement. */
let zone_id = 'root';

const attack = (...statements: string[]): Promise<void> =>
  server.sql.write(zone_id, async (tx) => {
    for (const sql of statements) await tx.run(sql.replaceAll('$zone', zone_id));
  });

const verify = (params: object = {}) => server.ok('audit_verify', { zone_id, ...params });

/** What was found, shortly: `log problem n`. */
async function found(params: object = {}): Promise<string[]> {
  const { problems, ok } = await verify(params);
  expect(ok).toBe(problems.length === 0);
  return problems.map(({ log, problem, n, to }) => `${log} ${problem} ${n === to ? n : `${n}-${to}`}`);
}

const headsNow = async () => (await verify()).logs.map(({ head }) => head);

/** Chains all rows of the zone anew, as somebody would who has a key. */
async function forge(tx: Tx, key: string): Promise<void> {
  let before = BEGINNING;
  let last = 0;
  for (const { n, hash: _hash, ...row } of await listRows(tx, zone_id, { after: 0, limit: 1_000 })) {
    before = rowHash(key, { log: 'changes', zone_id, n }, { before, line: auditLine(row) });
    await tx.run('UPDATE audit SET hash = ? WHERE zone_id = ? AND n = ?', [before, zone_id, n]);
    last = n;
  }
  await tx.run('UPDATE zones SET audit_seq = ?, audit_hash = ? WHERE zone_id = ?', [last, before, zone_id]);
}

const keptKey = (tx: Tx): Promise<{ value: string } | undefined> =>
  tx.get<{ value: string }>("SELECT value FROM settings WHERE name = 'audit_key'");

forEachEngine('the chain', (engine) => {
  let zones = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    zone_id = `zone-${++zones}`;
    await server.addZone(zone_id);
    for (let i = 1; i <= 8; i++) await server.ok('write', { zone_id, path: `/f${i}`, content: `${i}` });
    for (let i = 1; i <= 5; i++) await server.ok('read', { zone_id, path: `/f${i}` });
  });

  test('is whole, and says how long it is', async () => {
    expect(await found()).toEqual([]);
    const { logs } = await verify();
    expect(logs).toMatchObject([
      { log: 'changes', rows: 8, pruned_to: 0, head: { n: 8 } },
      { log: 'reads', head: { zone_id } },
    ]);
  });

  test.each([
    ["UPDATE audit SET actor = 'user:eve' WHERE zone_id = '$zone' AND n = 3", ['changes changed 3']],
    ["UPDATE audit SET at = at + 1 WHERE zone_id = '$zone' AND n = 3", ['changes changed 3']],
    [
      "UPDATE audit SET details = '{\"a\":1}' WHERE zone_id = '$zone' AND n IN (2, 5)",
      ['changes changed 2', 'changes changed 5'],
    ],
    ["UPDATE audit SET hash = 'x' WHERE zone_id = '$zone' AND n = 3", ['changes changed 3', 'changes changed 4']],
    ["UPDATE audit SET object = '/else' WHERE zone_id = '$zone' AND n = 8", ['changes changed 8']],
    ["DELETE FROM audit WHERE zone_id = '$zone' AND n = 4", ['changes missing 4', 'changes unproven 5']],
    ["DELETE FROM audit WHERE zone_id = '$zone' AND n IN (1, 2)", ['changes missing 1-2', 'changes unproven 3']],
    ["DELETE FROM audit WHERE zone_id = '$zone' AND n > 6", ['changes missing 7-8', 'changes missing 7']],
    ["DELETE FROM audit WHERE zone_id = '$zone'", ['changes missing 1-8', 'changes missing 1']],
  ])('%s', async (statement, problems) => {
    await attack(statement);
    expect(await found()).toEqual(problems);
  });

  test('two rows that changed places are named', async () => {
    const to = (n: number, place: number) => `UPDATE audit SET n = ${place} WHERE zone_id = '$zone' AND n = ${n}`;
    await attack(to(3, 100), to(4, 3), to(100, 4));
    expect(await found()).toEqual(['changes moved 3', 'changes moved 4']);
  });

  test('a row that was put between others, all behind it moved on, is told from those', async () => {
    const shift = "UPDATE audit SET n = n + 1001 WHERE zone_id = '$zone' AND n >= 4";
    const back = "UPDATE audit SET n = n - 1000 WHERE zone_id = '$zone' AND n > 1000";
    const columns = `at, actor, subject_type, subject_id, key_id, agent_id, action, effect, object, outcome, code,
      channel, session_id, call_id, ip, duration_ms, details, hash`;
    const copy = `INSERT INTO audit (zone_id, n, ${columns}) SELECT zone_id, 4, ${columns} FROM audit
      WHERE zone_id = '$zone' AND n = 2`;
    await attack(shift, back, copy, "UPDATE audit SET actor = 'user:eve' WHERE zone_id = '$zone' AND n = 4");
    const problems = await found();
    expect(problems).toContain('changes inserted 4');
    expect(problems.filter((one) => one.includes('moved'))).toEqual([4, 5, 6, 7, 8].map((n) => `changes moved ${n}`));
  });

  test('a row of another zone proves nothing here', async () => {
    await server.addZone('other');
    await server.ok('write', { zone_id: 'other', path: '/f', content: 'x' });
    await attack(
      "DELETE FROM audit WHERE zone_id = '$zone' AND n = 1",
      "UPDATE audit SET zone_id = '$zone' WHERE zone_id = 'other'",
    );
    expect(await found()).toContain('changes changed 1');
    expect(await found({ zone_id: 'other' })).toContain('changes missing 1');
  });

  describe('a tail that was cut off', () => {
    const cut = [
      "DELETE FROM audit WHERE zone_id = '$zone' AND n > 6",
      "UPDATE zones SET audit_seq = 6, audit_hash = (SELECT hash FROM audit WHERE zone_id = '$zone' AND n = 6) WHERE zone_id = '$zone'",
    ];

    test('with the end that the zone says is found by events without a row', async () => {
      await attack(...cut);
      expect(await found()).toEqual(['changes missing 7']);
    });

    test('together with its events is found by heads that were kept elsewhere, and by nothing else', async () => {
      const heads = await headsNow();
      await attack(...cut, "DELETE FROM events WHERE zone_id = '$zone' AND seq > 6");
      expect(await found()).toEqual([]);
      expect(await found({ heads })).toEqual(['changes missing 7-8']);
    });
  });

  describe('a chain that was written anew', () => {
    const lie = "UPDATE audit SET actor = 'user:eve' WHERE zone_id = '$zone' AND n = 3";

    test('without the key is found, row by row', async () => {
      await attack(lie);
      await server.sql.write(zone_id, (tx) => forge(tx, 'guessed'));
      expect((await found()).filter((one) => one.startsWith('changes changed'))).toHaveLength(8);
    });

    test('with the key that the database keeps is found by heads that were kept elsewhere, and by nothing else', async () => {
      const heads = await headsNow();
      await attack(lie);
      await server.sql.write(zone_id, async (tx) => forge(tx, (await keptKey(tx))?.value ?? ''));
      expect(await found()).toEqual([]);
      expect(await found({ heads })).toEqual(['changes changed 8']);
    });
  });

  test('calls that changed nothing: a changed line, a lost row of the table, a cut end', async () => {
    const last = (await verify()).logs.find(({ log }) => log === 'reads')?.head.n ?? 0;
    await attack("UPDATE audit_reads SET lines = replace(lines, '/f2', '/g2') WHERE zone_id = '$zone'");
    const problems = await found();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^reads changed \d+$/);
    await attack("DELETE FROM audit_reads WHERE zone_id = '$zone' AND n > 1");
    expect(await found()).toContainEqual(expect.stringMatching(/^reads missing \d/));
    await attack("DELETE FROM audit_reads WHERE zone_id = '$zone'");
    const { problems: all } = await verify();
    const missing = all.find(({ log, problem }) => log === 'reads' && problem === 'missing');
    expect(missing?.n).toBe(1);
    expect(missing?.to).toBeGreaterThanOrEqual(last);
  });

  test('a zone that was removed altogether is missed by heads', async () => {
    await server.addZone('gone');
    await server.ok('write', { zone_id: 'gone', path: '/f', content: 'x' });
    const heads = (await verify({ all: true })).logs.map(({ head }) => head);
    await attack("DELETE FROM audit WHERE zone_id = 'gone'", "DELETE FROM zones WHERE zone_id = 'gone'");
    expect(await found({ all: true, heads })).toContain('changes missing 1');
  });
});

describe('a key that the database does not have', () => {
  let directory: string;
  beforeEach(() => {
    zone_id = 'root';
    directory = mkdtempSync(join(tmpdir(), 'nexus-audit-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const withKey = async (key: string, work: () => Promise<void>): Promise<void> => {
    server = await startTestServer({ directory, engine: ENGINES[0]!, environment: { NEXUS_AUDIT_KEY: key } });
    try {
      await work();
    } finally {
      await server.stop();
    }
  };
  let written = 0;
  const write = () => server.ok('write', { path: '/f', content: `${++written}` });

  test('takes over from the one that it has, and nothing made with that one passes any more', async () => {
    await withKey('', async () => {
      for (let i = 0; i < 3; i++) await write();
    });
    await withKey(`${KEY},database`, async () => {
      await write();
      expect(await found()).toEqual([]);
      await server.sql.write('root', async (tx) => forge(tx, (await keptKey(tx))?.value ?? ''));
      expect(await found()).toEqual(['changes former key 5']);
    });
  });

  test('is followed by the next, with the former ones behind it; without those their rows are not proven', async () => {
    await withKey(KEY, async () => {
      await write();
      await write();
    });
    await withKey(`${NEWER},${KEY}`, async () => {
      await write();
      expect(await found()).toEqual([]);
    });
    await withKey(NEWER, async () => {
      expect((await found()).filter((one) => one.startsWith('changes'))).toEqual([
        'changes changed 1',
        'changes changed 2',
      ]);
    });
  });
});
