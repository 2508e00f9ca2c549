/** A backup that is taken while texts are ingested has the corpus whole, and so has whoever restores it, on either engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type CorpusServer, startCorpus } from '../../../test/corpus/server.ts';
import { checkStock, makeStock, type Stock, tellStock } from '../../../test/corpus/stock.ts';
import { ADMIN_KEY, ENGINES, forEachEngine } from '../../../test/harness.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { loadConfig } from '../../config.ts';
import { dumpDatabase, restoreAt } from './offline.ts';

const quiet = { told: () => undefined, signal: new AbortController().signal };
const LONG_MS = 120_000;
/** So that what a killed attempt held is soon free. */
const LEASE = { NEXUS_WORKER_LEASE_SECONDS: '5' };
const LOAD = ['nexus:///load/'];

forEachEngine('the corpus in a backup', (engine) => {
  const place = mkdtempSync(join(tmpdir(), 'nexus-corpus-backups-'));
  let corpus: CorpusServer;
  let stock: Stock;
  let viewer: string;
  beforeAll(async () => {
    corpus = await startCorpus({ engine, environment: { ...LEASE, NEXUS_DATA_DIR: join(place, 'data') } });
    stock = await makeStock(corpus.server, ADMIN_KEY, '/texts');
    viewer = await corpus.server.addKey({ role: 'viewer', grants: [['direct_viewer', '/texts']] });
    const content = Array.from({ length: 20_000 }, (_, n) => `Sentence ${n} is of a text that comes again.`).join(' ');
    await corpus.server.ok('write', { path: '/load/one.md', content });
  }, LONG_MS);
  afterAll(async () => {
    await corpus.stop();
    rmSync(place, { recursive: true });
  });

  const again = ({ ingest }: CorpusServer) => ingest(LOAD, { parse_options: { force: true } });

  test('is whole wherever it is restored, and what was being ingested can be ingested', {
    timeout: LONG_MS,
  }, async () => {
    const { server } = corpus;
    await again(corpus);
    let stop = false;
    const ingesting = (async () => {
      while (!stop) await again(corpus);
    })();
    const made = await server.http('/api/v2/backups', { method: 'POST' });
    const { id, dump_sha256 } = (await made.json()) as { id: string; dump_sha256: string };
    stop = true;
    await ingesting;
    expect(made.status).toBe(201);
    const told = await tellStock(server, viewer, stock);
    for (const other of ENGINES) {
      const database = other === 'postgres' ? await freshDatabase() : { url: '', drop: async () => undefined };
      const directory = mkdtempSync(join(place, 'other-'));
      const environment = { ...LEASE, NEXUS_DATA_DIR: directory, NEXUS_DATABASE_URL: database.url };
      const prod = { NEXUS_ENVIRONMENT: 'prod', NEXUS_SCHEMA_MANAGEMENT_MODE: 'auto_create', NEXUS_PORT: '0' };
      const { config } = loadConfig({ environment: {}, given: { ...environment, ...prod } });
      await restoreAt(config, { from: join(place, 'data', 'backups'), ref: id }, quiet);
      expect((await dumpDatabase(config, () => undefined)).sha256).toBe(dump_sha256);
      const restored = await startCorpus({ engine: other, environment });
      expect(await tellStock(restored.server, viewer, stock)).toEqual(told);
      await checkStock(restored.server, ADMIN_KEY, stock);
      expect(await again(restored)).toMatchObject({ documents_ingested: 1 });
      await checkStock(restored.server, ADMIN_KEY, stock);
      await restored.stop();
      await database.drop();
    }
  });

  test('is as it was when a running server goes back to it, whatever is being ingested', {
    timeout: LONG_MS,
  }, async () => {
    const { server, ask } = corpus;
    const told = await tellStock(server, viewer, stock);
    const { id } = (await (await server.http('/api/v2/backups', { method: 'POST' })).json()) as { id: string };
    // What is undone: another text of a document, and a branch.
    await server.ok('write', { path: '/texts/short.md', content: 'Quite another text.' });
    await corpus.ingest(['nexus:///texts/short.md']);
    const asked = { parent_branch_id: stock.branches.at(-1), event_type: 'reverse_drift' };
    const evolved = await ask<{ new_branch_id: string }>('POST', '/evolve/branch', asked);
    expect(evolved.status).toBe(200);
    const overtaken = again(corpus).catch(() => undefined);
    const restored = await server.http(`/api/v2/backups/${id}/restore`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ confirm: true }),
    });
    expect(restored.status).toBe(200);
    await overtaken;
    // For a moment its door is closed.
    await vi.waitFor(async () => expect(await tellStock(server, viewer, stock)).toEqual(told), LONG_MS);
    expect((await ask('GET', `/branches/${evolved.body.new_branch_id}/timeline`)).status).toBe(404);
    await checkStock(server, ADMIN_KEY, stock);
    expect(await again(corpus)).toMatchObject({ documents_ingested: 1 });
    await checkStock(server, ADMIN_KEY, stock);
  });
});
