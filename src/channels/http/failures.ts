/** How faults are told over HTTP (files.md §1, §2): the REST body, the JSON-RPC envelope, and the one that is both. */
import { FAULTS, type Fault, type FaultCode } from '../../base/faults.ts';

/** The lower-case word of a status that older clients know. */
const WORDS: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  422: 'validation_error',
  429: 'rate_limited',
};

/** A call may be sent again as it is, now or later. */
const isRetryable = (code: FaultCode): boolean => FAULTS[code].retry === 'yes' || FAULTS[code].retry === 'later';

export interface RestFailure {
  readonly detail: string;
  readonly code: string;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly data: object;
  };
  readonly request_id: string;
  /** Seconds; of what is refused for its rate. */
  readonly retry_after?: number;
}

export function restFailure(fault: Fault, request_id: string): RestFailure {
  const { code, message, data } = fault;
  return {
    // What came of each check stands beside the failure too (platform.md §1.4).
    ...(code === 'WARMUP_FAILED' ? data : {}),
    detail: message,
    code: WORDS[fault.row.http] ?? code.toLowerCase(),
    error: { code, message, retryable: isRetryable(code), data },
    request_id,
    ...(code === 'RATE_LIMITED' ? { retry_after: Number(data.retry_after) } : {}),
  };
}

export interface RpcFailure {
  readonly jsonrpc: '2.0';
  readonly id: unknown;
  readonly result: null;
  readonly error: { readonly code: number; readonly message: string; readonly data: object };
}

export function rpcFailure(fault: Fault, id: unknown, request_id: string): RpcFailure {
  const { code, message, data } = fault;
  const row = fault.row;
  return {
    jsonrpc: '2.0',
    id,
    result: null,
    error: {
      code: row.rpc === 'http' ? -row.http : row.rpc,
      message,
      data: { ...data, code, retryable: isRetryable(code), request_id, call_id: request_id },
    },
  };
}

/** An HTTP-level failure of a JSON-RPC call reads both ways. */
export function httpRpcFailure(fault: Fault, id: unknown, request_id: string): object {
  const { error, ...rest } = restFailure(fault, request_id);
  const rpc = rpcFailure(fault, id, request_id);
  return { ...rpc, ...rest, error: { ...rpc.error, retryable: error.retryable } };
}

/** A failure in the form of JSON-RPC 2.0 and nothing beside, before the id is known: an error comes without a result. */
export function messageFailure(fault: Fault, request_id: string): object {
  const { jsonrpc, id, error } = rpcFailure(fault, null, request_id);
  return { jsonrpc, id, error };
}

/** Headers that go with a fault. */
export function failureHeaders(fault: Fault): Record<string, string> {
  const headers: Record<string, string> = {};
  if (fault.code === 'UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer';
  if (fault.row.retry === 'later') headers['retry-after'] = String(fault.data.retry_after ?? 1);
  if (fault.code === 'RANGE_NOT_SATISFIABLE') headers['content-range'] = `bytes */${fault.data.size}`;
  if (Array.isArray(fault.data.allow)) headers.allow = fault.data.allow.join(', ');
  return headers;
}
