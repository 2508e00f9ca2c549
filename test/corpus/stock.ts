/**
 * One of each thing of the corpus in a zone of a server, and what the server answers about them: equal wherever the zone was
 * brought to, and whatever it was brought back from.
 */
import { expect } from 'vitest';
import type { DocumentList } from '../../src/features/corpus/documents/documents.operations.ts';
import type { JobObject } from '../../src/features/jobs/job-object.ts';
import { type Branching, branching } from '../branching.ts';
import type { TestServer } from '../harness.ts';

/** So long that its atoms are in several blocks, and its bytes in the store of blobs. */
const LONG = Array.from({ length: 4_000 }, (_, n) => `Sentence ${n} may change, however the thing flows on.`).join(' ');
const SHORT = 'Kill the lights. Count to ten.\n\nIt ran on!';

export interface Stock {
  readonly documents: readonly string[];
  readonly runs: readonly string[];
  /** The last one was merged from two others. */
  readonly branches: readonly string[];
  readonly remix: string;
}

const askerOf = (server: TestServer, key: string) => {
  const on = branching(server);
  const ok = <T = never>(path: string, body?: object): Promise<T> => on.ok<T>(path, { key, body });
  return { ok, evolve: (base: object, event: Parameters<Branching['evolve']>[1]) => on.evolve(base, event, key) };
};

/** `folder` is a folder of the zone of the key, which has to be an admin of it. */
export async function makeStock(server: TestServer, key: string, folder: string): Promise<Stock> {
  const { ok, evolve } = askerOf(server, key);
  await server.ok('write', { path: `${folder}/long.md`, content: LONG }, key);
  await server.ok('write', { path: `${folder}/short.md`, content: SHORT }, key);
  await ok('/ingest/batch', { source_paths: [`nexus://${folder}/`] });
  const listed = await ok<DocumentList>('/documents');
  const documents = ['long', 'short'].map(
    (name) => listed.documents.find(({ path }) => path === `nexus://${folder}/${name}.md`)?.id ?? '',
  );
  const [root_document_id, target_document_id] = documents;
  const left = await evolve({ root_document_id }, { event_type: 'natural_drift' });
  const right = await evolve({ root_document_id }, { event_type: 'synthetic_mutation', event_payload: { seed: 3 } });
  const child = await evolve({ parent_branch_id: left.new_branch_id }, { event_type: 'phase_shift' });
  const merged = await ok<{ new_branch_id: string }>('/branches/merge', {
    left_branch_id: child.new_branch_id,
    right_branch_id: right.new_branch_id,
  });
  const { remix_artifact_id } = await ok<{ remix_artifact_id: string }>('/remix/compose', {
    source_document_id: root_document_id,
    target_document_id,
    atom_levels: ['word'],
  });
  const branches = [left, right, child, merged].map(({ new_branch_id }) => new_branch_id);
  const runs: string[] = [];
  for (const of of [{ document_id: root_document_id }, { branch_id: merged.new_branch_id }]) {
    runs.push((await ok<{ analysis_run_id: string }>('/analyze', of)).analysis_run_id);
  }
  return { documents, runs, branches, remix: remix_artifact_id };
}

/** What is said about all of it, by the routes that read. */
export async function tellStock(server: TestServer, key: string, stock: Stock): Promise<Record<string, unknown>> {
  const { ok } = askerOf(server, key);
  const { documents, runs, branches, remix } = stock;
  const paths = [
    '/documents',
    '/analysis/runs',
    '/branches',
    '/remix',
    ...documents.flatMap((id) => [
      `/documents/${id}`,
      `/documents/${id}/atoms?level=glyph-seed&offset=150&limit=5`,
      `/documents/${id}/atoms?level=sentence&limit=3`,
      `/hypergraph/documents/${id}/integrity`,
      `/hypergraph/query?document_id=${id}&limit=3`,
    ]),
    ...runs.map((id) => `/analysis/runs/${id}`),
    ...branches.flatMap((id) => [`/branches/${id}/timeline`, `/branches/${id}/visualization`]),
    `/branches/${branches[0]}/compare/${branches[1]}`,
    `/remix/${remix}`,
  ];
  const told: Record<string, unknown> = {};
  for (const path of paths) told[path] = await ok(path);
  for (const id of documents) {
    const headers = { authorization: `Bearer ${key}` };
    told[`/documents/${id}/text`] = await (await server.http(`/api/v1/documents/${id}/text`, { headers })).text();
  }
  for (const id of branches) told[`/branches/${id}/replay`] = await ok(`/branches/${id}/replay`, {});
  return told;
}

/** Every byte of it is what it has to be. */
export async function checkStock(server: TestServer, key: string, stock: Stock): Promise<void> {
  const { ok } = askerOf(server, key);
  for (const id of stock.documents) {
    expect(await ok(`/hypergraph/documents/${id}/integrity`)).toMatchObject({ consistent: true });
  }
  const asked = { job_type: 'integrity_audit', execution_mode: 'sync', max_attempts: 1 };
  const { job_id } = await ok<{ job_id: string }>('/jobs/submit', asked);
  const job = await ok<JobObject>(`/jobs/${job_id}`);
  expect([job.status, job.error_text]).toEqual(['succeeded', null]);
  expect(job.result).toMatchObject({ inconsistencies: [] });
  for (const id of stock.branches) {
    expect(await ok(`/branches/${id}/replay`, {})).toMatchObject({ replay_snapshot: { verified: true } });
  }
}
