/**
 * Calls of doors that are not derived from an operation's bindings: a protocol with headers and bodies of its own. Their
 * routes say of themselves what the API document tells (`calls` in the route's config), so that no route is without it.
 */
import type { FastifyInstance } from 'fastify';
import type { FaultCode } from '../../base/faults.ts';
import type { HttpMethod } from '../../core/call/bindings.ts';
import type { AnyOperation } from '../../core/operation.ts';

export interface OwnCall {
  /** The same for no other call. */
  readonly id: string;
  readonly method: HttpMethod | 'HEAD' | 'OPTIONS';
  readonly summary: string;
  /** undefined: nobody is asked who he is. */
  readonly operation?: AnyOperation;
  readonly status: number;
  /** What headers of the request mean; a name that ends in `!` has to be there. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Media type of the request's body. */
  readonly takes?: string;
  /** Media type of the answer's body. */
  readonly gives?: string;
  /** What headers of the answer mean. */
  readonly answers?: Readonly<Record<string, string>>;
  /** Faults of the door, beside those of the operation. */
  readonly faults?: readonly FaultCode[];
  /** Parameters in the query. */
  readonly query?: readonly string[];
}

export interface RoutedCall extends OwnCall {
  /** `{name}` is a part. */
  readonly path: string;
}

/** Watches the routes that are added from here on. */
export function watchOwnCalls(app: FastifyInstance): readonly RoutedCall[] {
  const routed: RoutedCall[] = [];
  app.addHook('onRoute', ({ url, config }) => {
    const path = url.replace(/:(\w+)/g, '{$1}');
    for (const call of config?.calls ?? []) routed.push({ ...call, path });
  });
  return routed;
}

const TEXT = { type: 'string' };
const BYTES = { type: 'string', format: 'binary' };

/** The call as the document has it; `failures` are the answers of faults. */
export function ownCallObject(
  call: RoutedCall,
  failures: (operation: AnyOperation | undefined, more: readonly FaultCode[]) => Record<string, unknown>,
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
  const good = {
    description: 'Success',
    ...(call.answers ? { headers: mapped(call.answers) } : {}),
    ...(call.gives ? { content: { [call.gives]: { schema: BYTES } } } : {}),
  };
  return {
    operationId: call.id,
    summary: call.summary,
    tags: [call.id.split('.')[0]],
    ...(operation ? {} : { security: [] }),
    parameters: [
      ...inPath.map((name) => ({ name, in: 'path', required: true, schema: TEXT })),
      ...(call.query ?? []).map((name) => ({ name, in: 'query', schema: TEXT })),
      ...headers,
    ],
    ...(call.takes ? { requestBody: { content: { [call.takes]: { schema: BYTES } } } } : {}),
    responses: { [call.status]: good, ...failures(operation, call.faults ?? []) },
  };
}

const mapped = (headers: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { description, schema: TEXT }]));
