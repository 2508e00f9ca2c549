/** What is on its way into the audit log while the database takes nothing: answers go on, what is lost is counted and told. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import { Fault } from '../../base/faults.ts';
import { auditRow } from '../../core/call/audit-row.ts';
import { restoring } from '../../engines/sql-faults.ts';
import { SYSTEM } from '../../features/access/credentials.ts';
import { type AuditDesk, openAuditDesk } from './desk.ts';
import type { UnwrittenReads } from './read-batches.ts';

let bare: Bare;
let full: boolean;
let restores: boolean;
let steps: string[];
let logged: string[];
beforeEach(async () => {
  bare = await openBare();
  full = false;
  restores = false;
  steps = [];
  logged = [];
});
afterEach(() => bare.close());

/** Eight times less than a server takes. */
const WAITING_CHARS = 8 * 1024 * 1024;

const desk = (reads: 'batch' | 'sync' = 'batch', left?: UnwrittenReads): AuditDesk =>
  openAuditDesk({
    step: (operation, zone_id, input) => {
      steps.push(operation.name);
      if (restores) return Promise.reject(restoring());
      return full ? Promise.reject(new Fault('UNAVAILABLE', 'full')) : bare.step(operation, zone_id, input);
    },
    clock: bare.clock,
    log: (_level, event) => logged.push(event),
    config: { AUDIT_READS: reads, AUDIT_READ_BYTES: 2 ** 30 },
    waitingChars: WAITING_CHARS,
    left,
  });

const row = (object: string, outcome: 'allowed' | 'denied' = 'allowed') => {
  const facts = { action: 'file.read', effect: 'read', code: null, duration_ms: 0, details: {} } as const;
  const way = { channel: 'rpc', request_id: 'r', address: null };
  return auditRow({ ...facts, at: bare.clock.now(), object, outcome }, SYSTEM, way);
};

async function entries(): Promise<{ action: string; object: string; details: object }[]> {
  const { entries: all } = await bare.call<{ entries: { action: string; object: string; details: object }[] }>(
    'audit_list',
    {},
  );
  return all.filter(({ action }) => action === 'file.read' || action.startsWith('audit.lost'));
}

test('calls that cannot be written are counted, and a row says how many once rows can be written', async () => {
  const audit = desk();
  full = true;
  for (let i = 0; i < 3; i++) audit.ended('root', row(`/lost/${i}`));
  await audit.settle();
  audit.ended('root', row('/lost/too'));
  await audit.settle();
  expect(logged).toEqual(['audit.lost', 'audit.lost']);
  full = false;
  audit.ended('root', row('/kept'));
  await audit.settle();
  audit.ended('root', row('/next'));
  await audit.settle();
  const told = (await entries()).map(({ action, object, details }) => [action, object, details]);
  expect(told.toReversed()).toEqual([
    ['file.read', '/kept', {}],
    ['audit.lost', '', { rows: 4 }],
    ['file.read', '/next', {}],
  ]);
});

test('what a restore keeps out of the log waits for its end, in the next server too', async () => {
  const before = desk();
  restores = true;
  for (let i = 0; i < 3; i++) before.ended('root', row(`/during/${i}`));
  await before.settle();
  before.ended('root', row('/at-its-end'));
  const left = await before.close();
  expect([left.batch.get('root')?.length, left.lost]).toEqual([4, 0]);
  restores = false;
  const after = desk('batch', left);
  after.ended('root', row('/after'));
  await after.settle();
  expect(logged).toEqual([]);
  const told = (await entries()).map(({ object }) => object);
  expect(told.sort()).toEqual(['/after', '/at-its-end', '/during/0', '/during/1', '/during/2']);
  expect(await bare.call('audit_verify', {})).toMatchObject({ ok: true });
});

test('whoever has to wait for the log is told that it cannot be written', async () => {
  const audit = desk('sync');
  full = true;
  await expect(audit.ended('root', row('/x'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('a refusal that cannot be written is refused all the same, and stands in the log of the process', async () => {
  const audit = desk();
  full = true;
  await audit.refused('root', row('/x', 'denied'));
  expect(logged).toEqual(['audit.refusals-lost']);
  await audit.settle();
});

test('calls that wait for the same commit share it, and equal refusals a row of it', async () => {
  const audit = desk('sync');
  await Promise.all(Array.from({ length: 50 }, (_, i) => audit.ended('root', row(`/${i}`))));
  expect(steps.filter((name) => name === 'audit.reads').length).toBeLessThanOrEqual(2);
  steps = [];
  await Promise.all(Array.from({ length: 50 }, (_, i) => audit.refused('root', row(`/${i % 2}`, 'denied'))));
  expect(steps.filter((name) => name === 'audit.refuse')).toHaveLength(1);
  const open = await bare.sql.read((tx) => tx.all('SELECT count FROM audit_open'));
  expect(open).toEqual([{ count: 25 }, { count: 25 }]);
  await audit.settle();
});

test('while a lot waits, answers wait too', async () => {
  const audit = desk();
  const long = 'x'.repeat(4_000);
  const waits = Array.from({ length: 2_500 }, (_, i) => audit.ended('root', row(`/${i}/${long}`)));
  const first = waits.findIndex((wait) => wait !== undefined);
  // Each row has some 4 KB, and 8 MiB may wait.
  expect(first).toBeGreaterThan(1_500);
  expect(first).toBeLessThan(2_200);
  await Promise.all(waits);
  await audit.settle();
  expect(await bare.call('audit_verify', {})).toMatchObject({ ok: true });
});

test('what was asked of a zone that never was stands in the log of the server', async () => {
  const audit = desk();
  audit.ended('never-was', row('/asked'));
  await audit.settle();
  expect((await entries()).map(({ object }) => object)).toEqual(['/asked']);
  expect(logged).toEqual([]);
});
