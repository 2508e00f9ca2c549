/** Analyses by route and by job: what they answer and refuse, who sees them, flags, and the shadow. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import type { JobObject } from '../../jobs/job-object.ts';
import type { RunObject } from './run-object.ts';
import type { Comparison } from './shadow.ts';

const OPERATOR = 'operator-key-of-tests';
const RESEARCHER = 'researcher-of-tests-1';
const ADMIN = 'admin-key-for-tests-0001';
const SLOW = 15_000;
/** An id of the right form that nobody has. */
const NOBODY = '01890000-0000-7000-8000-000000000000';

interface Body
  extends Partial<Omit<RunObject, 'layers'>>,
    Partial<Pick<JobObject, 'status' | 'result' | 'error_text'>> {
  readonly layers: Readonly<Record<string, object>>;
  readonly hypergraph_ids: Readonly<Record<string, unknown>>;
  readonly plugin_provenance: Readonly<Record<string, { provider_name: string; fallback_reason: string | null }>>;
  readonly documents: readonly { readonly id: string; readonly path: string }[];
  readonly new_branch_id: string;
  readonly runs: readonly RunObject[];
  readonly jobs: readonly JobObject[];
  readonly total: number;
  readonly artifacts: JobObject['artifacts'];
  readonly detail: string;
  readonly shadow_status: string;
  readonly primary: RunObject;
  readonly shadow: RunObject | null;
  readonly comparison: Comparison | null;
}

const vectors = vectorsOf('analysis', z.object({ text: z.string(), outputs: z.record(z.string(), z.unknown()) }));
/** Has git's marks. */
const CONFLICTED = 'a\n<<<<<<< b\nc\n';

forEachEngine('analyses', (engine) => {
  let server: TestServer;
  /** Ids of documents by the names of their texts. */
  let documents: Readonly<Record<string, string>>;
  let viewer: string;
  let stranger: string;

  const ask = async (path: string, { key = OPERATOR, body }: { key?: string; body?: object | undefined } = {}) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await server.http(`/api/v1${path}`, { headers, ...sent });
    return { status: answer.status, body: (await answer.json()) as Body };
  };
  const analyze = (body: object, key = OPERATOR) => ask('/analyze', { key, body });
  const submit = async (
    payload: object,
    { key = OPERATOR, ...more }: { key?: string; execution_mode?: string } = {},
  ) => {
    const job = { job_type: 'analyze', execution_mode: 'sync', max_attempts: 1, payload, ...more };
    const { body } = await ask('/jobs/submit', { key, body: job });
    return (await ask(`/jobs/${body.job_id}`, { key })).body;
  };
  const idOf = (name: string): string => documents[name] ?? '';
  const names = (ids: readonly (string | null | undefined)[]): string[] =>
    Object.keys(documents).filter((name) => ids.includes(documents[name]));

  beforeAll(async () => {
    server = await startTestServer({
      engine,
      environment: {
        NEXUS_BOOTSTRAP_OPERATOR_KEY: OPERATOR,
        NEXUS_BOOTSTRAP_RESEARCHER_KEY: RESEARCHER,
        NEXUS_PLUGIN_ML_ENABLED: 'true',
        NEXUS_SHADOW_EXECUTION_ENABLED: 'true',
        NEXUS_EMBEDDED_WORKER: 'true',
      },
    });
    for (const { text } of vectors) {
      await server.ok('write', { path: `/texts/${text}.md`, content: vectorText(text) });
    }
    await server.ok('write', { path: '/texts/conflict.md', content: CONFLICTED });
    await server.ok('write', { path: '/texts/long.md', content: 'Therefore we hope. '.repeat(20_000) });
    await server.ok('write', { path: '/hidden/secret.md', content: 'A secret study!' });
    const ingest = { source_paths: ['nexus:///texts/', 'nexus:///hidden/'] };
    expect((await ask('/ingest/batch', { key: ADMIN, body: ingest })).status).toBe(200);
    const { body } = await ask('/documents', { key: ADMIN });
    documents = Object.fromEntries(body.documents.map(({ id, path }) => [/([^/]*)\.md$/.exec(path)?.[1] ?? '', id]));
    for (const subject of ['dev-operator', 'dev-researcher']) {
      await server.addKey({ subject, grants: [['direct_viewer', '/texts']] });
    }
    viewer = await server.addKey({ role: 'viewer', grants: [['direct_viewer', '/texts']] });
    stranger = await server.addKey({ role: 'operator' });
  });
  afterAll(() => server.stop());

  test.each(vectors)('of the text $text', async ({ text, outputs }) => {
    const { status, body } = await analyze({ document_id: idOf(text) });
    expect(status).toBe(200);
    expect(body.layers).toEqual(outputs);
    const run = (await ask(`/analysis/runs/${body.analysis_run_id}`, { key: viewer })).body;
    expect(run).toMatchObject({ results: outputs, layers: Object.keys(body.layers), execution_mode: 'sync' });
  });

  test('a run says which plugin gave each layer, and how sure it is', async () => {
    const layers = ['syntax', 'token', 'syntax'];
    const { body } = await analyze({ document_id: idOf('doc').toUpperCase(), layers, plugin_profile: 'ml_first' });
    const gave = { provider_name: 'deterministic', provider_version: 'v2.0', runtime_ms: expect.any(Number) };
    const why = 'plugin_unsupported:ml_stub';
    expect(body).toMatchObject({
      mode: 'PUBLIC',
      status: 'completed',
      job_id: null,
      confidence_bundle: { syntax: 0.66, token: 0.72 },
      hypergraph_ids: { document_node_id: `doc:${idOf('doc')}`, atom_node_count: expect.any(Number) },
    });
    const provenance = { ...gave, fallback_reason: why, skipped: [why] };
    expect(body.plugin_provenance).toEqual({ syntax: provenance, token: provenance });
    const run = (await ask(`/analysis/runs/${body.analysis_run_id}`)).body;
    expect(run).toEqual({
      analysis_run_id: body.analysis_run_id,
      document_id: idOf('doc'),
      branch_id: null,
      mode: 'PUBLIC',
      execution_mode: 'sync',
      plugin_profile: 'ml_first',
      job_id: null,
      shadow_job_id: null,
      layers: ['syntax', 'token'],
      confidence_bundle: body.confidence_bundle,
      results: body.layers,
      run_metadata: {
        plugin_provenance: body.plugin_provenance,
        source_modality: 'text',
        plugin_health: { deterministic: true, ml_stub: false },
      },
      layer_outputs: ['syntax', 'token'].map((layer) => ({
        ...gave,
        layer_name: layer,
        output: body.layers[layer],
        confidence: body.confidence_bundle?.[layer],
        fallback_reason: why,
      })),
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  test('a long text is read as a short one is', async () => {
    const { body } = await analyze({ document_id: idOf('long'), layers: ['token', 'rhetoric'] });
    expect(body.layers).toMatchObject({
      token: { token_count: 60_000, unique_tokens: 3, top_tokens: ['therefore', 'we', 'hope'] },
      rhetoric: { pathos_score: 1, logos_score: 1, strategies: ['pathos', 'logos'] },
    });
  });

  test('a branch is read by its text, without what a file tells', async () => {
    const seed = { root_document_id: idOf('doc'), event_type: 'remix', mode: 'PUBLIC' };
    const made = await ask('/evolve/branch', {
      body: { ...seed, event_payload: { remixed_text: 'HEADING\n\nWe go! [1]' } },
    });
    const branch_id = made.body.new_branch_id;
    const { body } = await analyze({ branch_id, layers: ['discourse', 'token'] });
    expect(body.layers).toMatchObject({
      discourse: { paragraph_count: 2, pdf_hints: { page_count: null, heading_candidates: [], citation_markers: [] } },
      token: { token_count: 4 },
    });
    expect(body.hypergraph_ids).toEqual({ branch_id });
    const { result } = await submit({ branch_id, layers: ['token'] });
    expect(result).toMatchObject({ hypergraph_ids: { branch_id }, layers: ['token'] });
    expect((await analyze({ branch_id }, stranger)).body.detail).toBe(`Branch ${branch_id} not found`);
  });

  const refusals = (): readonly (readonly [object, number, string])[] => [
    [{ layers: 3, mode: 'raw' }, 422, 'layers: Invalid input: expected array, received number'],
    [{ mode: 'RAW', layers: ['zz'] }, 403, "Role 'operator' is not allowed to execute mode 'RAW'"],
    [{ layers: ['zz'] }, 400, 'Either document_id or branch_id must be provided'],
    [{ document_id: NOBODY, branch_id: NOBODY, layers: ['zz'] }, 404, 'Document not found'],
    [{ document_id: 'no id' }, 404, 'Document not found'],
    [{ document_id: idOf('secret') }, 404, 'Document not found'],
    [{ branch_id: NOBODY }, 404, `Branch ${NOBODY} not found`],
    [{ document_id: idOf('conflict') }, 409, 'Document is conflicted or non-ingestable; analysis is blocked'],
    [
      { document_id: idOf('doc'), layers: ['zz'], execution_mode: 'async' },
      400,
      "Unknown layers: ['zz']. Known layers: token, morphology, syntax, semantics, pragmatics, discourse, sociolinguistics, rhetoric, semiotic",
    ],
  ];

  test('it is refused in the order of the door, and a job that asks the same fails with the same words', async () => {
    for (const [body, status, detail] of refusals()) {
      expect(await analyze(body)).toMatchObject({ status, body: { detail } });
      if (status === 422 || status === 403) continue;
      expect(await submit(body)).toMatchObject({ status: 'failed', error_text: detail, result: {}, artifacts: [] });
    }
    expect(await analyze({ layers: 3 }, viewer)).toMatchObject({
      status: 403,
      body: { detail: "Role 'viewer' lacks required permission 'operator'" },
    });
    expect((await analyze({ document_id: idOf('doc'), mode: 'RAW', layers: ['token'] }, RESEARCHER)).body.mode).toBe(
      'RAW',
    );
  });

  test('async leaves it to a job, whose run and artifact say so', async () => {
    const asked = { document_id: idOf('doc'), layers: ['token'], plugin_profile: 'ml_first', execution_mode: 'async' };
    const { body } = await analyze(asked);
    expect(body).toEqual({
      analysis_run_id: null,
      mode: 'PUBLIC',
      layers: {},
      confidence_bundle: {},
      hypergraph_ids: {},
      plugin_provenance: {},
      job_id: expect.any(String),
      status: 'queued',
    });
    const job = await vi.waitFor(async () => {
      const seen = (await ask(`/jobs/${body.job_id}`, { key: viewer })).body;
      expect(seen.status).toBe('succeeded');
      return seen;
    }, SLOW);
    const { analysis_run_id } = job.result as { analysis_run_id: string };
    expect(job.result).toMatchObject({ mode: 'PUBLIC', layers: ['token'], confidence_bundle: { token: 0.72 } });
    expect(job.artifacts).toMatchObject([
      {
        artifact_type: 'analyze_result',
        artifact_ref: `/api/v1/analysis/runs/${analysis_run_id}`,
        artifact_payload: { analysis_run_id, layer_count: 1 },
      },
    ]);
    expect((await ask(`/analysis/runs/${analysis_run_id}`)).body).toMatchObject({
      execution_mode: 'async',
      job_id: body.job_id,
    });
  });

  test('what is done again is one run', async () => {
    const job = await submit({ document_id: idOf('doc'), layers: ['token'] });
    const job_id = job.job_id ?? '';
    const { analysis_run_id } = job.result as { analysis_run_id: string };
    await server.sql.write('root', async (tx) => {
      await tx.run('DELETE FROM job_artifacts WHERE job_id = ?', [job_id]);
      await tx.run("UPDATE jobs SET status = 'queued', ended_at = NULL, result = NULL WHERE job_id = ?", [job_id]);
    });
    await vi.waitFor(async () => {
      expect((await ask(`/jobs/${job_id}`)).body).toMatchObject({ status: 'succeeded', attempt_count: 2 });
    }, SLOW);
    expect((await ask(`/jobs/${job_id}`)).body.result).toMatchObject({ analysis_run_id });
    const { runs } = (await ask('/analysis/runs', { key: ADMIN })).body;
    expect(runs.filter((run) => run.analysis_run_id === analysis_run_id)).toHaveLength(1);
  });

  test('whether ML is open to whoever submits a job is asked then', async () => {
    const payload = { document_id: idOf('doc'), layers: ['token'], plugin_profile: 'ml_only' };
    const provided = async (key: string) => {
      const { result } = await submit(payload, { key });
      return (result as unknown as Body).plugin_provenance.token;
    };
    expect(await provided(ADMIN)).toMatchObject({ provider_name: 'ml_stub', fallback_reason: null });
    expect(await provided(OPERATOR)).toMatchObject({
      provider_name: 'deterministic',
      fallback_reason: 'all_plugins_failed',
    });
    const own = (await analyze(payload, ADMIN)).body;
    expect(own).toMatchObject({
      confidence_bundle: { token: 0.82 },
      plugin_provenance: { token: { provider_name: 'ml_stub' } },
    });
  });

  test('a shadow is compared once it has run; where it is closed, nothing runs', async () => {
    const asked = { document_id: idOf('doc'), layers: ['token', 'rhetoric'], execution_mode: 'shadow' };
    const { body } = await analyze(asked, RESEARCHER);
    expect(body).toMatchObject({ status: 'shadow_queued', confidence_bundle: { token: 0.72 } });
    const path = `/analysis/runs/${body.analysis_run_id}/shadow`;
    const compared = await vi.waitFor(async () => {
      const seen = (await ask(path, { key: viewer })).body;
      expect(seen.shadow_status).toBe('succeeded');
      return seen;
    }, SLOW);
    expect(compared).toMatchObject({
      analysis_run_id: body.analysis_run_id,
      shadow_job_id: body.job_id,
      primary: { execution_mode: 'shadow', plugin_profile: null, job_id: null, shadow_job_id: body.job_id },
      shadow: { execution_mode: 'async', plugin_profile: 'ml_first', job_id: body.job_id },
    });
    const layer = { same_output: false, changed_keys: ['provider_note'], confidence_delta: 0.1 };
    const between = { ...layer, primary_provider: 'deterministic', shadow_provider: 'ml_stub' };
    expect(compared.comparison).toEqual({ same: false, layers: { token: between, rhetoric: between } });
    const closed = (await analyze(asked)).body;
    expect(closed).toMatchObject({ status: 'completed', job_id: null });
    const run = closed.analysis_run_id;
    expect((await ask(`/analysis/runs/${run}`)).body.execution_mode).toBe('sync');
    expect(await ask(`/analysis/runs/${run}/shadow`)).toMatchObject({
      status: 404,
      body: { detail: `Analysis run ${run} has no shadow` },
    });
    expect((await ask('/analysis/runs/x/shadow')).body.detail).toBe('Analysis run x not found');
  });

  test('a job of a shadow that failed leaves nothing to compare with', async () => {
    const asked = {
      document_id: idOf('doc'),
      layers: ['token'],
      execution_mode: 'shadow',
      plugin_profile: 'deterministic',
    };
    const { body } = await analyze(asked, RESEARCHER);
    const path = `/analysis/runs/${body.analysis_run_id}/shadow`;
    await vi.waitFor(async () => expect((await ask(path)).body.shadow_status).toBe('succeeded'), SLOW);
    expect((await ask(path)).body.comparison).toMatchObject({ same: true, layers: { token: { changed_keys: [] } } });
    await server.sql.write('root', (tx) =>
      tx.run("UPDATE jobs SET status = 'failed' WHERE job_id = ?", [body.job_id ?? '']),
    );
    expect((await ask(path)).body).toMatchObject({ shadow_status: 'failed', shadow: null, comparison: null });
    await server.sql.write('root', (tx) => tx.run('DELETE FROM jobs WHERE job_id = ?', [body.job_id ?? '']));
    expect((await ask(path)).body).toMatchObject({ shadow_status: 'succeeded', comparison: { same: true } });
  });

  test('what stands on a document that somebody may not read is not there for him: runs, jobs, totals', async () => {
    const secret = (await analyze({ document_id: idOf('secret') }, ADMIN)).body.analysis_run_id;
    const job = await submit({ document_id: idOf('secret') }, { key: ADMIN });
    const mine = await submit({ document_id: idOf('secret') }, { key: stranger });
    expect(mine).toMatchObject({ status: 'failed', error_text: 'Document not found' });
    for (const key of [viewer, OPERATOR]) {
      expect((await ask(`/analysis/runs/${secret}`, { key })).status).toBe(404);
      expect((await ask(`/analysis/runs/${secret}/shadow`, { key })).status).toBe(404);
      for (const hidden of [job, mine]) {
        expect(await ask(`/jobs/${hidden.job_id}`, { key })).toMatchObject({
          status: 404,
          body: { detail: `Job ${hidden.job_id} not found` },
        });
      }
    }
    expect((await ask(`/jobs/${job.job_id}/cancel`, { body: {} })).status).toBe(404);
    expect((await ask(`/jobs/${mine.job_id}/retry`, { body: {} })).status).toBe(404);
    const seen = async (key: string) => {
      const { runs } = (await ask('/analysis/runs?limit=1000', { key })).body;
      const { jobs, total } = (await ask('/jobs?limit=1000', { key })).body;
      expect(total).toBe(jobs.length);
      return { runs: names(runs.map((run) => run.document_id)), jobs: jobs.map(({ job_id }) => job_id) };
    };
    const all = await seen(ADMIN);
    const some = await seen(viewer);
    expect(all.runs).toContain('secret');
    expect(some.runs).not.toContain('secret');
    expect(some.runs).toContain('doc');
    expect(all.jobs).toEqual(expect.arrayContaining([job.job_id, mine.job_id]));
    expect(some.jobs).not.toContain(job.job_id);
    expect(some.jobs.length).toBeGreaterThan(0);
    const strangers = await seen(stranger);
    expect(strangers.runs).toEqual([]);
    expect(strangers.jobs).toContain(mine.job_id);
    expect(strangers.jobs).not.toContain(job.job_id);
  });

  test('nor are batches of paths that he may not read, documents or not, and audits of what he does not see', async () => {
    const asked = async (job_type: string, payload: object): Promise<string> => {
      const { body } = await ask('/jobs/submit', { key: ADMIN, body: { job_type, payload, execution_mode: 'sync' } });
      return body.job_id ?? '';
    };
    const hidden = [
      await asked('ingest_batch', { source_paths: ['nexus:///hidden/none.md', 'nexus:///texts/doc.md'] }),
      await asked('ingest_batch', { source_paths: ['nexus:///hidden/'] }),
      await asked('integrity_audit', {}),
    ];
    const open = await asked('ingest_batch', { source_paths: ['nexus:///texts/'] });
    for (const id of [...hidden, open]) {
      const status = id === open ? 200 : 404;
      expect((await ask(`/jobs/${id}`, { key: ADMIN })).body.status).toBe('succeeded');
      expect((await ask(`/jobs/${id}`, { key: viewer })).status).toBe(status);
      if (id !== hidden[2]) expect((await ask(`/ingest/jobs/${id}`, { key: viewer })).status).toBe(status);
    }
    const { jobs } = (await ask('/jobs?limit=1000', { key: viewer })).body;
    expect(jobs.filter(({ job_id }) => [...hidden, open].includes(job_id)).map(({ job_id }) => job_id)).toEqual([open]);
  });

  test('rhetoric is read of a text, or of a document that the caller may see', async () => {
    const rhetoric = (body: object, key = OPERATOR) => ask('/rhetorical_analysis', { key, body });
    const given = await rhetoric({ text: vectorText('prose'), document_id: NOBODY, audience_profile: { any: 1 } });
    expect(given.status).toBe(200);
    expect((await rhetoric({ document_id: idOf('prose') })).body).toEqual(given.body);
    expect((await rhetoric({})).body).toEqual({
      ethos_score: 0,
      pathos_score: 0,
      logos_score: 0,
      strategies: [],
      fallacies: [],
      explainability: { token_count: 0, marker_counts: {} },
    });
    expect((await rhetoric({ document_id: idOf('secret') })).body.detail).toBe('Document not found');
    expect((await rhetoric({}, viewer)).status).toBe(403);
    const long = await rhetoric({ text: 'Therefore we hope. '.repeat(20_000) });
    expect((await rhetoric({ document_id: idOf('long') })).body).toEqual(long.body);
  });
});
