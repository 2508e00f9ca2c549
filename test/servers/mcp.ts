/** Real MCP servers, made with the official SDK: over HTTP as they speak today, over the older HTTP+SSE, and as a program. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

/** A server with these tools. */
export function mcpServer(tools: readonly string[]): McpServer {
  const server = new McpServer({ name: 'tools-of-a-test', version: '1.0.0' });
  for (const name of tools) {
    const told = { description: `does ${name}`, inputSchema: { path: z.string() } };
    server.registerTool(name, told, ({ path }) => ({ content: [{ type: 'text', text: path }] }));
  }
  return server;
}

export interface McpAddress {
  /** For the transport `http`. */
  readonly url: string;
  /** For the transport `sse`. */
  readonly sseUrl: string;
  /** `Authorization` of each request that came. */
  readonly authorizations: (string | undefined)[];
  /** What it serves from now on. */
  tools: readonly string[];
  close(): Promise<void>;
}

/** At `/mcp` without sessions, at `/sse` with them; `/moved` leads to `/mcp`, `/stuck` never answers, `/junk` is no MCP. */
export async function startMcpServer(first: readonly string[], port = 0): Promise<McpAddress> {
  const sessions = new Map<string, SSEServerTransport>();
  const authorizations: (string | undefined)[] = [];
  let tools = first;
  const ways: Readonly<
    Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<unknown> | unknown>
  > = {
    '/mcp': async (request, response) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
      await mcpServer(tools).connect(transport);
      await transport.handleRequest(request, response);
    },
    '/sse': async (_request, response) => {
      const transport = new SSEServerTransport('/messages', response);
      sessions.set(transport.sessionId, transport);
      await mcpServer(tools).connect(transport);
    },
    '/messages': (request, response) => {
      const id = new URL(request.url ?? '', 'http://any').searchParams.get('sessionId') ?? '';
      return sessions.get(id)?.handlePostMessage(request, response);
    },
    '/moved': (_request, response) => response.writeHead(307, { location: '/mcp' }).end(),
    '/away': (_request, response) => response.writeHead(307, { location: 'http://127.0.0.2:1/mcp' }).end(),
    '/stuck': () => undefined,
    '/junk': (request, response) => response.writeHead(401).end(`who is ${request.headers.authorization}?`),
  };
  const http = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    const way = ways[new URL(request.url ?? '', 'http://any').pathname];
    if (way) Promise.resolve(way(request, response)).catch(() => response.destroy());
    else response.writeHead(404).end();
  }).listen(port, '127.0.0.1');
  await once(http, 'listening');
  const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    url: `${base}/mcp`,
    sseUrl: `${base}/sse`,
    authorizations,
    get tools() {
      return tools;
    },
    set tools(next) {
      tools = next;
    },
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

/** Those that run now and were started with this word. */
export function programsOf(word: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });
}

/** `node test/servers/mcp.ts TOOL…` serves these tools over its standard streams; `--fails` says why and ends. */
if (process.argv[1] === import.meta.filename) {
  const [first, ...others] = process.argv.slice(2);
  if (first === '--fails') {
    console.error(`no such key: ${process.env.TOOL_KEY}`);
    process.exit(3);
  }
  if (first === '--silent') setInterval(() => undefined, 1_000);
  else await mcpServer([first ?? 'none', ...others]).connect(new StdioServerTransport());
}
