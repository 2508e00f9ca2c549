/** Integrity of what is stored: whatever is taken away, changed or added by hand is named, by document and by level. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CorpusServer, startCorpus } from '../../../../test/corpus/server.ts';
import { forEachEngine } from '../../../../test/harness.ts';
import type { Tx } from '../../../ports/sql.ts';
import { LEVELS } from '../documents/levels.ts';
import type { GraphAnswer } from './graph.operations.ts';
import type { Integrity } from './integrity.ts';

interface Audited {
  readonly document_count: number;
  readonly inconsistencies: readonly { readonly document_id: string; readonly integrity: Integrity }[];
  readonly inconsistency_count: number;
}

/** More than one block of glyphs, and more than is kept inline. */
const TEXT = 'Some words of a text — naïve ones. And more of them!\n\n'.repeat(2_000);

forEachEngine('integrity', (engine) => {
  let corpus: CorpusServer;
  let document_id: string;
  beforeAll(async () => {
    corpus = await startCorpus({ engine });
  });
  afterAll(() => corpus.stop());

  const renew = async () => {
    const path = corpus.write('one.md', TEXT);
    await corpus.ingest([path], { parse_options: { force: true } });
    document_id = (await corpus.document(path)).id;
  };
  const check = async () => (await corpus.ask<Integrity>('GET', `/hypergraph/documents/${document_id}/integrity`)).body;
  const audit = async (): Promise<Audited> => {
    const asked = { job_type: 'integrity_audit', execution_mode: 'sync' };
    const { body } = await corpus.ask<{ job_id: string }>('POST', '/jobs/submit', asked);
    const job = await corpus.ask<{ result: Audited; artifacts: unknown[] }>('GET', `/jobs/${body.job_id}`);
    expect(job.body.artifacts).toEqual([]);
    return job.body.result;
  };
  const failing = ({ checks }: Integrity) => checks.filter(({ ok }) => !ok).map(({ name }) => name);
  const change = (sql: string, ...params: (string | number)[]) =>
    corpus.server.sql.write('root', (tx: Tx) => tx.run(sql, params));

  test('what was ingested is whole', async () => {
    await renew();
    const counts = LEVELS.map((level) => `atom_count:${level}`);
    const whole = await check();
    expect(whole.checks.map(({ name }) => name)).toEqual(['raw_blob', 'text_blob', ...counts, 'stray_atoms']);
    expect(whole).toMatchObject({
      document_nodes: 1,
      atom_nodes: whole.expected_atom_nodes,
      contains_edges: whole.expected_atom_nodes,
      projection_status: 'complete',
      neo4j_verified: false,
      neo4j_document_nodes: null,
      consistent: true,
    });
    expect(await audit()).toEqual({ document_count: 1, inconsistencies: [], inconsistency_count: 0 });
  });

  test.each(LEVELS)('a block of level %s that is deleted is found by the route and by the audit', async (level) => {
    await renew();
    await change(
      'DELETE FROM corpus_blocks WHERE document_id = ? AND level = ? AND block = 0',
      document_id,
      LEVELS.indexOf(level),
    );
    const found = await check();
    expect(found).toMatchObject({ consistent: false, projection_status: 'partial' });
    expect(failing(found)).toEqual([`atom_count:${level}`]);
    const { inconsistencies, inconsistency_count } = await audit();
    expect(inconsistency_count).toBe(1);
    expect(inconsistencies.map((one) => one.document_id)).toEqual([document_id]);
    expect(inconsistencies.flatMap(({ integrity }) => failing(integrity))).toEqual([
      `atom_count:${level}`,
      `atom_digest:${level}`,
    ]);
  });

  test('a byte of a block, of its numbers or of a text that is changed is found by the audit', async () => {
    const named = async () => (await audit()).inconsistencies.flatMap(({ integrity }) => failing(integrity));
    for (let turn = 0; turn < 12; turn++) {
      await renew();
      const level = turn % LEVELS.length;
      const of = [document_id, level] as const;
      const where = 'WHERE document_id = ? AND level = ? AND block = 0';
      const row = await corpus.server.sql.read((tx) =>
        tx.get<{ packed: string }>(`SELECT packed FROM corpus_blocks ${where}`, [...of]),
      );
      const bytes = Buffer.from(row?.packed ?? '');
      const at = turn === 0 ? bytes.length - 1 : (turn * 7919) % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 + (turn % 3));
      await change(`UPDATE corpus_blocks SET packed = ? ${where}`, bytes.toString('latin1'), ...of);
      expect(await named()).toEqual([`atom_digest:${LEVELS[level]}`]);
    }
    for (const column of ['start_byte', 'end_byte']) {
      await renew();
      await change(
        `UPDATE corpus_blocks SET ${column} = ${column} + 1 WHERE document_id = ? AND level = 2 AND block = 0`,
        document_id,
      );
      expect(await named()).toEqual(['atom_digest:word']);
    }
    await renew();
    await change(
      'UPDATE corpus_blocks SET first_ordinal = 2 WHERE document_id = ? AND level = 2 AND block = 0',
      document_id,
    );
    expect(failing(await check())).toEqual(['atom_count:word']);
  });

  test('blocks too many are found: of older states, and of levels that are not active', async () => {
    const add = (state: string, level: number) =>
      change(
        `INSERT INTO corpus_blocks (zone_id, document_id, state, level, block, first_ordinal, atoms, start_byte, end_byte, packed)
         SELECT zone_id, document_id, ${state}, ?, 0, 1, 1, 0, 1, packed FROM corpus_blocks WHERE document_id = ? AND level = 4 AND block = 0`,
        level,
        document_id,
      );
    await renew();
    await add('state - 1', 4);
    expect(failing(await check())).toEqual(['stray_atoms']);
    await renew();
    expect(failing(await check())).toEqual([]);
  });

  test('a text that is gone or damaged is found', async () => {
    await renew();
    const { checksum } = await corpus.server.sql.read(
      async (tx) =>
        (await tx.get<{ checksum: string }>('SELECT checksum FROM corpus_documents WHERE document_id = ?', [
          document_id,
        ])) ?? {
          checksum: '',
        },
    );
    await corpus.server.running.server.blobs.delete(checksum);
    expect(failing(await check())).toEqual(['raw_blob', 'text_blob']);
    const [told] = (await audit()).inconsistencies;
    expect(told && failing(told.integrity)).toEqual([
      'raw_blob',
      'text_blob',
      ...LEVELS.map((level) => `atom_digest:${level}`),
    ]);
    await renew();
    expect(await check()).toMatchObject({ consistent: true });
  });

  test('the graph shows a document with its atoms, an atom with its document, and nothing else', async () => {
    await renew();
    const query = async (of: string) => (await corpus.ask<GraphAnswer>('GET', `/hypergraph/query?${of}`)).body;
    const whole = await query(`document_id=${document_id}&limit=3`);
    expect(whole).toMatchObject({ source: 'local_cache', count: { nodes: 4, edges: 3 } });
    expect(whole.nodes[0]).toEqual(
      expect.objectContaining({ id: `doc:${document_id}`, label: 'Document', modality: 'text' }),
    );
    expect(whole.edges.map(({ to }) => to)).toEqual([1, 2, 3].map((n) => `atom:${document_id}.glyph-seed.${n}`));
    expect(await query(`node_id=doc:${document_id}&relationship_type=contains&limit=3`)).toEqual(whole);
    expect(await query(`node_id=doc:${document_id}&relationship_type=LIKES`)).toMatchObject({
      source: 'local_cache',
      count: { nodes: 1, edges: 0 },
    });
    expect(await query(`node_id=atom:${document_id}.word.2`)).toMatchObject({
      source: 'local_cache',
      nodes: [
        { label: 'Atom', content: 'words', ordinal: 2, filename: 'ONE_WORD_000002_words.txt' },
        { label: 'Document' },
      ],
      edges: [{ type: 'CONTAINS', from: `doc:${document_id}`, to: `atom:${document_id}.word.2` }],
    });
    for (const nobody of [
      '',
      'node_id=doc:none',
      `node_id=atom:${document_id}.word.0`,
      `node_id=atom:${document_id}.zz.1`,
    ]) {
      expect(await query(nobody)).toEqual({ source: 'empty', nodes: [], edges: [], count: { nodes: 0, edges: 0 } });
    }
  });
});
