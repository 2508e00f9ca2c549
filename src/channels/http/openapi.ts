/**
 * The API document (OpenAPI 3.1), generated from the operations and from the calls of doors of their
 * own: `/openapi.json`. What is neither (health, metrics) is named in a small table here.
 */
import { FAULTS, type FaultCode } from '../../base/faults.ts';
import { withoutStale } from '../../core/call/stale.ts';
import type { AnyOperation } from '../../core/operation.ts';
import { type JsonSchema, type SchemaBook, schemaBook } from './json-schema.ts';
import { ownCallObject, type RoutedCall } from './own-calls.ts';

interface Described {
  /** The same for no other call. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: AnyOperation;
  readonly status: number;
}

export const whoText = (operation: AnyOperation): string =>
  typeof operation.who === 'string' ? operation.who : operation.who.role;

export const restPaths = ({ http }: AnyOperation): readonly string[] =>
  http ? [http.path, ...(http.aliases ?? [])] : [];
const rpcNames = ({ rpc }: AnyOperation): readonly string[] => (rpc ? [rpc.name] : []);

/** Every call a client can make: REST routes, and one path for each JSON-RPC method. */
function described(operations: readonly AnyOperation[]): Described[] {
  return operations.flatMap((operation) => [
    ...restPaths(operation).map((path, n) => ({
      id: n === 0 ? operation.name : `${operation.name}-${n + 1}`,
      method: operation.http?.method.toLowerCase() ?? '',
      path: path.replace(/:(\w+)/g, '{$1}'),
      operation,
      status: operation.http?.status ?? 200,
    })),
    ...rpcNames(operation).map((name) => ({
      id: `rpc_${name}`,
      method: 'post',
      path: `/api/nfs/${name}`,
      operation,
      status: 200,
    })),
  ]);
}

const FAILURE = {
  type: 'object',
  required: ['detail', 'code', 'error', 'request_id'],
  properties: {
    detail: { type: 'string' },
    code: { type: 'string' },
    error: {
      type: 'object',
      required: ['code', 'message', 'retryable', 'data'],
      properties: {
        code: { type: 'string', enum: Object.keys(FAULTS) },
        message: { type: 'string' },
        retryable: { type: 'boolean' },
        data: { type: 'object' },
      },
    },
    request_id: { type: 'string' },
    retry_after: { type: 'integer', description: 'seconds; of 429' },
  },
};

const RPC_FAILURE = {
  type: 'object',
  properties: {
    jsonrpc: { const: '2.0' },
    id: {},
    result: { type: 'null' },
    error: {
      type: 'object',
      properties: { code: { type: 'integer' }, message: { type: 'string' }, data: { type: 'object' } },
    },
  },
};

/** Routes that no operation stands behind. */
const OPEN: readonly (readonly [string, string])[] = [
  ['/health', 'State of this node, without credentials.'],
  ['/health/detailed', 'The same with its components.'],
  ['/healthz', 'The process answers.'],
  ['/healthz/live', 'The process turns.'],
  ['/healthz/ready', 'The server serves.'],
  ['/healthz/startup', 'The server has started.'],
  ['/api/v2/features', 'What this server has.'],
  ['/metrics', 'Metrics as JSON or Prometheus exposition.'],
  ['/metrics/prometheus', 'Metrics as Prometheus exposition.'],
];

export function openApiDocument(
  operations: readonly AnyOperation[],
  own: readonly RoutedCall[],
  version: string,
): Record<string, unknown> {
  const book = schemaBook();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const call of described(operations)) {
    const path = paths[call.path] ?? {};
    paths[call.path] = { ...path, [call.method]: callObject(call, book) };
  }
  for (const call of own) {
    const failures = (operation: AnyOperation | undefined, more: readonly FaultCode[]): Record<string, unknown> =>
      operation ? failuresOf(operation, { rpc: false, more }) : {};
    paths[call.path] = {
      ...paths[call.path],
      [call.method.toLowerCase()]: marked(call, ownCallObject(call, failures)),
    };
  }
  for (const [path, summary] of OPEN) {
    paths[path] = { get: { summary, security: [], tags: ['operation'], responses: { 200: { description: 'OK' } } } };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Nexus', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'an API key or a token' } },
      schemas: { Failure: FAILURE, RpcFailure: RPC_FAILURE, ...book.named },
    },
  };
}

function callObject(call: Described, book: SchemaBook): Record<string, unknown> {
  const { operation } = call;
  const rpc = call.path.startsWith('/api/nfs/');
  const input = book.schemaOf(operation.input, 'input');
  return {
    operationId: call.id,
    summary: operation.summary,
    tags: [operation.name.split('.')[0]],
    ...(operation.who === 'public' ? { security: [] } : {}),
    ...(rpc ? { requestBody: jsonBody(rpcEnvelope(operation, input)) } : restInput(call, input)),
    responses: responsesOf(call, rpc, book),
    ...marksOf(operation),
  };
}

const marksOf = (operation: AnyOperation): Record<string, unknown> => ({
  'x-nexus-effect': operation.effect,
  'x-nexus-role': whoText(operation),
  'x-nexus-faults': operation.faults,
  ...(operation.brick ? { 'x-nexus-brick': operation.brick } : {}),
});

const marked = ({ operation }: RoutedCall, object: object): object =>
  operation ? { ...object, ...marksOf(operation) } : object;

const jsonBody = (schema: unknown): object => ({ content: { 'application/json': { schema } } });

function rpcEnvelope(operation: AnyOperation, params: unknown): object {
  return {
    type: 'object',
    properties: { jsonrpc: { const: '2.0' }, method: { const: operation.rpc?.name }, params, id: {} },
  };
}

/** Parts of the path and, for GET and DELETE, the query; else the body. */
function restInput(call: Described, input: JsonSchema): Record<string, unknown> {
  const properties = (input.properties ?? {}) as Record<string, unknown>;
  const required = (input.required ?? []) as readonly string[];
  const inPath = [...call.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '');
  const parameters = inPath.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: properties[name] ?? { type: 'string' },
  }));
  const rest = Object.keys(properties).filter((name) => !inPath.includes(name));
  if (call.method === 'get' || call.method === 'delete') {
    const query = rest.map((name) => ({
      name,
      in: 'query',
      required: required.includes(name),
      schema: properties[name],
    }));
    const headers = Object.keys(call.operation.http?.headers ?? {}).map((name) => ({
      name,
      in: 'header',
      schema: { type: 'string' },
    }));
    return { parameters: [...parameters, ...query, ...headers] };
  }
  const body = {
    ...input,
    properties: Object.fromEntries(rest.map((name) => [name, properties[name]])),
    required: required.filter((name) => !inPath.includes(name)),
  };
  return {
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(rest.length > 0 ? { requestBody: jsonBody(body) } : {}),
  };
}

function responsesOf(call: Described, rpc: boolean, book: SchemaBook): Record<string, unknown> {
  const { operation } = call;
  const presented = rpc ? operation.rpc?.present : operation.http?.present;
  const shown = rpc ? undefined : operation.http?.body;
  const output = presented && !shown ? {} : book.schemaOf(shown ?? withoutStale(operation.output), 'output');
  const good = rpc
    ? { type: 'object', properties: { jsonrpc: { const: '2.0' }, id: {}, result: output, error: { type: 'null' } } }
    : output;
  const responses: Record<string, unknown> = {
    [call.status]: { description: 'Success', ...(call.status === 204 ? {} : bodyOf(operation, rpc, { good, book })) },
  };
  return { ...responses, ...failuresOf(operation, { rpc, more: [] }) };
}

interface Failing {
  readonly rpc: boolean;
  readonly more: readonly FaultCode[];
}

function failuresOf(operation: AnyOperation, { rpc, more }: Failing): Record<string, unknown> {
  const responses: Record<string, unknown> = {};
  const reference = { $ref: `#/components/schemas/${rpc ? 'RpcFailure' : 'Failure'}` };
  const codes = new Set<FaultCode>([
    'UNAUTHENTICATED',
    'RATE_LIMITED',
    ...offOf(operation),
    ...operation.faults,
    ...more,
  ]);
  for (const [status, own] of Map.groupBy(codes, (code) => FAULTS[code].http)) {
    if (rpc && own.every((code) => FAULTS[code].rpc !== 'http')) continue;
    responses[status] = { description: own.join(', '), ...jsonBody(reference) };
  }
  return responses;
}

/** Told by what can be switched off, while it is. */
const offOf = ({ brick }: AnyOperation): readonly FaultCode[] => (brick ? ['UNAVAILABLE'] : []);

interface Good {
  readonly good: unknown;
  readonly book: SchemaBook;
}

/** The answer, and the stream of items in its place where the operation has one. */
function bodyOf({ stream }: AnyOperation, rpc: boolean, { good, book }: Good): object {
  if (!stream || rpc) return jsonBody(good);
  const items = { [stream.media]: { schema: book.schemaOf(stream.item, 'output') } };
  return { content: stream.whenAccepted ? { 'application/json': { schema: good }, ...items } : items };
}
