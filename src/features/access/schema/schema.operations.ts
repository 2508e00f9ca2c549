/** The schema of a zone (access.md §7): what relations there are, and adding to them. */
import { z } from 'zod';
import { invalidParams } from '../../../base/faults.ts';
import { limitExceeded } from '../../../base/limits.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { schemaOf } from '../check.ts';
import { changedRevision } from '../granting.ts';
import { zoneOfTuples } from '../params.ts';
import { admits } from '../relations.ts';
import { EVERY, typesSchema } from './rules.ts';
import { listUsedKinds, saveSchema } from './schema.sql.ts';
import { additionsOf, checkSchema, type Schema, schemaWith, typesOf } from './schema.ts';

const output = z.object({ version: z.number(), types: typesSchema });
type Output = z.infer<typeof output>;

const shown = (schema: Schema): Output => ({ version: schema.version, types: typesOf(schema) });

const getInput = z.object({ zone_id: zoneOfTuples });

export const schemaGet: Operation<z.infer<typeof getInput>, Output> = {
  name: 'tuple.schema',
  tool: 'get_schema',
  summary: 'Show the types of the zone, their relations, and what gives each.',
  effect: 'read',
  who: { role: 'viewer' },
  zone: 'parameter',
  input: getInput,
  output,
  faults: ['ZONE_NOT_FOUND'],
  rpc: { name: 'rebac_get_schema' },
  cli: { words: 'schema get' },
  examples: [{ title: 'of the own zone', input: {} }],
  run: async (call) => shown(await schemaOf(call)),
};

const setInput = z.object({
  types: typesSchema.describe('all that the zone adds: types, of each its relations, of each its rule'),
  dry_run: z.boolean().optional().describe('only tell what would be, or what is wrong'),
  zone_id: zoneOfTuples,
});
type SetInput = z.infer<typeof setInput>;

export const schemaSet: Operation<SetInput, Output> = {
  name: 'tuple.set-schema',
  tool: 'set_schema',
  summary: 'Set the types and relations that the zone adds to those built in.',
  effect: 'write',
  who: { role: 'admin' },
  zone: 'parameter',
  input: setInput,
  output,
  faults: ['ZONE_NOT_FOUND', 'LIMIT_EXCEEDED', 'INVALID_PARAMS'],
  rpc: { name: 'rebac_set_schema' },
  cli: { words: 'schema set', args: ['types'] },
  examples: [{ title: 'what would be', input: { types: { report: { auditor: { this: ['user'] } } }, dry_run: true } }],
  prepare: async (input, { limits }) => {
    const actual = Buffer.byteLength(JSON.stringify(input.types));
    const maximum = limits.SCHEMA_BYTES;
    if (actual > maximum) throw limitExceeded('SCHEMA_BYTES', maximum, { actual, what: 'bytes of the types' });
    return input;
  },
  object: () => 'schema:types',
  run: async (call, input) => {
    const before = await schemaOf(call);
    const schema = schemaWith(before.version + 1, additionsOf(input.types));
    checkSchema(schema);
    await checkUse(call, schema);
    if (input.dry_run) return shown(schema);
    await saveSchema(call.tx, call.zone.zone_id, { version: schema.version, types: schema.added });
    call.event({ type: 'access.schema', data: { version: schema.version, revision: changedRevision(call) } });
    call.accessChanged();
    return shown(schema);
  },
};

/** No tuple is left that nothing would evaluate, or that could not be stored again. */
async function checkUse(call: Call, schema: Schema): Promise<void> {
  for (const kind of await listUsedKinds(call.tx, call.zone.zone_id)) {
    const rule = schema.types.get(kind.object_type)?.get(kind.relation);
    const named = kind.subject_type === EVERY || schema.types.has(kind.subject_type);
    if (rule && named && admits(rule, { type: kind.subject_type, relation: kind.subject_relation })) continue;
    const path = `types.${kind.object_type}.${kind.relation}`;
    const subject = `${kind.subject_type}${kind.subject_relation && `#${kind.subject_relation}`}`;
    throw invalidParams({ path, message: `is used by tuples of ${subject}; remove these first` });
  }
}
