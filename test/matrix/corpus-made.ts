/** What the cases of the corpus find in each zone: a document below `/given`, an analysis of it with a shadow, and a branch of it. */
import { ADMIN_KEY, type TestServer } from '../harness.ts';

const PATH = '/given/read.md';

export async function makeCorpus(
  server: TestServer,
  zone_id: string,
): Promise<Record<'batch' | 'document' | 'analysis' | 'branch', string>> {
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const named = { ...headers, 'x-nexus-zone-id': zone_id };
    const answer = await server.http(path, { method: 'POST', headers: named, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as Record<string, unknown>;
  };
  await server.ok('write', { path: PATH, content: 'We hope, therefore we read.', zone_id });
  const { ingest_job_id } = await post('/api/v1/ingest/batch', { source_paths: [`nexus://${PATH}`] });
  const row = await server.sql.read((tx) =>
    tx.get<{ document_id: string }>('SELECT document_id FROM corpus_documents WHERE zone_id = ?', [zone_id]),
  );
  const document = row?.document_id ?? '';
  const asked = { document_id: document, layers: ['token'], execution_mode: 'shadow' };
  const { analysis_run_id } = await post('/api/v1/analyze', asked);
  const evolving = { root_document_id: document, event_type: 'natural_drift' };
  const { new_branch_id } = await post('/api/v1/evolve/branch', evolving);
  return {
    batch: String(ingest_job_id),
    document,
    analysis: String(analysis_run_id),
    branch: String(new_branch_id),
  };
}
