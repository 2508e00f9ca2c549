/** Operations that change tuples (access.md §10): rebac_create, rebac_delete, rebac_write. */

import { z } from 'zod';
import { atIndex } from '../../base/at-index.ts';
import { Fault } from '../../base/faults.ts';
import { newId } from '../../base/ids.ts';
import { withoutNulls } from '../../base/json-object.ts';
import { limitExceeded } from '../../base/limits.ts';
import { plainText } from '../../base/texts.ts';
import type { Call, Operation, Preparation } from '../../core/operation.ts';
import { mayShare, requireShare, schemaOf } from './check.ts';
import {
  auditFacts,
  changedRevision,
  consistencyToken,
  type Grant,
  type Granted,
  grant,
  revoke,
  subjectZone,
} from './granting.ts';
import { conditionsParam, expiryParam, objectParam, subjectParam, THINGS, zoneOfTuples } from './params.ts';
import { checkStorable, objectOf, subjectOf } from './relations.ts';
import { PARENT } from './schema/rules.ts';
import { findTuple, findTupleZone, type TupleRow } from './tuple-rows.sql.ts';

const OPERATOR = { role: 'operator' } as const;

const tupleInput = z.object({
  subject: subjectParam,
  relation: z.string().describe('a stored relation, e.g. direct_viewer'),
  object: objectParam,
  expires_at: expiryParam.optional(),
  conditions: conditionsParam,
  subject_zone_id: z.string().optional().describe('zone of the subject, for a share with another zone'),
});
type TupleInput = z.infer<typeof tupleInput>;

const createInput = tupleInput.extend({ zone_id: zoneOfTuples });
type CreateInput = z.infer<typeof createInput>;

const createOutput = z.object({
  tuple_id: z.string(),
  revision: z.number(),
  consistency_token: z.string(),
  created: z.boolean(),
});

/** The tuple that is asked for. `at` is the dotted path of its parameters. */
function grantOf(input: TupleInput, { context, limits }: Preparation, at: string): Grant {
  const place = { zone_id: context.zone_id, limits };
  const { relation, conditions } = input;
  const where = { relation, at: `${at}subject_zone_id` };
  return {
    tuple_id: newId('tuple'),
    subject: subjectOf(input.subject, place, `${at}subject`),
    subject_zone_id: subjectZone(input.subject_zone_id, context.zone_id, where),
    relation,
    object: objectOf(input.object, place, `${at}object`),
    expires_at: input.expires_at,
    conditions,
  };
}

/** May the caller grant this? Rights of the parent reach the child, so a parent is given by who owns both. */
async function requireGranting(call: Call, { object, relation, subject }: Grant, index?: number): Promise<void> {
  await requireShare(call, object, index);
  if (relation === PARENT) await requireShare(call, subject, index);
}

export const tupleCreate: Operation<CreateInput, z.infer<typeof createOutput>, Grant> = {
  name: 'tuple.create',
  summary: 'Grant: store that a subject has a relation to an object.',
  effect: 'write',
  who: OPERATOR,
  zone: 'parameter',
  input: createInput,
  output: createOutput,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'QUOTA_EXCEEDED', 'INVALID_PARAMS', 'INVALID_PATH'],
  rpc: { name: 'rebac_create' },
  cli: { words: 'tuple create', args: ['subject', 'relation', 'object'], things: THINGS },
  examples: [
    {
      title: 'a viewer of a folder',
      input: { subject: ['user', 'ada'], relation: 'direct_viewer', object: ['file', '/docs'] },
    },
  ],
  prepare: async (input, preparation) => grantOf(input, preparation, ''),
  object: (ready) => `${ready.object.type}:${ready.object.id}`,
  run: async (call, ready) => {
    checkStorable(await schemaOf(call), ready, '');
    await requireGranting(call, ready);
    const { tuple_id, revision, created, changed } = await grant(call, ready);
    auditFacts(call, { granted: [changed] });
    return { tuple_id, revision, consistency_token: consistencyToken(call, revision), created };
  },
};

const deleteInput = z.object({ tuple_id: plainText.describe('id of the tuple'), zone_id: zoneOfTuples });
type DeleteInput = z.infer<typeof deleteInput>;

export const tupleDelete: Operation<DeleteInput, true> = {
  name: 'tuple.delete',
  summary: 'Revoke: remove a tuple.',
  effect: 'destroy',
  who: OPERATOR,
  zone: 'parameter',
  input: deleteInput,
  output: z.literal(true),
  faults: ['TUPLE_NOT_FOUND'],
  rpc: { name: 'rebac_delete' },
  cli: { words: 'tuple delete', args: ['tuple_id'] },
  locate: (tx, input) => findTupleZone(tx, input.tuple_id),
  object: (input) => `tuple:${input.tuple_id}`,
  run: async (call, input) => {
    const row = await getOwnBusiness(call, input.tuple_id);
    await revoke(call, row);
    auditFacts(call, { revoked: [row] });
    return true;
  },
};

interface Sought {
  /** Of the item that names it. */
  readonly index?: number;
  /** Only tuples with such a relation are sought. */
  readonly among?: (relation: string) => boolean;
}

/** A tuple that the caller may remove; to anybody else it is not there. */
export async function getOwnBusiness(
  call: Call,
  tuple_id: string,
  { index, among = () => true }: Sought = {},
): Promise<TupleRow> {
  const row = await findTuple(call.tx, call.zone.zone_id, tuple_id);
  // Asked of one that is not there too, so that the time does not tell it from one of others.
  const allowed = await mayShare(call, { type: row?.object_type ?? 'file', id: row?.object_id ?? '/' });
  if (row && allowed && among(row.relation)) return row;
  const shown = tuple_id.slice(0, 64).toWellFormed();
  throw new Fault('TUPLE_NOT_FOUND', `Tuple not found: ${shown}`, {
    tuple_id: shown,
    ...(index === undefined ? {} : { index }),
  });
}

const writeInput = z.object({
  creates: z.array(z.preprocess(withoutNulls, tupleInput)).default([]).describe('tuples to store'),
  deletes: z
    .array(plainText)
    .transform((ids) => [...new Set(ids)])
    .default([])
    .describe('ids of tuples to remove'),
  zone_id: zoneOfTuples,
});
type WriteInput = z.infer<typeof writeInput>;

interface ReadyWrite {
  readonly grants: readonly Grant[];
  readonly deletes: readonly string[];
}

const writeOutput = z.object({
  tuple_ids: z.array(z.string()),
  deleted: z.number(),
  revision: z.number(),
  consistency_token: z.string(),
});

export const tupleWrite: Operation<WriteInput, z.infer<typeof writeOutput>, ReadyWrite> = {
  name: 'tuple.write',
  tool: 'write_tuples',
  summary: 'Grant and revoke many tuples in one step: all of it or nothing.',
  effect: 'write',
  who: OPERATOR,
  zone: 'parameter',
  input: writeInput,
  output: writeOutput,
  faults: ['ACCESS_DENIED', 'TUPLE_NOT_FOUND', 'QUOTA_EXCEEDED', 'LIMIT_EXCEEDED', 'INVALID_PARAMS'],
  rpc: { name: 'rebac_write' },
  cli: { words: 'tuple write' },
  prepare: async (input, preparation) => {
    const actual = input.creates.length + input.deletes.length;
    const maximum = preparation.limits.TUPLES_WRITE;
    if (actual > maximum) throw limitExceeded('TUPLES_WRITE', maximum, { actual, what: 'tuples of one write' });
    const grants = input.creates.map((one, i) => atIndex(i, () => grantOf(one, preparation, `creates.${i}.`)));
    return { grants, deletes: input.deletes };
  },
  run: async (call, ready) => {
    let revision = call.zone.access_revision;
    const schema = await schemaOf(call);
    for (const [i, one] of ready.grants.entries()) atIndex(i, () => checkStorable(schema, one, `creates.${i}.`));
    // Rights are those before the call, for every item.
    const leaving: TupleRow[] = [];
    for (const [i, one] of ready.grants.entries()) await requireGranting(call, one, i);
    for (const [i, id] of ready.deletes.entries()) leaving.push(await getOwnBusiness(call, id, { index: i }));
    await revoke(call, ...leaving);
    if (leaving.length > 0) revision = changedRevision(call);
    const granted: Granted[] = [];
    for (const one of ready.grants) granted.push(await grant(call, one));
    revision = granted.reduce((newest, one) => Math.max(newest, one.revision), revision);
    auditFacts(call, { revoked: leaving, granted: granted.map(({ changed }) => changed) });
    return {
      tuple_ids: granted.map(({ tuple_id }) => tuple_id),
      deleted: leaving.length,
      revision,
      consistency_token: consistencyToken(call, revision),
    };
  },
};
