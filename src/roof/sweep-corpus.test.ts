/** When a zone ends, nothing of its corpus is left, and what only its corpus named is collected; other zones keep theirs. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkStock, makeStock, type Stock } from '../../test/corpus/stock.ts';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../test/harness.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { collectBlobs } from './collect.ts';
import { shapeOf } from './schema/shape.ts';
import { systemSteps } from './system.ts';

const LONG_MS = 60_000;
const DAY_MS = 86_400_000;

forEachEngine('the corpus of a zone that ends', (engine) => {
  let server: TestServer;
  let tables: readonly string[];
  let stock: Stock;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    const shape = await server.sql.read(shapeOf);
    tables = shape
      .filter(({ kind, name }) => kind === 'column' && /^corpus_\w+\.zone_id$/.test(name))
      .map(({ table }) => table);
    stock = await makeStock(server, ADMIN_KEY, '/texts');
  }, LONG_MS);
  afterAll(() => server.stop());

  const countIn = async (table: string, zone_id: string): Promise<number> => {
    const sql = `SELECT COUNT(*) AS n FROM ${table} WHERE zone_id = ?`;
    return (await server.sql.read((tx) => tx.get<{ n: number }>(sql, [zone_id])))?.n ?? 0;
  };
  const filled = async (zone_id: string): Promise<string[]> => {
    const counts = await Promise.all(tables.map(async (table) => [table, await countIn(table, zone_id)] as const));
    return counts.filter(([, n]) => n > 0).map(([table]) => table);
  };
  const hashes = async (): Promise<string[]> =>
    (await server.sql.read((tx) => tx.all<{ sha256: string }>('SELECT sha256 FROM blobs ORDER BY sha256'))).map(
      ({ sha256 }) => sha256,
    );
  const terminated = (zone_id: string) =>
    vi.waitFor(async () => {
      const { zones } = await server.ok('zone_list', { include_terminated: true, limit: 1000 });
      expect(zones).toContainEqual(expect.objectContaining({ zone_id, phase: 'Terminated' }));
    }, LONG_MS);
  /** As if whatever was touched had been so long ago. */
  const collect = async (): Promise<void> => {
    const { runner, blobs } = server.running.server;
    const clock = { now: () => systemClock.now() + DAY_MS };
    await collectBlobs({ step: systemSteps(runner), blobs, clock, signal: new AbortController().signal });
  };

  test('goes with it, row by row, and its contents after it', { timeout: LONG_MS }, async () => {
    await collect();
    const before = await hashes();
    await server.ok('zone_create', { zone_id: 'brief', name: 'Brief' });
    const key = await server.addKey({ zone_id: 'brief', role: 'admin', grants: [['direct_owner', '/']] });
    // Elsewhere named texts are shared with another zone; these are not.
    await makeStock(server, key, '/texts');
    await server.ok('write', { path: '/own.md', content: 'Only here. And so are its changes.' }, key);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const post = async (path: string, body: object) => {
      const answer = await server.http(`/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      expect([path, answer.status]).toEqual([path, 200]);
      return (await answer.json()) as { ingest_job_id: string };
    };
    const { ingest_job_id } = await post('/ingest/batch', { source_paths: ['nexus:///own.md'] });
    // What no call of this test leaves behind.
    await server.sql.write('brief', async (tx) => {
      await tx.run('INSERT INTO corpus_ml_jobs (zone_id, job_id) VALUES (?, ?)', ['brief', ingest_job_id]);
      await tx.run('INSERT INTO corpus_raw_jobs (zone_id, job_id) VALUES (?, ?)', ['brief', ingest_job_id]);
    });
    expect((await filled('brief')).toSorted()).toEqual([...tables].toSorted());
    expect((await hashes()).length).toBeGreaterThan(before.length);
    const roots = await filled('root');

    await server.ok('zone_delete', { zone_id: 'brief' });
    await terminated('brief');
    expect(await filled('brief')).toEqual([]);
    await collect();
    expect(await hashes()).toEqual(before);
    expect(await filled('root')).toEqual(roots);
    await checkStock(server, ADMIN_KEY, stock);
  });

  test('is not added to by an ingest that its end overtakes', { timeout: LONG_MS }, async () => {
    await server.ok('zone_create', { zone_id: 'overtaken', name: 'Overtaken' });
    const key = await server.addKey({ zone_id: 'overtaken', role: 'admin', grants: [['direct_owner', '/']] });
    await server.ok('write', { path: '/long.md', content: 'Of a text that is long enough. '.repeat(50_000) }, key);
    const ingested = server.http('/api/v1/ingest/batch', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ source_paths: ['nexus:///long.md'] }),
    });
    await vi.waitFor(async () => expect(await countIn('corpus_blocks', 'overtaken')).toBeGreaterThan(0), {
      timeout: LONG_MS,
      interval: 2,
    });
    await server.ok('zone_delete', { zone_id: 'overtaken' });
    await (await ingested).arrayBuffer();
    await terminated('overtaken');
    expect(await filled('overtaken')).toEqual([]);
  });
});
