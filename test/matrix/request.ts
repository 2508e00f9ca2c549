/** One call of an operation through a door that has it, with the zone named as asked. */
import type { AnyOperation } from '../../src/core/operation.ts';
import { toolOf } from '../../src/core/tools.ts';

export interface Request {
  readonly operation: AnyOperation;
  readonly input: Readonly<Record<string, unknown>>;
  /** Empty: none. */
  readonly key: string;
  /** Named by header. */
  readonly zone: string | undefined;
  /** By its route, though it has a method too. */
  readonly byRoute: boolean;
  /** As a tool of the MCP door. */
  readonly byTool: boolean;
}

export interface Outcome {
  /** `ok` or the code of the fault. */
  readonly code: string;
  /** The whole answer. */
  readonly text: string;
}

interface Failure {
  readonly code?: string;
  readonly error?: { readonly data?: { readonly code?: string }; readonly code?: unknown } | null;
}

export async function send(url: string, request: Request): Promise<Outcome> {
  const { operation, input, key, zone, byRoute, byTool } = request;
  const headers = {
    ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
    ...(zone === undefined ? {} : { 'x-nexus-zone-id': zone }),
  };
  if (byTool) return sendToTool(url, request, headers);
  const { path, method, body } = routeOf(operation, input, byRoute);
  const response = await fetch(url + path, {
    method,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // A stream has no end.
  const endless = response.ok && operation.stream !== undefined && !operation.stream.whenAccepted;
  const text = endless ? '' : await response.text();
  if (endless) await response.body?.cancel();
  return { code: codeOf(response, text), text };
}

async function sendToTool(url: string, { operation, input }: Request, headers: object): Promise<Outcome> {
  const params = { name: toolOf(operation)?.name, arguments: input };
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  });
  const text = await response.text();
  if (!response.ok) return { code: codeOf(response, text), text };
  const [, message = ''] = /^data: (.*)$/m.exec(text) ?? [];
  const { result } = JSON.parse(message) as { result: { structuredContent: Failure; isError?: boolean } };
  const failure = result.isError ? result.structuredContent.error?.code : undefined;
  return { code: String(failure ?? 'ok'), text: JSON.stringify(result.structuredContent) };
}

function codeOf(response: Response, text: string): string {
  if (response.headers.get('content-type')?.startsWith('application/json') && text !== '') {
    const { error } = JSON.parse(text) as Failure;
    if (error?.data?.code) return error.data.code;
    if (typeof error?.code === 'string') return error.code;
  }
  if (response.status === 401) return 'UNAUTHENTICATED';
  return response.ok ? 'ok' : `${response.status} ${text.slice(0, 200)}`;
}

interface Route {
  readonly path: string;
  readonly method: string;
  readonly body?: unknown;
}

function routeOf({ name, rpc, http }: AnyOperation, input: Request['input'], byRoute: boolean): Route {
  if (rpc && !byRoute) return { path: `/api/nfs/${rpc.name}`, method: 'POST', body: { params: input } };
  // Its binding is the door's own.
  if (name === 'file.open') {
    const { path, ...query } = input;
    return { path: `/api/v2/files${String(path)}?${queryOf(query)}`, method: 'GET' };
  }
  if (!http) throw new Error(`no door to ${name}`);
  const left = { ...input };
  const path = http.path.replace(/:(\w+)/g, (_all, part: string) => {
    const value = encodeURIComponent(String(left[part]));
    delete left[part];
    return value;
  });
  if (http.method === 'GET' || http.method === 'DELETE')
    return { path: `${path}?${queryOf(left)}`, method: http.method };
  return { path, method: http.method, body: left };
}

const queryOf = (input: Request['input']): string =>
  new URLSearchParams(Object.entries(input).map(([name, value]) => [name, String(value)])).toString();
