/**
 * MCP servers asked by the official client. Guarantees: only programs that the operator lists are started, by the path of this
 * server and without its environment; addresses are judged; a look ends when it is told to, and leaves neither a process nor a
 * connection; what goes wrong is a {@link ToolServerError} that shows no secret of the place. The client is loaded with the first look.
 */
import type { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { VERSION } from '../../base/version.ts';
import { type Outbound, OutboundRefused } from '../../ports/outbound.ts';
import { type ServedTool, type ToolPlace, ToolServerError, type ToolServers } from '../../ports/tool-servers.ts';
import { failureOf } from './failures.ts';
import { outboundFetch } from './outbound-fetch.ts';

export interface ToolServerOptions {
  readonly outbound: Outbound;
  /** Programs that may be started. */
  readonly commands: readonly string[];
}

/** Bytes of one message over standard streams, of one answer over HTTP. */
const ANSWER_BYTES = 8 * 1024 * 1024;
/** Pages of a list that are asked for. */
const PAGES_MOST = 100;
/** Milliseconds in which a server is to say that it speaks the newest revision; else it is asked as older ones are. */
const PROBE_MS = 3_000;
/** Characters of what a program says on its error stream that are told, the last ones. */
const SAID_CHARACTERS = 500;

type Transport = StdioClientTransport | SSEClientTransport | StreamableHTTPClientTransport;

interface Opened {
  readonly transport: Transport;
  /** What a program has said on its error stream. */
  readonly said: () => string;
}

export function openToolServers({ outbound, commands }: ToolServerOptions): ToolServers {
  const open = async (place: ToolPlace): Promise<Opened> => {
    if (place.transport === 'stdio') return openProgram(place, commands);
    const url = new URL(place.url);
    await outbound.judge(url);
    return { transport: await openAddress(place, url, outbound), said: () => '' };
  };
  return {
    list: async (place, signal) => {
      let said = (): string => '';
      try {
        signal.throwIfAborted();
        const { Client } = await import('@modelcontextprotocol/client');
        const opened = await open(place);
        said = opened.said;
        const mode = place.transport === 'sse' ? 'legacy' : 'auto';
        const client = new Client(
          { name: 'nexus', version: VERSION },
          { versionNegotiation: { mode, probe: { timeoutMs: PROBE_MS } }, listMaxPages: PAGES_MOST },
        );
        return await toolsOf(client, opened.transport, signal);
      } catch (thrown) {
        if (thrown instanceof ToolServerError) throw thrown;
        if (thrown instanceof OutboundRefused) throw new ToolServerError(thrown.message, thrown);
        throw failureOf(thrown, place, { said: said(), timeUp: signal.aborted });
      }
    },
    close: () => outbound.close(),
  };
}

/** Whatever the client is at when time is up, its connection ends, and with it everything that waits for it. */
async function toolsOf(client: Client, transport: Transport, signal: AbortSignal): Promise<ServedTool[]> {
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => undefined);
  const stop = (): void => over.reject(new Error('time is up'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([askForTools(client, transport, signal), over.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    await client.close().catch(() => undefined);
    await transport.close().catch(() => undefined);
  }
}

async function askForTools(client: Client, transport: Transport, signal: AbortSignal): Promise<ServedTool[]> {
  await client.connect(transport, { signal });
  if (!client.getServerCapabilities()?.tools) return [];
  const { tools } = await client.listTools(undefined, { signal });
  return tools.map(({ name, description = '', inputSchema }) => ({ name, description, input_schema: inputSchema }));
}

async function openProgram(
  { command, args, env }: ToolPlace & { readonly transport: 'stdio' },
  commands: readonly string[],
): Promise<Opened> {
  if (!commands.includes(command)) {
    throw new ToolServerError(`${command} is not started: the operator does not list it in NEXUS_MCP_COMMANDS`);
  }
  const { StdioClientTransport, getDefaultEnvironment } = await import('@modelcontextprotocol/client/stdio');
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    // Which program a name is, is for this server to say.
    env: { ...env, ...getDefaultEnvironment() },
    cwd: '/',
    stderr: 'pipe',
    maxBufferSize: ANSWER_BYTES,
  });
  let said = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-SAID_CHARACTERS);
  });
  return { transport, said: () => said };
}

async function openAddress(
  { transport, headers }: ToolPlace & { readonly transport: 'sse' | 'http' },
  url: URL,
  outbound: Outbound,
): Promise<Transport> {
  const client = await import('@modelcontextprotocol/client');
  const options = { fetch: outboundFetch(outbound, ANSWER_BYTES), requestInit: { headers: { ...headers } } };
  if (transport === 'http') {
    const reconnectionOptions = {
      maxRetries: 0,
      initialReconnectionDelay: 1_000,
      maxReconnectionDelay: 1_000,
      reconnectionDelayGrowFactor: 1,
    };
    return new client.StreamableHTTPClientTransport(url, { ...options, reconnectionOptions });
  }
  return new client.SSEClientTransport(url, options);
}
