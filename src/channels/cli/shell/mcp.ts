/**
 * `nexus mcp`: the MCP door of a server on standard input and output (workflows.md §8). Guarantees: a line in is one message to the server, a
 * line out one message of it, and nothing else is written there; a request is answered also where no server is; input that
 * ends lets what was asked be answered.
 */
import type { Readable } from 'node:stream';
import { UnreachableError } from '../../../../client/errors.ts';
import { linesOf } from '../../../../client/stream.ts';
import type { HttpAnswer, Transport } from '../../../../client/transport.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { Terminal } from '../terminal.ts';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
/** Parameters that a header repeats, by method (MCP 2026-07-28, "Standard Request Headers"). */
const NAMED_BY: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};
/** JSON-RPC 2.0 §5.1. */
const PARSE_ERROR = -32700;
const INTERNAL_ERROR = -32603;

interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: Readonly<Record<string, unknown>>;
}

interface Bridge {
  readonly transport: Transport;
  readonly write: (message: unknown) => void;
  /** Requests that are not answered yet, by their id. */
  readonly open: Map<unknown, Asked>;
}

interface Asked {
  readonly ending: AbortController;
  /** As long as somebody listens. */
  readonly lasts: boolean;
}

export async function runMcp(
  transport: Transport,
  terminal: Pick<Terminal, 'out'>,
  input: Readable,
): Promise<undefined> {
  const bridge: Bridge = {
    transport,
    write: (message) => terminal.out(`${lineOf(message)}\n`),
    open: new Map(),
  };
  const under = new Set<Promise<void>>();
  for await (const line of linesIn(input)) {
    if (line.trim() === '') continue;
    const work = answer(bridge, line).finally(() => under.delete(work));
    under.add(work);
  }
  for (const { lasts, ending } of bridge.open.values()) if (lasts) ending.abort();
  await Promise.all(under);
  return undefined;
}

async function answer(bridge: Bridge, line: string): Promise<void> {
  const message = messageIn(line);
  if (message === undefined) {
    bridge.write(failure(null, PARSE_ERROR, 'This line is no JSON-RPC message'));
    return;
  }
  if (message.method === 'notifications/cancelled') cancel(bridge, message.params?.requestId);
  const asked = { ending: new AbortController(), lasts: message.method === 'subscriptions/listen' };
  if (message.id !== undefined) bridge.open.set(message.id, asked);
  const { signal } = asked.ending;
  try {
    const headers = { ...headersOf(message), accept: 'application/json, text/event-stream' };
    const response = await bridge.transport.send({ method: 'POST', path: '/mcp', body: message, headers, signal });
    for await (const told of messagesOf(response, signal)) bridge.write(response.ok ? told : about(message, told));
  } catch (thrown) {
    // Nobody waits for what was cancelled.
    if (message.id === undefined || signal.aborted) return;
    bridge.write(failure(message.id, INTERNAL_ERROR, wordsOf(thrown)));
  } finally {
    if (bridge.open.get(message.id) === asked) bridge.open.delete(message.id);
  }
}

/** For readers that take other separators for ends of lines, too. */
const lineOf = (message: unknown): string =>
  JSON.stringify(message).replace(
    /[\u0085\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The server ends what its client has gone from. */
const cancel = ({ open }: Bridge, id: unknown): void => open.get(id)?.ending.abort();

/** Lines end with line feeds and nothing else: JSON leaves other separators as they are inside a text. */
async function* linesIn(input: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of input) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  yield rest;
}

/** What is refused before the server has read it comes without its id. */
const about = ({ id }: Message, told: unknown): object => ({
  ...(told as object),
  ...(id === undefined ? {} : { id }),
});

function messageIn(line: string): Message | undefined {
  try {
    const value: unknown = parseJson(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a message says of itself, for whoever stands before the server. Older revisions say nothing. */
function headersOf({ method, params }: Message): Record<string, string> {
  const version = (params?._meta as Record<string, unknown> | undefined)?.[VERSION];
  if (typeof version !== 'string' || typeof method !== 'string') return {};
  const name = params?.[NAMED_BY[method] ?? ''];
  return {
    'mcp-protocol-version': version,
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': headerText(name) } : {}),
  };
}

/** Plain where a header can hold it, else in base64 between marks. */
const headerText = (text: string): string =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`;

/** The messages of an answer: one, or those of a stream. */
async function* messagesOf(response: HttpAnswer, signal: AbortSignal): AsyncGenerator<unknown> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const text = await response.text();
    if (text !== '') yield parseJson(text);
    return;
  }
  if (!response.body) return;
  for await (const line of linesOf(response.body, signal)) {
    if (line.startsWith('data: ')) yield parseJson(line.slice('data: '.length));
  }
}

const failure = (id: unknown, code: number, message: string): object => ({
  jsonrpc: '2.0',
  id,
  error: { code, message },
});

function wordsOf(thrown: unknown): string {
  if (thrown instanceof UnreachableError) return `${thrown.message}; start one with: nexus start`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
