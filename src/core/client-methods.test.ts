/** The methods that the client knows are those that the server has. */
import { expect, test } from 'vitest';
import { clientMethods } from './client-methods.ts';
import { publicOperations } from './operations.ts';
import { shapeOf } from './shape-of.ts';

const called = publicOperations.filter((operation) => operation.rpc);

test('each operation with a method is there under its name, and nothing else', () => {
  const has = new Map<string | undefined, { readonly input: unknown; readonly output: unknown }>();
  for (const [name, { operation }] of Object.entries(clientMethods)) has.set(name, operation);
  const wanted = new Map(called.map((operation) => [operation.rpc?.name, operation]));
  expect([...has.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, { input, output }] of wanted) {
    const own = has.get(name);
    expect(own?.input === input && own.output === output, `method ${name}`).toBe(true);
  }
});

test('the parameters that may be left out are those with a default', () => {
  const wanted = called.map((operation) => [operation.rpc?.name, defaultedOf(shapeOf(operation))]);
  const has = Object.entries(clientMethods).map(([name, { defaulted }]) => [name, [...defaulted].sort()]);
  expect(Object.fromEntries(has)).toEqual(Object.fromEntries(wanted));
});

function defaultedOf(shape: ReturnType<typeof shapeOf>): string[] {
  const isDefaulted = (schema: (typeof shape)[string]): boolean => {
    const parsed = schema.safeParse(undefined);
    return parsed.success && parsed.data !== undefined;
  };
  const names = Object.keys(shape).filter((name) => isDefaulted(shape[name]!));
  return names.sort();
}
