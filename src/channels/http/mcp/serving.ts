/**
 * The protocol of this door, by the library of its authors: revision 2026-07-28, and 2025-11-25 without sessions; 2024-11-05 on streams of the
 * older transport. Guarantees: each request is served by itself, so any node answers any of them; nothing of it is loaded before
 * the first one comes.
 */
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  McpHttpHandler,
  Server,
  Transport,
  Tool as WireTool,
} from '@modelcontextprotocol/server';
import { cut, NAME_CHARACTERS } from '../../../base/cut.ts';
import { asFault, Fault } from '../../../base/faults.ts';
import { faultOf } from '../../../base/issues.ts';
import { understand } from '../../../base/understand.ts';
import { type Tool, tools } from '../../../core/tools.ts';
import type { DoorOptions } from '../door.ts';
import { nearestNames } from '../similar.ts';
import { GUIDE, GUIDES } from './guide.ts';
import { FILES, listFiles, readFile } from './resources.ts';
import { callTool, lastWord, refusal, resultOf, type Scene, type ToolResult } from './tool-call.ts';
import { callInput, listTools, searchInput, searchTools } from './tool-list.ts';

type Library = typeof import('@modelcontextprotocol/server');

/** What a request was let in with, on its way through the library. */
const SCENE = 'scene';
/** Milliseconds for which a client may keep a list. */
const TTL_MS = 60_000;
const INSTRUCTIONS =
  'Nexus gives you files, events and jobs in one zone. Paths begin with /. What is not listed is found by search_tools and called by call_tool; whoami says what you may do.';

const byScene = (scene: Scene) => ({ token: '', clientId: '', scopes: [], extra: { [SCENE]: scene } });

export class McpServing {
  private readonly door: Pick<DoorOptions, 'version' | 'server'>;
  private loading: Promise<Loaded> | undefined;
  private unlisten = (): void => undefined;

  constructor(door: Pick<DoorOptions, 'version' | 'server'>) {
    this.door = door;
  }

  /** The answer to one message. */
  async answer(request: Request, message: unknown, scene: Scene): Promise<Response> {
    const { handler } = await this.loaded();
    return handler.fetch(request, { parsedBody: message, authInfo: byScene(scene) });
  }

  /** INVALID_REQUEST for what is no message of the protocol. */
  async parse(message: unknown): Promise<JSONRPCMessage> {
    const { library } = await this.loaded();
    try {
      return library.parseJSONRPCMessage(message);
    } catch {
      throw new Fault('INVALID_REQUEST', 'Invalid request: the body is no message of JSON-RPC 2.0');
    }
  }

  /** The answer to one request of the older transport; undefined where it is unwanted by then. */
  async exchange(request: JSONRPCRequest, scene: Scene): Promise<JSONRPCMessage | undefined> {
    const { library } = await this.loaded();
    const { promise, resolve } = Promise.withResolvers<JSONRPCMessage | undefined>();
    const transport: Transport = {
      start: async () => undefined,
      send: async (message) => {
        if ('id' in message && !('method' in message)) resolve(message);
      },
      close: async () => transport.onclose?.(),
    };
    const server = serverFor(scene, { library, version: this.door.version, era: 'streamed' });
    await server.connect(transport);
    const unwanted = scene.gone();
    unwanted.addEventListener('abort', () => resolve(undefined));
    if (unwanted.aborted) resolve(undefined);
    transport.onmessage?.(request, { authInfo: byScene(scene) });
    return promise.finally(() => server.close());
  }

  async close(): Promise<void> {
    this.unlisten();
    await this.loading?.then(({ handler }) => handler.close());
  }

  private loaded(): Promise<Loaded> {
    this.loading ??= this.load();
    return this.loading;
  }

  private async load(): Promise<Loaded> {
    const library = await import('@modelcontextprotocol/server');
    const { version, server } = this.door;
    const handler = library.createMcpHandler(({ authInfo, era }) =>
      serverFor(authInfo?.extra?.[SCENE] as Scene, { library, version, era }),
    );
    // What is switched off or on changes what there is to call.
    this.unlisten = server.bricks.onChange(() => handler.notify.toolsChanged());
    return { library, handler };
  }
}

interface Loaded {
  readonly library: Library;
  readonly handler: McpHttpHandler;
}

interface Making {
  readonly library: Library;
  readonly version: string;
  readonly era: keyof typeof REVISIONS;
}

/** What is served to whom; an older client is offered the last revision with a handshake, or the one that its transport is of. */
const REVISIONS = {
  modern: ['2026-07-28', '2025-11-25'],
  legacy: ['2026-07-28', '2025-11-25'],
  streamed: ['2024-11-05'],
};

/** A server for one request: what the library asks of it, it asks of this request's caller. */
function serverFor(scene: Scene, { library, version, era }: Making): Server {
  const hint = { ttlMs: TTL_MS, cacheScope: 'private' } as const;
  const server = new library.Server(
    { name: 'nexus', version },
    {
      // The older ones would be told of changes on a stream of their session.
      capabilities: { tools: { listChanged: era === 'modern' }, resources: {}, prompts: {} },
      supportedProtocolVersions: REVISIONS[era],
      instructions: INSTRUCTIONS,
      cacheHints: {
        'tools/list': hint,
        'prompts/list': hint,
        'resources/templates/list': hint,
        'server/discover': hint,
      },
    },
  );
  const failed = async (thrown: unknown): Promise<never> => {
    if (thrown instanceof library.ProtocolError) throw thrown;
    throw protocolError(library, await lastWord(scene, asFault(thrown)));
  };
  const which = (scene.request.query as { tools?: unknown }).tools === 'search' ? 'search' : 'core';
  server.setRequestHandler('tools/list', () => ({ tools: listTools(scene, which) as WireTool[] }));
  server.setRequestHandler('tools/call', async ({ params: { name, arguments: args } }) => {
    const { ...result } = await called(scene, library, { name, args }).catch(failed);
    return server.projectCallToolResult(result, undefined);
  });
  server.setRequestHandler('resources/list', ({ params }) => listFiles(scene, params?.cursor).catch(failed));
  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: [FILES] }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => readFile(scene, uri).catch(failed));
  server.setRequestHandler('prompts/list', () => ({ prompts: GUIDES }));
  server.setRequestHandler('prompts/get', async ({ params: { name } }) => {
    if (GUIDES.some((one) => one.name === name)) return GUIDE;
    throw new library.ProtocolError(
      INVALID_PARAMS,
      `No prompt ${cut(name, NAME_CHARACTERS)}; there is ${GUIDES.map((one) => one.name).join()}`,
    );
  });
  return server;
}

/** JSON-RPC 2.0 §5.1. */
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;

interface Called {
  readonly name: string;
  readonly args: unknown;
}

async function called(scene: Scene, library: Library, { name, args = {} }: Called): Promise<ToolResult> {
  if (name === 'search_tools') {
    const asked = understand(searchInput, args);
    if (!asked.success) return refusal(scene, faultOf(asked, args), [name]);
    return resultOf(JSON.stringify(searchTools(scene, asked.data)));
  }
  if (name !== 'call_tool') return callTool(scene, find(library, name), args);
  const inner = understand(callInput, args);
  if (!inner.success) return refusal(scene, faultOf(inner, args), ['search_tools']);
  const { name: other, arguments: others } = inner.data;
  if (other === 'search_tools') return called(scene, library, { name: other, args: others });
  return callTool(scene, find(library, other), others);
}

/** A Fault, from here on the failure of a request and no result. */
function protocolError(library: Library, { code, message, row, data }: Fault): Error {
  return new library.ProtocolError(row.http < 500 ? INVALID_PARAMS : INTERNAL_ERROR, message, { ...data, code });
}

/** `-` and `_` are equal in names. */
function find(library: Library, name: string): Tool {
  const tool = tools.get(name.replaceAll('-', '_'));
  if (tool) return tool;
  const similar = nearestNames(name, [...tools.keys(), 'search_tools', 'call_tool']);
  const hint = similar.length > 0 ? `; did you mean ${similar.join(', ')}?` : '; search_tools finds what there is';
  const shown = cut(name, NAME_CHARACTERS);
  throw new library.ProtocolError(INVALID_PARAMS, `No tool ${shown}${hint}`, { tool: shown, similar });
}
