/** A server for the tests of agents: calls by route with the key and the acting agent that a test names. */
import { ADMIN_KEY, type EngineName, startTestServer, type TestServer } from './harness.ts';

export interface By {
  readonly key?: string;
  /** X-Agent-ID. */
  readonly agent?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Body = Readonly<Record<string, unknown>>;

export interface Answered {
  readonly status: number;
  readonly body: Body & { readonly error?: { readonly code?: string; readonly data?: Body } | null };
}

export interface AgentServer {
  readonly server: TestServer;
  ask(method: string, path: string, body?: unknown, by?: By): Promise<Answered>;
  /** The events of an agent, oldest first. */
  eventsOf(agent_id: string): Promise<string[]>;
}

export async function startAgentServer(
  engine: EngineName,
  environment: Readonly<Record<string, string>> = {},
  directory?: string,
): Promise<AgentServer> {
  const server = await startTestServer({
    engine,
    environment: { NEXUS_EMBEDDED_WORKER: 'false', ...environment },
    ...(directory === undefined ? {} : { directory }),
  });
  return {
    server,
    ask: async (method, path, body, { key = ADMIN_KEY, agent, headers } = {}) => {
      const response = await server.http(path, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(agent === undefined ? {} : { 'x-agent-id': agent }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answered['body']) };
    },
    eventsOf: async (agent_id) => {
      const rows = await server.sql.read((tx) =>
        tx.all<{ type: string }>("SELECT type FROM events WHERE object_type = 'agent' AND object_id = ? ORDER BY seq", [
          agent_id,
        ]),
      );
      return rows.map(({ type }) => type);
    },
  };
}
