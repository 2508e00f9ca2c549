/** Texts, and branches of them, on a server of a test. */
import type { EvolveManyOutput, EvolveOutput } from '../src/features/corpus/branches/evolve.operations.ts';
import type { Replay } from '../src/features/corpus/branches/replays.ts';
import type { TestServer } from './harness.ts';

export interface Asked {
  readonly status: number;
  readonly body: unknown;
  /** Of a refusal. */
  readonly detail: string | undefined;
}

export interface Event {
  readonly event_type?: string;
  readonly event_payload?: Readonly<Record<string, unknown>>;
}

/** What of a call is not the server's admin's and a read. */
export interface How {
  readonly key?: string | undefined;
  /** Posted. */
  readonly body?: unknown;
}

export interface Branching {
  /** A route below /api/v1. */
  ask(path: string, how?: How): Promise<Asked>;
  /** The answer of one that has to succeed. */
  ok<T>(path: string, how?: How): Promise<T>;
  /** Writes a file and ingests it; gives the id of its document. */
  ingest(path: string, text: string): Promise<string>;
  evolve(base: object, event: Event, key?: string): Promise<EvolveOutput>;
  evolveMany(base: object, events: readonly Event[]): Promise<EvolveManyOutput>;
  replay(branch_id: string): Promise<Replay>;
}

export function branching(server: TestServer): Branching {
  const ask = async (path: string, { key, body }: How = {}): Promise<Asked> => {
    const headers = { ...(key && { authorization: `Bearer ${key}` }), 'content-type': 'application/json' };
    const posted = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await server.http(`/api/v1${path}`, { headers, ...posted });
    const parsed = (await answer.json()) as { detail?: string };
    return { status: answer.status, body: parsed, detail: parsed.detail };
  };
  const ok = async <T>(path: string, how?: How): Promise<T> => {
    const { status, body } = await ask(path, how);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body as T;
  };
  return {
    ask,
    ok,
    ingest: async (path, text) => {
      await server.ok('write', { path, content: text });
      const atom_tracks = ['literary'];
      await ok('/ingest/batch', { body: { source_paths: [`nexus://${path}`], atom_tracks } });
      const { documents } = await ok<{ documents: { id: string; path: string }[] }>('/documents');
      const found = documents.find((document) => document.path === `nexus://${path}`);
      if (!found) throw new Error(`no document of ${path}`);
      return found.id;
    },
    evolve: (base, event, key) => ok('/evolve/branch', { key, body: { ...base, ...event } }),
    evolveMany: (base, events) => ok('/evolve/multi', { body: { ...base, events } }),
    replay: (branch_id) => ok(`/branches/${branch_id}/replay`, { body: {} }),
  };
}
