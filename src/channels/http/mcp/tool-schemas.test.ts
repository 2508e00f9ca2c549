/** What a tool says of its parameters is what the operation checks, as far as JSON Schema has words for it (workflows.md §8). */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { tools } from '../../../core/tools.ts';
import { schemaOf } from '../json-schema.ts';

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);

const VALUES: readonly unknown[] = [
  ...[true, -1, 0, 1, 1.5, 11, 70_000, 1e12, '', 'x', '1', '-', 'a b', '*', '/a', '\u0001', 'ü', 'x'.repeat(5_000)],
  ...[
    [],
    ['x'],
    [1],
    [['x', 'y']],
    [[1, 2]],
    [['x']],
    [{}],
    ['a', 'b', 'c', 'd'],
    ['user', 'ada'],
    {},
    { a: 1 },
    { a: 'x' },
  ],
  ...[
    '2026-01-01T00:00:00Z',
    '2026-01-01',
    'admin',
    [{ path: '/a', content: 1 }],
    [{ path: 1, content: 'x' }],
    [-1],
    [0],
  ],
];
/** What only the operation can tell. */
const TYPES = 'words of a table that grows, and what applications publish';
const BEYOND: Readonly<Record<string, string>> = {
  'create_tree_snapshot.name': 'may not read as a time',
  'list_events.operation_type': TYPES,
  'list_operations.operation_type': TYPES,
  'replay_events.event_types': TYPES,
};

const shown = (value: unknown): string => JSON.stringify(value).slice(0, 60);

test('what a parameter refuses, the schema of its tool refuses', () => {
  const looser: string[] = [];
  for (const { name, operation } of tools.values()) {
    const whole = schemaOf(operation.input, 'input');
    const { shape } = operation.input as unknown as { shape: Record<string, z.ZodType> };
    for (const [parameter, schema] of Object.entries(shape)) {
      const validate = ajv.compile({ ...whole, required: [] });
      const taken = VALUES.filter((value) => !schema.safeParse(value).success && validate({ [parameter]: value }));
      const beyond = `${name}.${parameter}` in BEYOND;
      if (taken.length > 0 !== beyond) looser.push(`${name}.${parameter}: ${taken.map(shown).join(' ')}`);
    }
  }
  expect(looser).toEqual([]);
});
