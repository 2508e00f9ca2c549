/** A zone takes its corpus along: what was made of texts is the same elsewhere, and work on it goes on. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type CorpusServer, startCorpus } from '../../../test/corpus/server.ts';
import { checkStock, makeStock, type Stock, tellStock } from '../../../test/corpus/stock.ts';
import { ADMIN_KEY, ENGINES, forEachEngine, type TestServer } from '../../../test/harness.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { collectBlobs } from '../collect.ts';
import { systemSteps } from '../system.ts';

const LONG_MS = 60_000;
const SHADOWS = { NEXUS_SHADOW_EXECUTION_ENABLED: 'true', NEXUS_EMBEDDED_WORKER: 'true' };

forEachEngine('the corpus of a zone', (engine) => {
  let here: CorpusServer;
  let there: CorpusServer;
  let key: string;
  /** Of somebody who may not read the texts. */
  let stranger: string;
  let stock: Stock;
  /** One whose shadow has run, and one whose job is still to come. */
  let shadows: readonly string[];
  const other = ENGINES.find((one) => one !== engine) ?? engine;

  const exportOf = async (server: TestServer, zone_id: string): Promise<Buffer> => {
    const response = await server.http(`/api/v2/zones/${zone_id}/export`);
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  };
  const bring = async (server: TestServer, bytes: Uint8Array, zone_id: string): Promise<void> => {
    expect((await server.http('/api/v2/files/in.zone', { method: 'PUT', body: bytes })).ok).toBe(true);
    const response = await server.http('/api/v2/zones/import', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path: '/in.zone', zone_id }),
    });
    expect(await response.json()).toMatchObject({ zone_id });
  };
  const shadowOf = async ({ ask }: CorpusServer, id: string | undefined, by: string) =>
    (await ask('GET', `/analysis/runs/${id}/shadow`, undefined, by)).body;

  beforeAll(async () => {
    here = await startCorpus({ engine, environment: SHADOWS });
    there = await startCorpus({ engine: other, environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
    await here.server.ok('zone_create', { zone_id: 'team', name: 'Team' });
    key = await here.server.addKey({ zone_id: 'team', role: 'admin', grants: [['direct_owner', '/']] });
    stranger = await here.server.addKey({ zone_id: 'team', role: 'viewer' });
    stock = await makeStock(here.server, key, '/texts');
    const shadow = async () => {
      const asked = { document_id: stock.documents[1], execution_mode: 'shadow' };
      const { body } = await here.ask<{ analysis_run_id: string }>('POST', '/analyze', asked, key);
      return body.analysis_run_id;
    };
    const ran = await shadow();
    await vi.waitFor(async () => expect((await shadowOf(here, ran, key)).shadow_status).toBe('succeeded'), LONG_MS);
    const waiting = await shadow();
    await vi.waitFor(async () => expect((await shadowOf(here, waiting, key)).shadow_status).toBe('succeeded'), LONG_MS);
    // As if its job had not run yet.
    await here.server.sql.write('team', (tx) =>
      tx.run(
        'DELETE FROM corpus_runs WHERE zone_id = ? AND job_id = (SELECT shadow_job_id FROM corpus_runs WHERE run_id = ? AND zone_id = ?)',
        ['team', waiting, 'team'],
      ),
    );
    shadows = [ran, waiting];
  }, LONG_MS);
  afterAll(async () => {
    await here.stop();
    await there.stop();
  });

  test('is the same elsewhere, to the byte, and goes on there', { timeout: LONG_MS }, async () => {
    const exported = await exportOf(here.server, 'team');
    await bring(there.server, exported, 'team');
    expect((await exportOf(there.server, 'team')).equals(exported)).toBe(true);
    const told = await tellStock(here.server, key, stock);
    expect(await tellStock(there.server, key, stock)).toEqual(told);
    await checkStock(there.server, key, stock);

    // Whatever the corpus names is spared from collection.
    const { runner, blobs } = there.server.running.server;
    const clock = { now: () => systemClock.now() + 365 * 86_400_000 };
    await collectBlobs({ step: systemSteps(runner), blobs, clock, signal: new AbortController().signal });
    await checkStock(there.server, key, stock);

    const again = { source_paths: ['nexus:///texts/'] };
    expect((await there.ask('POST', '/ingest/batch', again, key)).body).toMatchObject({ documents_unchanged: 2 });
    const forced = await there.ingest(again.source_paths, { parse_options: { force: true } }, key);
    expect(forced).toMatchObject({ documents_ingested: 2 });
    const asked = { parent_branch_id: stock.branches.at(-1), event_type: 'reverse_drift' };
    expect((await there.ask('POST', '/evolve/branch', asked, key)).status).toBe(200);
    await checkStock(there.server, key, stock);
  });

  test('is hidden there from whom it is hidden here', async () => {
    const { documents, runs, branches, remix } = stock;
    const paths = [
      ...documents.map((id) => `/documents/${id}`),
      ...runs.map((id) => `/analysis/runs/${id}`),
      ...branches.map((id) => `/branches/${id}/timeline`),
      `/remix/${remix}`,
    ];
    for (const { ask } of [here, there]) {
      for (const path of paths)
        expect([path, (await ask('GET', path, undefined, stranger)).status]).toEqual([path, 404]);
      expect((await ask('GET', '/branches', undefined, stranger)).body).toMatchObject({ branches: [] });
      expect((await ask('GET', '/remix', undefined, stranger)).body).toMatchObject({ remixes: [], total: 0 });
    }
  });

  test('has its shadows with it, and jobs that had not run are told as gone', async () => {
    const [ran, waiting] = shadows;
    expect(await shadowOf(there, ran, key)).toEqual(await shadowOf(here, ran, key));
    expect(await shadowOf(there, waiting, key)).toMatchObject({
      shadow_status: null,
      primary: { analysis_run_id: waiting },
      shadow: null,
      comparison: null,
    });
  });

  test('is a copy beside itself', { timeout: LONG_MS }, async () => {
    await bring(here.server, await exportOf(here.server, 'team'), 'copy');
    const own = await here.server.addKey({ zone_id: 'copy', role: 'admin', grants: [['direct_owner', '/']] });
    expect(await tellStock(here.server, own, stock)).toEqual(await tellStock(here.server, key, stock));
    await checkStock(here.server, own, stock);
    // What changes in one of them changes nothing in the other.
    await here.server.ok('write', { path: '/texts/short.md', content: 'Another text.' }, own);
    await here.ingest(['nexus:///texts/short.md'], {}, own);
    await checkStock(here.server, key, stock);
  });

  test('leaves out what a job has in hand', { timeout: LONG_MS }, async () => {
    const exported = await exportOf(here.server, 'team');
    const [id = ''] = stock.documents;
    const run = (sql: string, ...params: string[]) => here.server.sql.write('team', (tx) => tx.run(sql, params));
    // An ingest of a known file has made a block, and one of another file has begun.
    await run(
      `INSERT INTO corpus_blocks (zone_id, document_id, state, level, block, first_ordinal, atoms, start_byte, end_byte, packed)
         SELECT zone_id, document_id, state + 1, level, block, first_ordinal, atoms, start_byte, end_byte, packed
         FROM corpus_blocks WHERE zone_id = 'team' AND document_id = ? AND level = 4 AND block = 0`,
      id,
    );
    await run(
      "UPDATE corpus_documents SET claim_job = 'j', claim_attempt = 1, claim_state = state + 1 WHERE zone_id = 'team' AND document_id = ?",
      id,
    );
    await run(
      `INSERT INTO corpus_documents (zone_id, document_id, source, path, title, stem, modality, checksum, size_bytes, status,
           modality_status, state, levels, text_bytes, text_chars, segments, options, links, claim_state, created_at, updated_at)
         SELECT zone_id, 'new', source, '/new.md', title, stem, modality, '', 0, 'new',
           'pending', 0, '[]', 0, 0, '{}', '{}', '[]', 1, created_at, updated_at
         FROM corpus_documents WHERE zone_id = 'team' AND document_id = ?`,
      id,
    );
    expect((await exportOf(here.server, 'team')).equals(exported)).toBe(true);
  });

  test('is whole, whatever is ingested while it is exported', { timeout: LONG_MS }, async () => {
    await here.server.ok('zone_create', { zone_id: 'busy', name: 'Busy' });
    const own = await here.server.addKey({ zone_id: 'busy', role: 'admin', grants: [['direct_owner', '/']] });
    const made = await makeStock(here.server, own, '/texts');
    let stop = false;
    const ingesting = (async () => {
      while (!stop) await here.ingest(['nexus:///texts/'], { parse_options: { force: true } }, own);
    })();
    for (let n = 0; n < 4; n++) {
      await bring(there.server, await exportOf(here.server, 'busy'), `busy-${n}`);
      const copied = await there.server.addKey({
        zone_id: `busy-${n}`,
        role: 'admin',
        grants: [['direct_owner', '/']],
      });
      await checkStock(there.server, copied, made);
    }
    stop = true;
    await ingesting;
  });

  test('has documents of the folder of the operator, with their texts', { timeout: LONG_MS }, async () => {
    const path = here.write('deep/disk.txt', 'A text of the folder. It went along.');
    await here.ingest([path]);
    const { id } = await here.document(path);
    await bring(there.server, await exportOf(here.server, 'root'), 'of-root');
    const own = await there.server.addKey({ zone_id: 'of-root', role: 'viewer' });
    for (const route of [`/documents/${id}`, `/documents/${id}/atoms?level=word`]) {
      const before = (await here.ask('GET', route, undefined, ADMIN_KEY)).body;
      expect(await there.ask('GET', route, undefined, own)).toEqual({ status: 200, body: before });
    }
  });
});
