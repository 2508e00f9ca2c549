/** What of the audit log goes and what stays: by age, by bytes, each zone by itself, and never what was tampered with. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import { startTestServer } from '../../../test/harness.ts';
import { insertZone } from '../../features/zones/zones.sql.ts';
import { pruneAudit, shareOf } from './prune.ts';

const DAY = 86_400_000;
const KEEPING = { days: 30, readDays: 7, readBytes: 2 ** 30 };

interface Report {
  readonly log: string;
  readonly rows: number;
  readonly pruned_to: number;
}

describe('pruning', () => {
  let bare: Bare;
  let logged: string[];
  beforeEach(async () => {
    bare = await openBare();
    logged = [];
  });
  afterEach(() => bare.close());

  const prune = async (keeping: Partial<typeof KEEPING> = {}) => {
    await bare.server.audit.settle();
    return pruneAudit(
      {
        step: bare.step,
        clock: bare.clock,
        signal: new AbortController().signal,
        log: (_level, event) => logged.push(event),
      },
      { ...KEEPING, ...keeping },
    );
  };
  const later = (days: number) => bare.clock.set(bare.clock.now() + days * DAY);
  const write = (n: number, zone_id = 'root') => bare.call('write', { zone_id, path: '/f', content: `${n}` });
  /** Each is a row of the table. */
  const read = async (zone_id = 'root') => {
    await bare.call('read', { zone_id, path: '/f' });
    await bare.server.audit.settle();
  };
  const verify = (zone_id = 'root') =>
    bare.call<{ ok: boolean; logs: Report[]; problems: object[] }>('audit_verify', { zone_id });
  const logOf = async (log: string, zone_id = 'root') =>
    (await verify(zone_id)).logs.find((one) => one.log === log) as Report;
  const run = (sql: string) => bare.sql.write('root', (tx) => tx.run(sql));
  const addZone = (zone_id: string) => {
    const zone = { zone_id, name: zone_id, domain: null, description: null, limits: '{}', now: 1 };
    return bare.sql.write(zone_id, (tx) => insertZone(tx, zone));
  };

  test('takes changes of before the days that are kept, in every slice, and the chain goes on', async () => {
    for (let n = 0; n < 520; n++) await write(n);
    later(20);
    for (let n = 0; n < 5; n++) await write(n);
    later(11);
    expect(await prune()).toBe(520);
    expect(await logOf('changes')).toMatchObject({ rows: 5, pruned_to: 520 });
    await write(1);
    expect(await verify()).toMatchObject({ ok: true, problems: [] });
    expect(await prune()).toBe(0);
    later(31);
    // The calls of the two checks are old by now too.
    expect(await prune()).toBe(6 + 2);
    await write(1);
    expect(await logOf('changes')).toMatchObject({ rows: 1, pruned_to: 526 });
    expect(logged).toEqual([]);
  });

  test('takes calls that changed nothing after their own days, and leaves the changes', async () => {
    await write(1);
    for (let n = 0; n < 4; n++) await read();
    later(8);
    await read();
    expect(await prune()).toBe(4);
    expect(await logOf('reads')).toMatchObject({ pruned_to: 4 });
    expect(await logOf('changes')).toMatchObject({ rows: 1, pruned_to: 0 });
    expect((await verify()).ok).toBe(true);
  });

  test('keeps the bytes of calls below what there is, the largest zone giving way', async () => {
    await addZone('small');
    await addZone('large');
    for (const zone of ['small', 'large']) await write(1, zone);
    for (let n = 0; n < 3; n++) await read('small');
    for (let n = 0; n < 60; n++) await read('large');
    const bytes = async () => {
      const rows = await bare.sql.read((tx) =>
        tx.all<{ zone_id: string; n: number }>(
          'SELECT zone_id, SUM(LENGTH(lines)) AS n FROM audit_reads GROUP BY zone_id',
        ),
      );
      return Object.fromEntries(rows.map(({ zone_id, n }) => [zone_id, n]));
    };
    const before = await bytes();
    const readBytes = Math.floor((before.small ?? 0) + (before.large ?? 0) / 2);
    expect(await prune({ readBytes })).toBeGreaterThan(20);
    const after = await bytes();
    expect(after.small).toBe(before.small);
    expect((after.small ?? 0) + (after.large ?? 0)).toBeLessThanOrEqual(readBytes);
    expect(after.large).toBeGreaterThan((before.large ?? 0) / 4);
    for (const zone of ['small', 'large']) expect(await verify(zone)).toMatchObject({ ok: true });
    const heads = await bare.sql.read((tx) => tx.get("SELECT bytes FROM audit_heads WHERE zone_id = 'large'"));
    expect(heads).toMatchObject({ bytes: (await bytes()).large });
  });

  test('takes no row that was made to look old, and says that the log is broken', async () => {
    for (let n = 0; n < 5; n++) await write(n);
    await run("UPDATE audit SET at = 0 WHERE zone_id = 'root' AND n <= 3");
    expect(await prune()).toBe(0);
    expect(logged).toEqual(['audit.broken']);
    expect((await verify()).problems).toMatchObject([1, 2, 3].map((n) => ({ problem: 'changed', n })));
    for (let n = 0; n < 3; n++) await read();
    await run("UPDATE audit_reads SET at = 0, last_at = 0, lines = replace(lines, '/f', '/g') WHERE zone_id = 'root'");
    expect(await prune()).toBe(0);
  });

  test('takes broken calls where room has to be made, and a row says so for ever', async () => {
    await write(1);
    for (let n = 0; n < 3; n++) await read();
    await run("UPDATE audit_reads SET lines = replace(lines, '/f', '/g') WHERE zone_id = 'root'");
    expect(await prune({ readBytes: 1 })).toBe(3);
    const row = await bare.sql.read((tx) =>
      tx.get("SELECT action, outcome FROM audit WHERE action = 'audit.broken' AND zone_id = 'root'"),
    );
    expect(row).toMatchObject({ action: 'audit.broken', outcome: 'failed' });
    expect((await logOf('changes')).rows).toBe(2);
  });

  test.each([
    ["UPDATE audit_checkpoints SET n = n + 1 WHERE log = 'changes'", 'checkpoint'],
    ["UPDATE audit_checkpoints SET hash = 'x' WHERE log = 'changes'", 'checkpoint'],
    ["DELETE FROM audit_checkpoints WHERE log = 'changes'", 'missing'],
    ["DELETE FROM audit WHERE zone_id = 'root' AND n = 4", 'missing'],
  ])('leaves a checkpoint that nobody makes without the key: %s', async (attack, problem) => {
    for (let n = 0; n < 3; n++) await write(n);
    later(31);
    for (let n = 0; n < 3; n++) await write(n);
    await prune();
    expect((await verify()).ok).toBe(true);
    await run(attack);
    expect((await verify()).problems).toContainEqual(expect.objectContaining({ problem }));
  });

  test('writes down what a server that died had counted of refusals', async () => {
    await run(`INSERT INTO audit_open (zone_id, fold, at, count, line) VALUES ('root', 'x', 1, 7,
      '[1,"user:eve","user","eve",null,null,"file.read","read","/x","denied","ACCESS_DENIED","rpc",null,"c",null,0,"{}"]')`);
    await prune();
    const row = await bare.sql.read((tx) => tx.get("SELECT actor, details FROM audit WHERE zone_id = 'root'"));
    expect(row).toMatchObject({ actor: 'user:eve', details: '{"count":7}' });
  });
});

test.each([
  [[], 10, 10],
  [[1, 2, 3], 10, 10],
  [[1, 9], 8, 7],
  [[5, 5, 5], 9, 3],
  [[1, 4, 100], 10, 5],
])('of %j at most %i together each may have %i', (sizes, all, share) => {
  expect(shareOf(sizes, all)).toBe(share);
  expect(sizes.reduce<number>((sum, size) => sum + Math.min(size, share), 0)).toBeLessThanOrEqual(all);
});

test('a server does it by itself', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-audit-'));
  const before = await startTestServer({ directory });
  await before.ok('write', { path: '/f', content: 'x' });
  // Whoever is at it puts the next pass off when he ends.
  const next = async () =>
    before.sql.read((tx) =>
      tx.all("SELECT 1 FROM jobs WHERE type = 'audit_prune' AND status = 'queued' AND run_at > ?", [Date.now()]),
    );
  await expect.poll(async () => (await next()).length, { timeout: 20_000 }).toBe(1);
  await before.sql.write('root', async (tx) => {
    // As if it had been counted by a server that died, a minute ago.
    await tx.run(`INSERT INTO audit_open (zone_id, fold, at, count, line) VALUES ('root', 'x', 1, 2,
      '[1,"user:eve","user","eve",null,null,"file.read","read","/x","denied","ACCESS_DENIED","rpc",null,"c",null,0,"{}"]')`);
    await tx.run("UPDATE jobs SET run_at = 0 WHERE type = 'audit_prune'");
  });
  await before.stop();
  const server = await startTestServer({ directory });
  const left = async () => (await server.sql.read((tx) => tx.all('SELECT * FROM audit_open'))).length;
  await expect.poll(left, { timeout: 10_000 }).toBe(0);
  await server.stop();
  rmSync(directory, { recursive: true });
});
