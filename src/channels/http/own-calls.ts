/**
 * Calls of doors that are not derived from an operation's bindings: a protocol with headers and bodies of its own. Their
 * routes say of themselves what the API document tells (`calls` in the route's config), so that no route is without it.
 */
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { FaultCode } from '../../base/faults.ts';
import type { HttpMethod } from '../../core/call/bindings.ts';
import { withoutStale } from '../../core/call/stale.ts';
import type { AnyOperation } from '../../core/operation.ts';
import type { SchemaBook } from './json-schema.ts';

/** Bodies by their media type: a schema, or undefined for bytes as they are. */
type Bodies = Readonly<Record<string, z.ZodType | undefined>>;

/** An answer that is no failure. */
interface Answer {
  readonly about: string;
  readonly gives?: Bodies;
  /** What headers of it mean. */
  readonly answers?: Readonly<Record<string, string>>;
}

export interface OwnCall {
  /** The same for no other call. */
  readonly id: string;
  readonly method: HttpMethod | 'HEAD' | 'OPTIONS';
  readonly summary: string;
  /** undefined: no single one. */
  readonly operation?: AnyOperation;
  /** It asks who calls, though no single operation stands behind it. */
  readonly keyed?: boolean;
  /** What fails is told as JSON-RPC: in the way of `/api/nfs`, or of `/mcp`. */
  readonly rpc?: boolean;
  readonly mcp?: boolean;
  readonly status: number;
  /** What headers of the request mean; a name that ends in `!` has to be there. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly takes?: Bodies;
  readonly gives?: Bodies;
  /** Other answers that are no failures, by their status. */
  readonly others?: Readonly<Record<number, Answer>>;
  /** What headers of the answer mean. */
  readonly answers?: Readonly<Record<string, string>>;
  /** Faults of the door, beside those of the operation. */
  readonly faults?: readonly FaultCode[];
  /** Parameters in the query, and what they mean. */
  readonly query?: Readonly<Record<string, string>>;
}

export interface RoutedCall extends OwnCall {
  /** `{name}` is a part; `{path}` at the end takes slashes too. */
  readonly path: string;
}

/** Watches the routes that are added from here on. */
export function watchOwnCalls(app: FastifyInstance): readonly RoutedCall[] {
  const routed: RoutedCall[] = [];
  app.addHook('onRoute', ({ url, config }) => {
    const path = documentPath(url);
    for (const call of config?.calls ?? []) routed.push({ ...call, path });
  });
  return routed;
}

/** A route's URL as the API document writes it. */
export const documentPath = (url: string): string => url.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}');

const TEXT = { type: 'string' };
const BYTES = { type: 'string', format: 'binary' };

/** The call as the document has it; `failures` are the answers of faults. */
export function ownCallObject(
  call: RoutedCall,
  book: SchemaBook,
  failures: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { operation } = call;
  const inPath = [...call.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '');
  const headers = Object.entries(call.headers ?? {}).map(([name, description]) => ({
    name: name.replace(/!$/, ''),
    in: 'header',
    required: name.endsWith('!'),
    description,
    schema: TEXT,
  }));
  const answers = { [call.status]: { ...call, about: 'Success' }, ...call.others };
  return {
    operationId: call.id,
    summary: call.summary,
    tags: [call.id.split('.')[0]],
    ...(operation || call.keyed ? {} : { security: [] }),
    parameters: [
      ...inPath.map((name) => ({ name, in: 'path', required: true, schema: TEXT })),
      ...Object.entries(call.query ?? {}).map(([name, description]) => ({
        name,
        in: 'query',
        description,
        schema: TEXT,
      })),
      ...headers,
    ],
    ...(call.takes ? { requestBody: { content: contentOf(call.takes, 'input', book) } } : {}),
    responses: {
      ...failures,
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerObject(answer, book)])),
    },
  };
}

const answerObject = ({ about, answers, gives }: Answer, book: SchemaBook): object => ({
  description: about,
  ...(answers ? { headers: mapped(answers) } : {}),
  ...(gives ? { content: contentOf(gives, 'output', book) } : {}),
});

const contentOf = (bodies: Bodies, io: 'input' | 'output', book: SchemaBook): object =>
  Object.fromEntries(
    Object.entries(bodies).map(([media, schema]) => [
      media,
      { schema: schema ? book.schemaOf(withoutStale(schema), io) : BYTES },
    ]),
  );

const mapped = (headers: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { description, schema: TEXT }]));
