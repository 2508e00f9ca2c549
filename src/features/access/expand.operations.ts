/** Who holds a name on an object (access.md §10). */
import { z } from 'zod';
import { invalidParams } from '../../base/faults.ts';
import type { Operation } from '../../core/operation.ts';
import { requireShare, schemaOf } from './check.ts';
import { placeOf } from './evaluate/evaluator.ts';
import { expand } from './evaluate/subjects.ts';
import { askAbout, askingOf } from './grants.ts';
import { objectParam, THINGS, zoneOfTuples } from './params.ts';
import { askedRelation, knownType, type ObjectId, objectOf } from './relations.ts';

const DEFAULT = 1_000;
const MAX = 10_000;

const input = z.object({
  permission: z.string().optional().describe('read, write, execute, share'),
  relation: z.string().optional().describe('a relation, instead of a permission'),
  object: objectParam,
  zone_id: zoneOfTuples,
  limit: z.int().min(1).default(DEFAULT).describe(`subjects and groups, at most ${MAX}`),
});

const pair = z.tuple([z.string(), z.string()]);
const pairs = z.array(pair);
const output = z.object({
  permission: z.string(),
  object: z.tuple([z.string(), z.string()]),
  subjects: pairs,
  groups: pairs,
  everyone: z.boolean(),
  conditional: pairs,
  foreign: z.array(z.object({ subject: pair, zone_id: z.string(), conditional: z.boolean() })),
  has_more: z.boolean(),
});

interface Ready {
  readonly name: string;
  readonly object: ObjectId;
  readonly limit: number;
}

export const tupleExpand: Operation<z.infer<typeof input>, z.infer<typeof output>, Ready> = {
  name: 'tuple.expand',
  summary: 'List who holds a permission or relation on an object, nested groups resolved.',
  effect: 'read',
  who: { role: 'viewer' },
  zone: 'parameter',
  input,
  output,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'LIMIT_EXCEEDED', 'INVALID_PARAMS', 'INVALID_PATH'],
  rpc: { name: 'rebac_expand' },
  cli: { words: 'tuple expand', args: ['permission', 'object'], things: THINGS },
  examples: [{ title: 'readers of a file', input: { permission: 'read', object: ['file', '/docs/a.md'] } }],
  prepare: async ({ permission, relation, object, limit }, { context, limits }) => {
    const name = permission ?? relation;
    if (name === undefined || (permission !== undefined && relation !== undefined)) {
      throw invalidParams({ path: 'permission', message: 'give either a permission or a relation' });
    }
    const place = { zone_id: context.zone_id, limits };
    return { name, object: objectOf(object, place, 'object'), limit: Math.min(limit, MAX) };
  },
  run: async (call, { name, object, limit }) => {
    const schema = await schemaOf(call);
    askedRelation(schema, [knownType(schema, object.type, 'object.0'), name], 'permission');
    await requireShare(call, object);
    const asked = await askAbout(askingOf(call.access), {
      zone: call.zone,
      home: call.zone,
      subjects: [],
      context: () => ({}),
    });
    const found = expand(asked, { name, place: placeOf(asked.graph, object.type, object.id), limit });
    return { permission: name, object: [object.type, object.id], ...found };
  },
};
