/**
 * Requests to a Nexus server on `fetch`. Guarantees: a failure of the server is thrown as a {@link NexusError}, an absent
 * server as {@link UnreachableError}; bytes in answers become Uint8Array.
 */
import { errorOf, type Failure, UnreachableError } from './errors.ts';

export interface ClientOptions {
  /** `http://127.0.0.1:2026` */
  readonly url: string;
  /** API key. */
  readonly key?: string | undefined;
  /** Zone to work in, for a key that may name another than its own. */
  readonly zone?: string | undefined;
  /** Sends requests; the global `fetch` unless given. */
  readonly fetch?: Fetch;
}

/** What of `fetch` a transport uses. */
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpAnswer>;

export interface HttpRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** A stream as the body needs it. */
  readonly duplex: 'half';
}

export interface HttpAnswer {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | null;
  text(): Promise<string>;
  json(): Promise<unknown>;
}

export interface RestCall {
  readonly method: string;
  /** Path with its query. */
  readonly path: string;
  /** Sent as JSON, or as it is when it is bytes or a stream. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** HTTP status of a JSON-RPC number, for the codes that travel inside HTTP 200. */
function statusOf(code: number): number {
  if (code <= -32000) return code === -32602 ? 422 : code === -32601 ? 404 : 400;
  return -code;
}

export class Transport {
  readonly url: string;
  private readonly options: ClientOptions;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.options = options;
  }

  /** One JSON-RPC call; its result with bytes decoded. */
  async rpc(method: string, params: object): Promise<unknown> {
    const response = await this.send({
      method: 'POST',
      path: `/api/nfs/${method}`,
      body: { jsonrpc: '2.0', method, params, id: 1 },
    });
    const answer = (await response.json()) as RpcAnswer;
    if (!answer.error) return decodeBytes(answer.result);
    const { code, message, data } = answer.error;
    const failure: Failure = {
      code: data.code,
      message,
      data,
      retryable: data.retryable,
      request_id: data.request_id,
      status: response.status === 200 ? statusOf(code) : response.status,
    };
    // An etag that differs is 412 over REST, and has the number of a conflict here.
    throw errorOf(failure.code === 'ETAG_MISMATCH' ? { ...failure, status: 412 } : failure, retryAfterOf(response));
  }

  /** One REST call that answers JSON; undefined for an empty answer. */
  async rest(call: RestCall): Promise<unknown> {
    const response = await this.raw(call);
    if (response.status === 204) return undefined;
    return response.json();
  }

  /** One REST call, its answer as it is; failures are thrown. */
  async raw(call: RestCall): Promise<HttpAnswer> {
    const response = await this.send(call);
    if (response.ok || response.status === 304) return response;
    throw errorOf(await restFailure(response), retryAfterOf(response));
  }

  private async send(call: RestCall): Promise<HttpAnswer> {
    const { key, zone } = this.options;
    const body = isBytes(call.body) ? call.body : JSON.stringify(call.body);
    const headers: Record<string, string> = {
      ...(body === call.body ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    };
    if (key) headers.authorization = `Bearer ${key}`;
    if (zone) headers['x-nexus-zone-id'] = zone;
    const request: HttpRequest = {
      method: call.method,
      headers,
      duplex: 'half',
      ...(body === undefined ? {} : { body }),
    };
    try {
      return await (this.options.fetch ?? fetch)(this.url + call.path, request);
    } catch (thrown) {
      throw new UnreachableError(this.url, thrown);
    }
  }
}

/** Sent as they are: bytes, and streams of them. */
const isBytes = (body: unknown): body is Exclude<HttpRequest['body'], string> =>
  body === undefined || body instanceof Uint8Array || (body instanceof Object && Symbol.asyncIterator in body);

interface RpcAnswer {
  readonly result: unknown;
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly code: string; readonly retryable: boolean; readonly request_id: string };
  } | null;
}

async function restFailure(response: HttpAnswer): Promise<Failure> {
  const request_id = response.headers.get('x-request-id') ?? '';
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { error: Omit<Failure, 'status' | 'request_id'> };
    return { ...body.error, status: response.status, request_id };
  } catch {
    const message = `HTTP ${response.status}: ${text.slice(0, 200)}`;
    return { code: 'UNKNOWN', message, data: {}, retryable: false, status: response.status, request_id };
  }
}

const retryAfterOf = (response: HttpAnswer): number => Number(response.headers.get('retry-after') ?? 1);

/** `{"__type__":"bytes"}` markers at any depth become Uint8Array. */
export function decodeBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeBytes);
  const { __type__, data } = value as { __type__?: unknown; data?: unknown };
  if (__type__ === 'bytes' && typeof data === 'string') return Buffer.from(data, 'base64');
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decodeBytes(item)]));
}

/** Bytes as a JSON-RPC parameter. */
export const bytesParam = (bytes: Uint8Array): object => ({
  __type__: 'bytes',
  data: Buffer.from(bytes).toString('base64'),
});

/** Every Uint8Array of a value as the marker that JSON-RPC has for bytes. */
export function encodeBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return bytesParam(value);
  if (Array.isArray(value)) return value.map(encodeBytes);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encodeBytes(item)]));
}

/**
 * The path of a file under `/api/v2/files`. INVALID_PATH where a segment is `..`, as the server has it: every form of it
 * in a URL is resolved before the request leaves, so the server would be asked for another file.
 */
export function filePath(path: string): string {
  const segments = path.split('/');
  if (segments.includes('..')) {
    const message = `Invalid path ${JSON.stringify(path)}: ".." is never resolved`;
    throw errorOf({ code: 'INVALID_PATH', message, data: { path }, retryable: false, request_id: '', status: 400 }, 0);
  }
  return `/api/v2/files${segments.map(encodeURIComponent).join('/')}`;
}
