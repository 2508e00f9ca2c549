/**
 * The API document (OpenAPI 3.1), generated from the operations and from the calls of doors of their
 * own: `/openapi.json`.
 */
import type { AnyOperation } from '../../core/operation.ts';
import { isNeeded, shapeOf } from '../../core/shape-of.ts';
import { type JsonSchema, type SchemaBook, schemaBook } from './json-schema.ts';
import { FAILURE_SCHEMAS, jsonBody, ownFailures, restAnswers, rpcAnswers } from './openapi-answers.ts';
import { ownCallObject, type RoutedCall } from './own-calls.ts';

interface Described {
  /** The same for no other call. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: AnyOperation;
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
    })),
    ...rpcNames(operation).map((name) => ({
      id: `rpc_${name}`,
      method: 'post',
      path: `/api/nfs/${name}`,
      operation,
    })),
  ]);
}

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
    const object = marked(call, ownCallObject(call, book, ownFailures(call)));
    paths[call.path] = { ...paths[call.path], [call.method.toLowerCase()]: object };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Nexus', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'an API key or a token' } },
      schemas: { ...FAILURE_SCHEMAS, ...book.named },
    },
  };
}

function callObject(call: Described, book: SchemaBook): Record<string, unknown> {
  const { operation } = call;
  const rpc = call.path.startsWith('/api/nfs/');
  const input = { ...book.schemaOf(operation.input, 'input'), required: neededOf(operation) };
  return {
    operationId: call.id,
    summary: operation.summary,
    tags: [operation.name.split('.')[0]],
    ...(operation.who === 'public' ? { security: [] } : {}),
    ...(rpc ? { requestBody: jsonBody(rpcEnvelope(operation, input)) } : restInput(call, input)),
    responses: rpc ? rpcAnswers(operation, book) : restAnswers(operation, book),
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

function rpcEnvelope(operation: AnyOperation, params: unknown): object {
  return {
    type: 'object',
    properties: { jsonrpc: { const: '2.0' }, method: { const: operation.rpc?.name }, params, id: {} },
  };
}

/** The parameters that have to be there. */
function neededOf(operation: AnyOperation): readonly string[] {
  const shape = Object.entries(shapeOf(operation));
  return shape.filter(([, schema]) => isNeeded(schema)).map(([name]) => name);
}

/** Parts of the path and, for GET and DELETE, the query; else the body. */
function restInput(call: Described, input: JsonSchema): Record<string, unknown> {
  const properties = (input.properties ?? {}) as Record<string, unknown>;
  const required = neededOf(call.operation);
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
