/** Seed texts by their routes: what is there, what is fetched once, and what comes of what cannot be. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CorpusServer, startCorpus } from '../../../../test/corpus/server.ts';
import { forEachEngine, startTestServer } from '../../../../test/harness.ts';
import { startTextServer, type TextServer } from '../../../../test/servers/texts.ts';
import type { SeedFetched, SeedList } from './seeds.operations.ts';

const HOST = 'www.gutenberg.org';
const pathOf = (n: number): string => `/cache/epub/${n}/pg${n}.txt`;

forEachEngine('seed texts', (engine) => {
  let texts: TextServer;
  let corpus: CorpusServer;
  beforeAll(async () => {
    texts = await startTextServer(HOST);
    corpus = await startCorpus({ engine, environment: texts.environment });
  });
  afterAll(async () => {
    await corpus.stop();
    await texts.stop();
  });

  const list = async (key?: string) => (await corpus.ask<SeedList>('GET', '/corpus/seeds', undefined, key)).body.seeds;
  const fetchText = (title: unknown, key?: string) =>
    corpus.ask<SeedFetched>('POST', '/corpus/seed', { title, more: 1 }, key);

  test('five of them, none of which is there', async () => {
    const viewer = await corpus.server.addKey({ role: 'viewer' });
    const common = { language: 'English', local_path: null, atomization_status: 'not_provisioned' };
    const url = (n: number) => `https://${HOST}${pathOf(n)}`;
    expect(await list(viewer)).toEqual([
      { title: 'The Odyssey', author: 'Homer', source_url: url(1727), ...common },
      { title: 'The Divine Comedy', author: 'Dante Alighieri', source_url: url(8800), ...common },
      { title: 'Leaves of Grass', author: 'Walt Whitman', source_url: url(1322), ...common },
      { title: 'Ulysses', author: 'James Joyce', source_url: url(4300), ...common },
      { title: 'Frankenstein', author: 'Mary Shelley', source_url: url(84), ...common },
    ]);
  });

  test('one is fetched, ingested, and fetched no more', async () => {
    texts.answer(pathOf(1322), (response) => response.end('I celebrate myself,\n\nand sing myself.'));
    const local_path = join(corpus.folder, 'seeds', 'leaves_of_grass.txt');
    const { status, body } = await fetchText('LEAVES of grass');
    const { id, ingested } = await corpus.document(local_path);
    expect({ status, body, ingested }).toEqual({
      status: 200,
      body: { title: 'Leaves of Grass', status: 'provisioned', local_path, document_id: id },
      ingested: true,
    });
    expect(readFileSync(local_path, 'utf8')).toMatch(/^I celebrate myself/);
    const again = { ...body, status: 'already_provisioned' };
    expect((await fetchText('Leaves of Grass')).body).toEqual(again);
    expect(texts.asked.filter((path) => path === pathOf(1322))).toHaveLength(1);
    expect((await list())[2]).toMatchObject({ local_path, atomization_status: 'provisioned' });
  });

  test('one that somebody put there is ingested as it is', async () => {
    texts.answer(pathOf(84), (response) => response.end('fetched'));
    await fetchText('Frankenstein');
    const path = join(corpus.folder, 'seeds', 'ulysses.txt');
    writeFileSync(path, 'Stately, plump.');
    expect((await list())[3]).toMatchObject({ local_path: path, atomization_status: 'not_provisioned' });
    expect((await fetchText('ulysses')).body).toMatchObject({ status: 'provisioned', local_path: path });
    expect(texts.asked).not.toContain(pathOf(4300));
  });

  test('one that cannot be fetched is not there, and one with marks of a conflict is not ingested', async () => {
    const missing = await fetchText('The Odyssey');
    expect(missing).toMatchObject({
      status: 502,
      body: {
        code: 'upstream_failed',
        detail: `The Odyssey cannot be fetched from https://${HOST}${pathOf(1727)}: ${HOST} answers with status 404`,
      },
    });
    expect((await list())[0]).toMatchObject({ local_path: null, atomization_status: 'not_provisioned' });
    texts.answer(pathOf(8800), (response) => response.end('=======\n'));
    const conflict = await fetchText('The Divine Comedy');
    expect(conflict).toMatchObject({ status: 409, body: { detail: 'The Divine Comedy: Conflict markers detected' } });
    expect((await list())[1]).toMatchObject({ atomization_status: 'not_provisioned' });
  });

  test('refusals', async () => {
    const operator = await corpus.server.addKey({ role: 'researcher' });
    expect((await fetchText('Ulysses', operator)).status).toBe(403);
    expect((await fetchText(undefined)).status).toBe(422);
    const unknown = { status: 400, body: { code: 'bad_request', detail: 'Unknown seed text: x' } };
    expect(await fetchText('x')).toMatchObject(unknown);
    await corpus.server.addZone('elsewhere');
    const elsewhere = await corpus.server.addKey({ zone_id: 'elsewhere', role: 'admin' });
    const none = { status: 400, body: { detail: 'corpus_root is missing: set NEXUS_CORPUS_ROOT to a directory' } };
    expect(await fetchText('Ulysses', elsewhere)).toMatchObject(none);
    expect((await list(elsewhere)).every(({ local_path }) => local_path === null)).toBe(true);
  });
});

test('without a corpus folder nothing is asked for', async () => {
  const server = await startTestServer({ environment: { NEXUS_CORPUS_ROOT: '/nowhere' } });
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ title: 'Ulysses' });
  const answer = await server.http('/api/v1/corpus/seed', { method: 'POST', headers, body });
  const { detail } = (await answer.json()) as { detail: string };
  expect([answer.status, detail]).toEqual([400, 'corpus_root is missing: set NEXUS_CORPUS_ROOT to a directory']);
  await server.stop();
});
