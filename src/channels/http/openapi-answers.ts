/**
 * What a call can be answered, as the API document tells it: its success, and every failure that comes of what the operation
 * declares or of what each call goes through on its way (admission, frame, body, invoke), in the words of its door.
 */
import { FAULTS, type FaultCode } from '../../base/faults.ts';
import { withoutStale } from '../../core/call/stale.ts';
import type { AnyOperation } from '../../core/operation.ts';
import type { SchemaBook } from './json-schema.ts';
import type { RoutedCall } from './own-calls.ts';

const text = { type: 'string' };
const anId = { type: ['string', 'number', 'null'] };
const code = { enum: Object.keys(FAULTS) };

const rpcError = (data: object): object => ({
  type: 'object',
  required: ['code', 'message', 'data'],
  properties: { code: { type: 'integer' }, message: text, data },
});

const rpcData = {
  type: 'object',
  required: ['code', 'retryable', 'request_id'],
  properties: { code, retryable: { type: 'boolean' }, request_id: text, call_id: text },
};

/** Bodies of failures, by the name under which the document has them. */
export const FAILURE_SCHEMAS = {
  Failure: {
    type: 'object',
    required: ['detail', 'code', 'error', 'request_id'],
    properties: {
      detail: text,
      code: text,
      error: {
        type: 'object',
        required: ['code', 'message', 'retryable', 'data'],
        properties: { code, message: text, retryable: { type: 'boolean' }, data: { type: 'object' } },
      },
      request_id: text,
      retry_after: { type: 'integer', description: 'seconds; of 429' },
    },
  },
  RpcFailure: {
    description: 'A refusal inside of JSON-RPC, with status 200.',
    type: 'object',
    required: ['jsonrpc', 'id', 'result', 'error'],
    properties: { jsonrpc: { const: '2.0' }, id: anId, result: { type: 'null' }, error: rpcError(rpcData) },
  },
  RpcHttpFailure: {
    description: 'A failure of a JSON-RPC call that its status tells too; it reads both ways.',
    allOf: [{ $ref: '#/components/schemas/RpcFailure' }],
    type: 'object',
    required: ['detail', 'code', 'request_id'],
    properties: { detail: text, code: text, request_id: text, retry_after: { type: 'integer' } },
  },
  McpFailure: {
    type: 'object',
    required: ['jsonrpc', 'error'],
    properties: {
      jsonrpc: { const: '2.0' },
      id: anId,
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: { type: 'integer' }, message: text },
      },
    },
  },
};

type Words = keyof typeof FAILURE_SCHEMAS;

export const jsonBody = (schema: unknown): object => ({ content: { 'application/json': { schema } } });
const reference = (name: Words): object => ({ $ref: `#/components/schemas/${name}` });

/** What a request can meet before anything is known of it. */
const ANY: readonly FaultCode[] = ['INTERNAL', 'UNAVAILABLE'];
/** What one meets that is limited, and has parameters. */
const COUNTED: readonly FaultCode[] = [...ANY, 'INVALID_REQUEST', 'UNAUTHENTICATED', 'RATE_LIMITED'];
const ASKED: readonly FaultCode[] = ['INVALID_PARAMS', 'DEADLINE_EXCEEDED'];
/** Of whoever has to be somebody: his role, and the zone that is named. */
const KEYED: readonly FaultCode[] = ['ACCESS_DENIED', 'ZONE_NOT_FOUND'];
const BODIED: readonly FaultCode[] = ['INVALID_JSON', 'LIMIT_EXCEEDED', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
/** Of what changes something: the disk is full, the key of the request has been taken for another. */
const CHANGING: readonly FaultCode[] = ['QUOTA_EXCEEDED', 'CONFLICT'];

function faultsOf(operation: AnyOperation, method: string): readonly FaultCode[] {
  return [
    ...COUNTED,
    ...ASKED,
    ...(operation.who === 'public' ? [] : KEYED),
    ...(/^(get|head)$/i.test(method) ? [] : BODIED),
    ...(operation.effect === 'read' ? [] : CHANGING),
    ...operation.faults,
  ];
}

/** Those of a call of a door of its own. */
export function ownFailures(call: RoutedCall): Record<string, unknown> {
  const { operation, keyed, takes, faults = [], method } = call;
  const bodied = takes ? BODIED : [];
  const codes = operation ? faultsOf(operation, method) : keyed ? [...COUNTED, ...bodied] : ANY;
  const words = call.mcp ? 'McpFailure' : call.rpc ? 'RpcHttpFailure' : 'Failure';
  return failures([...codes, ...faults], { words, hasBody: method !== 'HEAD' });
}

interface Told {
  readonly words: Words;
  readonly hasBody: boolean;
}

function failures(codes: readonly FaultCode[], { words, hasBody }: Told): Record<string, unknown> {
  const told = [...new Set(codes)].filter((one) => words !== 'RpcHttpFailure' || FAULTS[one].rpc === 'http');
  const byStatus = Map.groupBy(told, (one) => FAULTS[one].http);
  return Object.fromEntries(
    [...byStatus].map(([status, own]) => [
      status,
      { description: own.join(', '), ...(hasBody ? jsonBody(reference(words)) : {}) },
    ]),
  );
}

/** What an answer that decides on its status by itself says: made, beside what was there. */
const MADE = 201;

export function restAnswers(operation: AnyOperation, book: SchemaBook): Record<string, unknown> {
  const { http, stream } = operation;
  if (!http) return {};
  const shown = http.present && !http.body ? {} : book.schemaOf(http.body ?? withoutStale(operation.output), 'output');
  const items = stream && { [stream.media]: { schema: book.schemaOf(stream.item, 'output') } };
  const single = !stream || stream.whenAccepted ? { 'application/json': { schema: shown } } : {};
  const status = http.status ?? 200;
  const good = { description: 'Success', ...(status === 204 ? {} : { content: { ...single, ...items } }) };
  return {
    ...failures(faultsOf(operation, http.method), { words: 'Failure', hasBody: true }),
    [status]: good,
    ...(http.statusOf ? { 200: good, [MADE]: { ...good, description: 'It is new' } } : {}),
  };
}

export function rpcAnswers(operation: AnyOperation, book: SchemaBook): Record<string, unknown> {
  const result = operation.rpc?.present ? {} : book.schemaOf(withoutStale(operation.output), 'output');
  const good = {
    type: 'object',
    required: ['jsonrpc', 'id', 'result', 'error'],
    properties: { jsonrpc: { const: '2.0' }, id: anId, result, error: { type: 'null' } },
  };
  return {
    ...failures(faultsOf(operation, 'POST'), { words: 'RpcHttpFailure', hasBody: true }),
    200: { description: 'The result, or a refusal', ...jsonBody({ oneOf: [good, reference('RpcFailure')] }) },
  };
}
