/** rpc_list (files.md §1): the methods that the caller's role may call, with their parameters as JSON Schema. */
import { z } from 'zod';
import { hasRole, isRootAdmin } from '../features/access/credentials.ts';
import type { AnyOperation, Caller, Operation } from './operation.ts';

const method = z.object({
  name: z.string(),
  summary: z.string(),
  effect: z.string(),
  params: z.record(z.string(), z.unknown()),
  aliases: z.array(z.string()),
});
type Method = z.infer<typeof method>;

const nothing = z.object({});

function mayCall(operation: AnyOperation, caller: Caller): boolean {
  if (operation.who === 'public') return true;
  return operation.who === 'root admin' ? isRootAdmin(caller) : hasRole(caller, operation.who.role);
}

function describe(operation: AnyOperation): Method[] {
  if (!operation.rpc) return [];
  const { name, aliases = [] } = operation.rpc;
  const params = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' });
  return [{ name, summary: operation.summary, effect: operation.effect, params, aliases: [...aliases] }];
}

/** `operations` is asked at the first call, since the list holds this operation too. */
export function rpcList(operations: () => readonly AnyOperation[]): Operation<z.infer<typeof nothing>, Method[]> {
  const described = new Map<AnyOperation, Method[]>();
  const methodsOf = (operation: AnyOperation): Method[] => {
    const known = described.get(operation) ?? describe(operation);
    described.set(operation, known);
    return known;
  };
  return {
    name: 'method.list',
    tool: 'list_methods',
    summary: 'List the methods that the caller may call, with their parameters.',
    effect: 'read',
    who: { role: 'viewer' },
    zone: 'caller',
    input: nothing,
    output: z.array(method),
    faults: [],
    rpc: { name: 'rpc_list' },
    examples: [{ title: 'all', input: {} }],
    run: async (call) =>
      operations()
        .filter((operation) => mayCall(operation, call.caller))
        .flatMap(methodsOf),
  };
}
