/**
 * Commands derived from the operations: one for each `cli` binding, with the options its input schema has. A command is
 * a call over HTTP; what the server checks is checked there.
 */
import { z } from 'zod';
import type { Transport } from '../../../client/transport.ts';
import { shapeOf } from '../../core/invoke.ts';
import type { AnyOperation } from '../../core/operation.ts';
import { publicOperations } from '../../core/operations.ts';
import type { Command, Option, Typed } from './command.ts';
import { typedValue } from './parse-line.ts';
import { show } from './show.ts';

function commandOf(operation: AnyOperation): Command {
  const { words, args = [] } = operation.cli ?? { words: operation.name };
  const shape = shapeOf(operation);
  return {
    words,
    summary: operation.summary,
    args: args.map((name) => (shape[name]?.safeParse(undefined).success ? `${name}?` : name)),
    // Made for the one command that runs: all of them together cost more than the rest of a call.
    get options() {
      return Object.entries(shape).map(([name, schema]) => optionOf(name, schema));
    },
    run: async (scene, typed) => {
      show(scene.terminal, await send(scene.transport(), operation, paramsOf(operation, typed)));
      return undefined;
    },
  };
}

interface JsonType {
  readonly type?: string;
  readonly description?: string;
}

/** The JSON type of a parameter; one that JSON Schema has no word for is taken as text. */
function typeOf(schema: z.ZodType): JsonType {
  return z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }) as JsonType;
}

const optionName = (parameter: string): string => parameter.replaceAll('_', '-');

function optionOf(name: string, schema: z.ZodType): Option {
  const { type, description } = typeOf(schema);
  const takes =
    type === 'boolean' ? 'flag' : type === 'integer' || type === 'number' ? 'number' : isJson(type) ? 'json' : 'text';
  return { name: optionName(name), about: description ?? '', takes };
}

const isJson = (type: string | undefined): boolean => type === 'object' || type === 'array';

function paramsOf(operation: AnyOperation, typed: Typed): Record<string, unknown> {
  const shape = shapeOf(operation);
  const params: Record<string, unknown> = {};
  for (const [i, name] of (operation.cli?.args ?? []).entries()) {
    const text = typed.args[i];
    const schema = shape[name];
    if (text !== undefined && schema) params[name] = typedValue(optionOf(name, schema).takes, text, name.toUpperCase());
  }
  for (const name of Object.keys(shape)) {
    const value = typed.options[optionName(name)];
    if (value !== undefined) params[name] = value;
  }
  return params;
}

/** Calls by JSON-RPC where the operation has a method, else by its REST route. */
export async function send(
  transport: Transport,
  operation: AnyOperation,
  params: Record<string, unknown>,
): Promise<unknown> {
  if (operation.rpc) return transport.rpc(operation.rpc.name, params);
  const { method, path } = operation.http ?? { method: 'POST' as const, path: '' };
  const rest = { ...params };
  const filled = path.replace(/:(\w+)/g, (_all, name: string) => {
    const value = rest[name];
    delete rest[name];
    return encodeURIComponent(String(value));
  });
  if (method !== 'GET' && method !== 'DELETE') return transport.rest({ method, path: filled, body: rest });
  const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)]));
  return transport.rest({ method, path: query.size > 0 ? `${filled}?${query}` : filled });
}

export const derivedCommands: readonly Command[] = publicOperations
  .filter((operation) => operation.cli && (operation.rpc || operation.http))
  .map(commandOf);
