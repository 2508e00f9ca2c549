/** A server with a corpus folder, and what tests of the corpus ask it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DocumentList } from '../../src/features/corpus/documents/documents.operations.ts';
import type { BatchResult } from '../../src/features/corpus/ingest/batch.ts';
import { ADMIN_KEY, type EngineName, startTestServer, type TestServer } from '../harness.ts';

export interface Answered<T> {
  readonly status: number;
  readonly body: T & { readonly detail?: string; readonly code?: string };
}

export interface CorpusServer {
  readonly server: TestServer;
  /** Absolute, without links. */
  readonly folder: string;
  /** Writes a file of the folder, and gives its absolute path. */
  write(name: string, content: string | Uint8Array): string;
  ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown, key?: string): Promise<Answered<T>>;
  /** A batch that has to succeed. */
  ingest(source_paths: readonly string[], more?: object, key?: string): Promise<BatchResult>;
  /** The document of a path, as clients see it. */
  document(path: string, key?: string): Promise<DocumentList['documents'][number]>;
  stop(): Promise<void>;
}

export interface CorpusOptions {
  readonly engine?: EngineName;
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly folder?: string;
}

export async function startCorpus({
  engine,
  environment,
  directory,
  folder: given,
}: CorpusOptions = {}): Promise<CorpusServer> {
  const folder = given ?? realpathSync(mkdtempSync(join(tmpdir(), 'nexus-corpus-')));
  const server = await startTestServer({
    ...(engine ? { engine } : {}),
    ...(directory ? { directory } : {}),
    environment: { NEXUS_CORPUS_ROOT: folder, ...environment },
  });
  const ask: CorpusServer['ask'] = async (method, path, body, key = ADMIN_KEY) => {
    const response = await server.http(`/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as never };
  };
  return {
    server,
    folder,
    ask,
    write: (name, content) => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
    ingest: async (source_paths, more = {}, key) => {
      const { status, body } = await ask<BatchResult>('POST', '/ingest/batch', { source_paths, ...more }, key);
      if (status !== 200) throw new Error(`${status}: ${body.detail}`);
      return body;
    },
    document: async (path, key) => {
      const { body } = await ask<DocumentList>('GET', '/documents', undefined, key);
      const found = body.documents.find((one) => one.path === path);
      if (!found) throw new Error(`no document of ${path}`);
      return found;
    },
    stop: async () => {
      await server.stop();
      if (given === undefined) rmSync(folder, { recursive: true });
    },
  };
}
