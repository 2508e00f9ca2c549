/** Batches as clients see them: what becomes of each file, what is refused as a whole, who sees what, repeats and interruptions. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { pngOf, wavOf } from '../../../../test/corpus/media.ts';
import { pdfOf } from '../../../../test/corpus/pdf.ts';
import { type CorpusServer, startCorpus } from '../../../../test/corpus/server.ts';
import { ADMIN_KEY, forEachEngine } from '../../../../test/harness.ts';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import type { AtomPage } from '../documents/atoms.operations.ts';
import type { DocumentDetails, DocumentList } from '../documents/documents.operations.ts';
import { LEVELS } from '../documents/levels.ts';
import type { IngestStatus } from './ingest.operations.ts';

const atomVectors = vectorsOf('atoms', z.looseObject({ text: z.string(), counts: z.record(z.string(), z.number()) }));

forEachEngine('ingest', (engine) => {
  let corpus: CorpusServer;
  beforeAll(async () => {
    corpus = await startCorpus({ engine });
  });
  afterAll(() => corpus.stop());

  const status = async (id: string, key?: string) =>
    corpus.ask<IngestStatus>('GET', `/ingest/jobs/${id}`, undefined, key);
  const details = async (path: string) => {
    const { id } = await corpus.document(path);
    return (await corpus.ask<DocumentDetails>('GET', `/documents/${id}`)).body;
  };
  const putFile = (path: string, content: string) => corpus.server.ok('write', { path, content });

  test.each(atomVectors)('the atoms of $text are those of the vectors, by the route', async (vector) => {
    const path = corpus.write(`vectors/${vector.text}.txt`, vectorText(vector.text));
    await corpus.ingest([path]);
    const { id, atom_count } = await corpus.document(path);
    const counted: Record<string, number> = {};
    for (const level of LEVELS) {
      const { body } = await corpus.ask<AtomPage>('GET', `/documents/${id}/atoms?level=${level}&limit=1000`);
      counted[level] = body.total;
      const contents = body.atoms.map(({ content }) => content);
      expect(contents).toHaveLength(Math.min(1000, body.total));
      if (vector[level]) expect(contents).toEqual(vector[level]);
      expect(body.atoms.map(({ ordinal }) => ordinal)).toEqual(contents.map((_, n) => n + 1));
      expect(body.atoms.map((atom) => atom.id)).toEqual(contents.map((_, n) => `${id}.${level}.${n + 1}`));
    }
    expect(counted).toEqual(vector.counts);
    expect(atom_count).toBe(Object.values(vector.counts).reduce((sum, n) => sum + n, 0));
  });

  test('each file has its outcome, and none stops the others', async () => {
    const good = corpus.write('mix/good.md', 'Good. Text.');
    const marks = corpus.write('mix/marks.md', 'one\n<<<<<<< here\ntwo');
    const odd = corpus.write('mix/odd.bin', 'bytes');
    const result = await corpus.ingest(['mix/good.md', 'mix/none.md', marks, odd], { modalities: [' TEXT '] });
    expect(result).toMatchObject({ documents_ingested: 1, documents_unchanged: 0, ingest_scope: 'partial' });
    const { body } = await status(result.ingest_job_id);
    expect(body).toMatchObject({ status: 'completed_with_errors', errors: ['mix/none.md: File not found'] });
    expect(body.files).toEqual([
      { path: good, status: 'ingested', document_id: expect.any(String), error: null },
      { path: 'mix/none.md', status: 'error', document_id: null, error: 'File not found' },
      { path: marks, status: 'conflict', document_id: expect.any(String), error: null },
      { path: odd, status: 'skipped', document_id: null, error: null },
    ]);
    expect(await corpus.document(marks)).toMatchObject({
      ingested: false,
      ingest_status: 'conflict',
      conflict_flag: true,
      conflict_reason: 'Conflict markers detected',
      atom_count: 0,
      modality_status: { text: 'failed' },
      graph_projection_status: 'pending',
    });
    const job = await corpus.ask('GET', `/jobs/${result.ingest_job_id}`);
    expect(job.body).toMatchObject({
      job_type: 'ingest_batch',
      execution_mode: 'sync',
      max_attempts: 1,
      result,
      artifacts: [
        {
          artifact_type: 'ingest_batch_result',
          artifact_ref: `/api/v1/ingest/jobs/${result.ingest_job_id}`,
          artifact_payload: { ingest_job_id: result.ingest_job_id, documents_ingested: 1 },
        },
      ],
    });
  });

  test('a file that is named twice is ingested once', async () => {
    const path = corpus.write('twice.md', 'Once.');
    const { ingest_job_id } = await corpus.ingest([path, 'twice.md', './twice.md']);
    const { body } = await status(ingest_job_id);
    expect(body.files.map((file) => [file.path, file.status])).toEqual([
      [path, 'ingested'],
      [path, 'unchanged'],
      [path, 'unchanged'],
    ]);
  });

  test('what did not change is not touched; force, other levels and other bytes are', async () => {
    const path = corpus.write('again.md', 'Once upon a time.');
    const first = await corpus.ingest([path]);
    const before = await details(path);
    const second = await corpus.ingest([path]);
    expect(second).toMatchObject({ documents_ingested: 0, documents_unchanged: 1, atoms_created: 0 });
    expect(second.provenance_digest).toBe(first.provenance_digest);
    expect(await details(path)).toEqual(before);
    const forced = await corpus.ingest([path], { parse_options: { force: true, own: 'note' } });
    expect(forced).toMatchObject({ documents_ingested: 1, atoms_created: first.atoms_created });
    const after = await details(path);
    expect(after).toMatchObject({ id: before.id, atom_count: before.atom_count, created_at: before.created_at });
    expect(after.provenance.parse_options).toEqual({ own: 'note' });
    const words = await corpus.ingest([path], { atom_tracks: ['Literary'] });
    expect(words).toMatchObject({ documents_ingested: 1, atoms_created: 4 + 1 + 1 });
    expect((await details(path)).provenance.atomization).toEqual({
      atom_tracks: ['literary'],
      active_atom_levels: ['word', 'sentence', 'paragraph'],
      filename_schema_version: 'ab01-v1',
    });
    expect(await corpus.ingest([path], { parse_options: { atom_tracks: ['literary'] } })).toMatchObject({
      documents_unchanged: 1,
    });
    corpus.write('again.md', 'Twice.');
    expect(await corpus.ingest([path], { parse_options: { atomize: false } })).toMatchObject({ atoms_created: 0 });
    expect(await corpus.document(path)).toMatchObject({ ingest_status: 'parsed', atom_count: 0 });
    const rows = await corpus.server.sql.read((tx) =>
      tx.all('SELECT COUNT(*) AS n FROM corpus_blocks WHERE document_id = ?', [before.id]),
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  test.each([
    [{ source_paths: ['../x.md'] }, 400, 'Path escapes corpus_root and is not allowed: ../x.md'],
    [{ source_paths: ['/etc/passwd'] }, 400, 'Path escapes corpus_root and is not allowed: /etc/passwd'],
    [{ source_paths: ['nexus://host/a'] }, 400, 'Not a path of this zone: nexus://host/a'],
    [{ source_paths: ['nexus:///zone/z1/a'] }, 400, 'Not a path of this zone: nexus:///zone/z1/a'],
    [{ atom_tracks: ['zz'] }, 400, "Unknown atom_tracks: ['zz']. Known tracks: full, glyphic_seed, literary"],
    [
      { parse_options: { atom_levels: ['zz'] } },
      400,
      "Unknown atom_levels: ['zz']. Known levels: ['glyph-seed', 'syllable', 'word', 'sentence', 'paragraph']",
    ],
    [{ source_paths: 'a.md' }, 422, undefined],
    [{ parse_options: { force: 'yes' } }, 422, undefined],
  ])('%j is refused whole with %d', async (body, code, detail) => {
    const fine = corpus.write('fine.md', `Fine ${code} ${detail}`);
    const paths = 'source_paths' in body && Array.isArray(body.source_paths) ? [fine, ...body.source_paths] : undefined;
    const answer = await corpus.ask('POST', '/ingest/batch', { ...body, ...(paths && { source_paths: paths }) });
    expect(answer).toMatchObject({ status: code, body: detail ? { detail } : { code: 'validation_error' } });
    const { body: all } = await corpus.ask<DocumentList>('GET', '/documents');
    expect(all.documents.filter(({ path }) => path === fine)).toEqual([]);
  });

  test('files of the zone are ingested by path and by folder, texts by what they hold', async () => {
    await putFile('/notes/a.md', 'Alpha.');
    await putFile('/notes/deep/b.log', 'Beta.');
    await putFile('/notes/deep/c.bin', 'Gamma\u0001.');
    const result = await corpus.ingest(['nexus:///notes/', 'nexus:///notes/none.md']);
    const { body } = await status(result.ingest_job_id);
    expect(body.files.map(({ path, status }) => [path, status])).toEqual([
      ['nexus:///notes/a.md', 'ingested'],
      ['nexus:///notes/deep/b.log', 'ingested'],
      ['nexus:///notes/none.md', 'error'],
    ]);
    expect(await details('nexus:///notes/a.md')).toMatchObject({
      title: 'a.md',
      source: { kind: 'zone', path: 'nexus:///notes/a.md', version: 1 },
      provenance: { extracted_text: 'Alpha.', text_chars: 6, ingest_scope: 'partial' },
    });
    await corpus.server.ok('delete', { path: '/notes/a.md' });
    expect((await details('nexus:///notes/a.md')).provenance.extracted_text).toBe('Alpha.');
  });

  test('zones other than root have no folder, and see only what their callers may read', async () => {
    await corpus.server.addZone('lab');
    const admin = await corpus.server.addKey({ zone_id: 'lab', subject: 'boss', role: 'admin' });
    const grants = [['direct_viewer', '/open']] as const;
    const reader = await corpus.server.addKey({ zone_id: 'lab', subject: 'reader', role: 'operator', grants });
    for (const path of ['/open/x.md', '/shut/y.md']) {
      await corpus.server.ok('write', { path, content: `${path}.` }, admin);
    }
    const none = await corpus.ask('POST', '/ingest/batch', {}, admin);
    expect(none.body.detail).toBe('corpus_root is missing: set NEXUS_CORPUS_ROOT to a directory');
    const all = await corpus.ingest(['nexus:///'], {}, admin);
    expect(all.documents_ingested).toBe(2);
    const seen = (await corpus.ask<DocumentList>('GET', '/documents', undefined, reader)).body;
    expect([seen.total, seen.documents.map(({ path }) => path)]).toEqual([1, ['nexus:///open/x.md']]);
    const hidden = await corpus.document('nexus:///shut/y.md', admin);
    for (const path of ['', '/text', '/atoms?level=word']) {
      const answer = await corpus.ask('GET', `/documents/${hidden.id}${path}`, undefined, reader);
      expect(answer).toMatchObject({ status: 404, body: { detail: 'Document not found' } });
    }
    expect((await status(all.ingest_job_id, reader)).status).toBe(404);
    expect((await status(all.ingest_job_id, admin)).status).toBe(200);
    const own = await corpus.ingest(['nexus:///', 'nexus:///shut/y.md'], {}, reader);
    const { body } = await status(own.ingest_job_id, reader);
    expect(body.files.map(({ path, status }) => [path, status])).toEqual([
      ['nexus:///open/x.md', 'unchanged'],
      ['nexus:///shut/y.md', 'error'],
    ]);
    const root = await corpus.ask('GET', `/documents/${hidden.id}`, undefined, ADMIN_KEY);
    expect(root.status).toBe(404);
  });

  test('texts and what is beside them in one batch are linked; siblings are variants', async () => {
    const text = corpus.write('linked/Song One.md', 'La la.');
    const again = corpus.write('linked/song-one.yaml', 'la: la');
    await corpus.ingest([text, again]);
    const { variants, provenance } = await details(text);
    const other = await corpus.document(again);
    expect(variants).toEqual([
      { document_id: other.id, variant_group: 'sibling::song-one', variant_type: 'sibling_representation' },
    ]);
    expect(provenance).not.toHaveProperty('cross_modal_links');
  });

  test('a song, its picture and its sound of one batch are linked, and stay so', async () => {
    const text = corpus.write('album/Blue Sky.txt', 'Above.');
    const image = corpus.write('album/blue sky.png', pngOf({ width: 3, height: 2 }, 2));
    const sound = corpus.write('album/BLUE SKY.wav', wavOf({ rate: 8000, channels: 1, seconds: 0.5 }));
    const other = corpus.write('album/other.bin', 'x');
    const { ingest_job_id } = await corpus.ingest([text, image, sound, other]);
    const { body } = await status(ingest_job_id);
    expect(body.files.map((file) => file.status)).toEqual(Array(4).fill('ingested'));
    const [t, i, a] = await Promise.all([text, image, sound].map((path) => corpus.document(path)));
    const anchor = { start: 0, end: 6 };
    expect((await details(text)).provenance.cross_modal_links).toEqual([
      { target_document_id: i?.id, target_modality: 'image', text_anchor: anchor, target_anchor: { region: 'full' } },
      {
        target_document_id: a?.id,
        target_modality: 'audio',
        text_anchor: anchor,
        target_anchor: { region: '0.0-1.0' },
      },
    ]);
    expect((await details(sound)).provenance.cross_modal_links).toEqual([
      { target_document_id: t?.id, target_modality: 'text', target_anchor: anchor },
    ]);
    expect((await details(image)).provenance.segments).toMatchObject({
      width: 3,
      height: 2,
      caption_candidate: 'blue sky',
    });
    await corpus.ingest([text], { parse_options: { force: true } });
    expect((await details(text)).provenance.cross_modal_links).toHaveLength(2);
    expect(await corpus.document(other)).toMatchObject({
      modality: 'binary',
      modality_status: { binary: 'pending' },
      atom_count: 0,
    });
  });

  test('what can be read in part only is a warning, what is no PDF an error', async () => {
    const bad = corpus.write('pdf/bad.pdf', 'no PDF at all');
    const good = corpus.write('pdf/good.pdf', pdfOf([['First page.'], ['Second page.']]));
    const blank = corpus.write('pdf/blank.png', 'no picture');
    const { ingest_job_id, warnings } = await corpus.ingest([bad, good, blank]);
    const { body } = await status(ingest_job_id);
    expect(body.files.map((file) => file.status)).toEqual(['error', 'ingested', 'ingested_with_warnings']);
    expect(body.errors).toEqual([expect.stringMatching(/bad\.pdf: Not a readable PDF: /)]);
    expect(warnings).toEqual([expect.stringMatching(/blank\.png: /)]);
    expect((await details(good)).provenance).toMatchObject({
      extracted_text: 'First page.\nSecond page.',
      segments: { page_count: 2, pdf_like_layout: true },
    });
  });

  test('two batches at one document take turns, and both say what they did', async () => {
    const path = corpus.write('both.md', 'Word. '.repeat(30_000));
    const results = await Promise.all([1, 2, 3].map(() => corpus.ingest([path], { parse_options: { force: true } })));
    expect(results.map(({ atoms_created }) => atoms_created)).toEqual(Array(3).fill(results[0]?.atoms_created));
    const { id, atom_count } = await corpus.document(path);
    expect(atom_count).toBe(results[0]?.atoms_created);
    const check = await corpus.ask('GET', `/hypergraph/documents/${id}/integrity`);
    expect(check.body).toMatchObject({ consistent: true });
  });

  test('a cancelled batch leaves a document as it was, and the next one is whole', async () => {
    const path = corpus.write('cut.md', 'Short.');
    await corpus.ingest([path]);
    const before = await corpus.document(path);
    // Several seconds of work, so that even a slow machine cancels it before it is done.
    corpus.write('cut.md', 'Long text. '.repeat(1_000_000));
    const asked = corpus.ask('POST', '/ingest/batch', { source_paths: [path] });
    const job = await runningBatch();
    await corpus.ask('POST', `/jobs/${job}/cancel`);
    expect(await asked).toMatchObject({ status: 409, body: { detail: `Ingest job ${job} was cancelled` } });
    expect(await corpus.document(path)).toEqual(before);
    expect((await status(job)).body.status).toBe('cancelled');
    await corpus.ingest([path]);
    const { id, atom_count } = await corpus.document(path);
    expect(atom_count).toBeGreaterThan(5_000_000);
    const check = await corpus.ask('GET', `/hypergraph/documents/${id}/integrity`);
    expect(check.body).toMatchObject({ consistent: true });
  });

  async function runningBatch(): Promise<string> {
    for (;;) {
      const { body } = await corpus.ask<{ jobs: { job_id: string }[] }>(
        'GET',
        '/jobs?status=running&job_type=ingest_batch',
      );
      const [job] = body.jobs;
      if (job) return job.job_id;
      await sleep(5);
    }
  }
});
