/**
 * Calls with an Idempotency-Key whose work is done before their own transaction (workflows.md §1.3): a server that was killed
 * behind that work, and two nodes that are asked at the same time.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type CorpusServer, startCorpus } from '../../../test/corpus/server.ts';
import { ENGINES, forEachEngine, type TestServer } from '../../../test/harness.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';

interface Said {
  readonly status: number;
  readonly body: { readonly ingest_job_id: string; readonly error: { readonly data: { readonly reason: string } } };
  readonly replayed: string | null;
}

async function post(server: TestServer, path: string, { key, body }: { key: string; body: object }): Promise<Said> {
  const headers = { 'idempotency-key': key, 'content-type': 'application/json' };
  const answer = await server.http(path, { method: 'POST', headers, body: JSON.stringify(body) });
  const replayed = answer.headers.get('idempotent-replayed');
  return { status: answer.status, body: (await answer.json()) as Said['body'], replayed };
}

const ingest = (server: TestServer, key: string, source_paths: readonly string[]) =>
  post(server, '/api/v1/ingest/batch', { key, body: { source_paths } });
const mount = (server: TestServer, key: string, name: string) =>
  post(server, '/api/nfs/mcp_mount', { key, body: { params: { name, command: 'not-listed' } } });

const count = async ({ sql }: TestServer, from: string): Promise<number> =>
  (await sql.read((tx) => tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM ${from}`)))?.n ?? 0;
const batches = (server: TestServer): Promise<number> => count(server, "jobs WHERE type = 'ingest_batch'");
const events = (server: TestServer, type: string, id: string): Promise<number> =>
  count(server, `events WHERE type = '${type}' AND object_id = '${id}'`);

forEachEngine('what a call with a key did before its answer', (engine) => {
  let corpus: CorpusServer;
  let server: TestServer;
  beforeAll(async () => {
    corpus = await startCorpus({ engine });
    server = corpus.server;
  });
  afterAll(() => corpus.stop());

  /** As if the server had been killed with all done but the answer kept. */
  const forget = () => server.sql.write('root', (tx) => tx.run('DELETE FROM answers'));

  test('is not done again by a repeat: the job of a batch', async () => {
    const paths = [corpus.write('a.md', 'A text.'), corpus.write('b.md', 'Another.')];
    const first = await ingest(server, 'batch', paths);
    expect(first).toMatchObject({ status: 200, replayed: null });
    await forget();
    expect(await ingest(server, 'batch', paths)).toEqual(first);
    expect(await ingest(server, 'batch', paths)).toEqual({ ...first, replayed: 'true' });
    await forget();
    const other = await ingest(server, 'batch', paths.slice(1));
    expect([other.status, other.body.error.data.reason]).toEqual([409, 'IDEMPOTENCY_MISMATCH']);
    expect(await batches(server)).toBe(1);
    expect((await ingest(server, 'another', paths)).body.ingest_job_id).not.toBe(first.body.ingest_job_id);
  });

  test('is done again where it came to nothing, or is of the day before', async () => {
    const paths = [corpus.write('c.md', 'A third text.')];
    const ids = new Set<string>();
    const age = `created_at = created_at - ${25 * 60 * 60 * 1000}`;
    for (const change of ["status = 'failed'", "status = 'cancelled'", age, undefined]) {
      const { status, body } = await ingest(server, 'again', paths);
      expect(status).toBe(200);
      ids.add(body.ingest_job_id);
      await forget();
      if (change === undefined) continue;
      await server.sql.write('root', (tx) =>
        tx.run(`UPDATE jobs SET ${change} WHERE job_id = ?`, [body.ingest_job_id]),
      );
    }
    expect(ids.size).toBe(4);
  });

  test('is told once: an MCP server that was mounted', async () => {
    const first = await mount(server, 'mount', 'tools');
    await forget();
    expect(await mount(server, 'mount', 'tools')).toEqual(first);
    expect(await events(server, 'mount.mcp_added', 'tools')).toBe(1);
    await mount(server, 'mount-2', 'tools');
    expect(await events(server, 'mount.mcp_added', 'tools')).toBe(2);
    // The answer of the first one stands: nothing is put in the place of the second.
    await mount(server, 'mount', 'tools');
    expect(await events(server, 'mount.mcp_added', 'tools')).toBe(2);
  });
});

test.runIf(ENGINES.includes('postgres'))(
  'two nodes that get one call at the same time do it once',
  { timeout: 120_000 },
  async () => {
    const database = await freshDatabase();
    const place = realpathSync(mkdtempSync(join(tmpdir(), 'nexus-keys-')));
    onTestFinished(async () => {
      await database.drop();
      rmSync(place, { recursive: true });
    });
    const environment = {
      NEXUS_DATABASE_URL: database.url,
      NEXUS_BLOBS_URL: pathToFileURL(join(place, 'blobs')).href,
      NEXUS_CORPUS_ROOT: place,
    };
    const nodes = await Promise.all([0, 1].map(() => startCorpus({ engine: 'postgres', environment, folder: place })));
    try {
      const [{ server, write }] = nodes as [CorpusServer, CorpusServer];
      const paths = Array.from({ length: 20 }, (_, n) => write(`texts/${n}.md`, `Text ${n}. `.repeat(2_000)));
      const both = async (ask: (node: TestServer) => Promise<Said>) => {
        const said = await Promise.all(nodes.map((node) => ask(node.server)));
        expect(new Set(said.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
        expect(said.map(({ status }) => status)).toEqual([200, 200]);
        expect(said.filter(({ replayed }) => replayed === 'true')).toHaveLength(1);
      };
      await server.ok('register_agent', { agent_id: 'warm', name: 'W' });
      await server.ok('agent_spec_put', { agent_id: 'warm', agent_type: 't', capabilities: [] });
      for (let turn = 1; turn <= 3; turn++) {
        await both((node) => ingest(node, `batch-${turn}`, paths));
        expect(await batches(server)).toBe(turn);
        await both((node) => mount(node, `mount-${turn}`, 'tools'));
        expect(await events(server, 'mount.mcp_added', 'tools')).toBe(turn);
        await both((node) => post(node, '/api/v2/agents/warm/warmup', { key: `warm-${turn}`, body: {} }));
        expect(await events(server, 'agent.warmed', 'warm')).toBe(turn);
      }
    } finally {
      await Promise.all(nodes.map((node) => node.stop()));
    }
  },
);
