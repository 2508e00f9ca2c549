/**
 * Requests to a Nexus server on `fetch`. Guarantees: a failure of the server is thrown as a {@link NexusError}, an absent
 * server as {@link UnreachableError}; bytes in answers become Uint8Array.
 */
import { parseJson } from '../src/base/parse-json.ts';
import { errorOf, type Failure, type FaultBody, UnreachableError } from './errors.ts';

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
  /** Ends the request, and its answer where that has begun. */
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | null;
  text(): Promise<string>;
}

export interface RestCall {
  readonly method: string;
  /** Path with its query. */
  readonly path: string;
  /** Sent as JSON, or as it is when it is bytes or a stream. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
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
    const text = await response.text();
    const answer = jsonIn(text);
    if (!isRpcAnswer(answer)) throw errorOf(failureIn(text, response), retryAfterOf(response));
    if (!answer.error) return decodeBytes(answer.result);
    const { code, message, data } = answer.error;
    // Of JSON-RPC's data only the details are those of the fault (files.md §2).
    const { code: word, retryable, request_id, call_id: _same, ...details } = data;
    const failure: Failure = {
      code: word,
      message,
      data: details,
      retryable,
      request_id,
      status: response.status === 200 ? statusOf(code) : response.status,
    };
    // An etag that differs is 412 over REST, and has the number of a conflict here.
    throw errorOf(failure.code === 'ETAG_MISMATCH' ? { ...failure, status: 412 } : failure, retryAfterOf(response));
  }

  /** One REST call that answers JSON; undefined for an empty answer. */
  async rest(call: RestCall): Promise<unknown> {
    const response = await this.raw(call);
    if (response.status === 204) return undefined;
    const text = await response.text();
    const answer = jsonIn(text);
    if (answer === undefined) throw errorOf(failureIn(text, response), retryAfterOf(response));
    return answer;
  }

  /** One REST call, its answer as it is; failures are thrown. */
  async raw(call: RestCall): Promise<HttpAnswer> {
    const response = await this.send(call);
    if (response.ok || response.status === 304) return response;
    throw errorOf(failureIn(await response.text(), response), retryAfterOf(response));
  }

  /** One request, its answer as it is, whatever its status. */
  async send(call: RestCall): Promise<HttpAnswer> {
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
      ...(call.signal ? { signal: call.signal } : {}),
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
    readonly data: {
      readonly code: string;
      readonly retryable: boolean;
      readonly request_id: string;
      readonly call_id: string;
    };
  } | null;
}

/** The value of a JSON text; undefined for another text. */
function jsonIn(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Failures of HTTP have the shape of REST at this door too. */
const isRpcAnswer = (value: unknown): value is RpcAnswer =>
  isObject(value) && 'result' in value && 'error' in value && (value.error === null || isObject(value.error));

/** The fault in the body of a failure. Not every body is one: something else may answer at the URL. */
function failureIn(text: string, response: HttpAnswer): Failure {
  const request_id = response.headers.get('x-request-id') ?? '';
  const body = jsonIn(text);
  if (isObject(body) && 'error' in body && isObject(body.error) && 'code' in body.error) {
    return { ...(body.error as FaultBody), status: response.status, request_id };
  }
  const message = `HTTP ${response.status} and no answer of a Nexus server: ${text.slice(0, 200)}`;
  const status = response.ok ? NO_NEXUS : response.status;
  return { code: 'UNKNOWN', message, data: {}, retryable: false, status, request_id };
}

/** Status of an answer that has a good one and is none of ours: of a gateway that reached the wrong server. */
const NO_NEXUS = 502;

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
 * The path of a file under `/api/v2/files`, which may lack its first `/`. INVALID_PATH where a segment is `..`, as the server has it: every form of it
 * in a URL is resolved before the request leaves, so the server would be asked for another file.
 */
export function filePath(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) {
    const message = `Invalid path ${JSON.stringify(path)}: ".." is never resolved`;
    throw errorOf({ code: 'INVALID_PATH', message, data: { path }, retryable: false, request_id: '', status: 400 }, 0);
  }
  return `/api/v2/files/${segments.map(encodeURIComponent).join('/')}`;
}
