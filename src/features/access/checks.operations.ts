/** Operations that ask about tuples (access.md §10): checks, lists of tuples, lists of objects, who holds what. */

import { z } from 'zod';
import { atIndex, awaitAtIndex } from '../../base/at-index.ts';
import { isoTime } from '../../base/clock.ts';
import { jsonObject, withoutNulls } from '../../base/json-object.ts';
import { limitExceeded } from '../../base/limits.ts';
import { comparePaths } from '../../base/paths.ts';
import { plainText } from '../../base/texts.ts';
import type { Call, Operation, Preparation, ZoneRow } from '../../core/operation.ts';
import { findZone } from '../zones/zones.sql.ts';
import { askAboutSubject, holds, requireAsking, requireContext, schemaOf } from './check.ts';
import type { Context } from './conditions/conditions.ts';
import { foreignZone, isRootAdmin, isZoneAdmin, zoneNotFound } from './credentials.ts';
import { objectsNamed, objectsWith } from './evaluate/objects.ts';
import { readConditions } from './graph/changes.sql.ts';
import { contextParam, objectParam, subjectParam, THINGS, zoneOfTuples } from './params.ts';
import {
  askedRelation,
  knownSubject,
  knownType,
  type ObjectId,
  objectOf,
  type Subject,
  subjectOf,
  subjectText,
} from './relations.ts';
import { isStoredName, type Schema } from './schema/schema.ts';
import { listTuples, type TupleFilter, type TupleRow } from './tuple-rows.sql.ts';

const VIEWER = { role: 'viewer' } as const;

const questionParams = {
  subject: subjectParam,
  permission: z.string().describe('read, write, execute, share, or a relation'),
  object: objectParam,
  context: contextParam,
};
/** Every check answers at the newest committed revision, so these are all the same (access.md §11). */
const consistencyParams = {
  consistency_mode: z
    .enum(['minimize_latency', 'at_least_as_fresh', 'fully_consistent'])
    .optional()
    .describe('all the same: each answers at the newest committed revision'),
  min_revision: z.int().optional().describe('every answer is at least as fresh'),
  consistency_token: plainText.optional().describe('every answer is at least as fresh'),
};

const checkInput = z.object({ ...questionParams, ...consistencyParams, zone_id: zoneOfTuples });
type CheckInput = z.infer<typeof checkInput>;

export interface ReadyCheck {
  readonly subject: Subject;
  readonly name: string;
  readonly object: ObjectId;
  readonly context: Context | undefined;
  /** Dotted path of its parameters. */
  readonly at: string;
}

type AskedCheck = Pick<CheckInput, 'subject' | 'permission' | 'object' | 'context'>;

export function readyCheck(
  input: AskedCheck,
  zone_id: string,
  { limits, at }: Pick<Preparation, 'limits'> & { at: string },
): ReadyCheck {
  const place = { zone_id, limits };
  const object = objectOf(input.object, place, `${at}object`);
  const subject = subjectOf(input.subject, place, `${at}subject`);
  return { object, name: input.permission, subject, context: input.context, at };
}

/** INVALID_PARAMS for words that the schema does not know. */
export function checkWords(schema: Schema, { subject, name, object, at }: ReadyCheck): void {
  knownType(schema, object.type, `${at}object.0`);
  askedRelation(schema, [object.type, name], `${at}permission`);
  knownSubject(schema, subject, `${at}subject`);
}

export const tupleCheck: Operation<CheckInput, boolean, ReadyCheck> = {
  name: 'tuple.check',
  summary: 'Does a subject hold a permission or relation on an object, by tuples alone?',
  effect: 'read',
  who: VIEWER,
  zone: 'parameter',
  input: checkInput,
  output: z.boolean(),
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'LIMIT_EXCEEDED', 'INVALID_PARAMS', 'INVALID_PATH'],
  rpc: { name: 'rebac_check' },
  cli: { words: 'tuple check', args: ['subject', 'permission', 'object'], things: THINGS },
  examples: [
    { title: 'a file', input: { subject: ['user', 'ada'], permission: 'read', object: ['file', '/docs/a.md'] } },
  ],
  prepare: (input, { context, limits }) => readyCheck(input, context.zone_id, { limits, at: '' }),
  run: (call, ready) => answerIn(call, call.zone, ready),
};

const batchInput = z.object({
  checks: z
    .array(z.preprocess(withoutNulls, z.object({ ...questionParams, zone_id: zoneOfTuples })))
    .describe('questions, each as tuple check has it'),
  ...consistencyParams,
  zone_id: zoneOfTuples,
});
type BatchInput = z.infer<typeof batchInput>;

interface ReadyBatch {
  readonly checks: readonly (ReadyCheck & { readonly zone_id: string })[];
}

export const tupleCheckBatch: Operation<BatchInput, boolean[], ReadyBatch> = {
  name: 'tuple.check-batch',
  tool: 'check_tuples',
  summary: 'Answer many checks at one revision of each zone.',
  effect: 'read',
  who: VIEWER,
  zone: 'parameter',
  input: batchInput,
  output: z.array(z.boolean()),
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'LIMIT_EXCEEDED', 'INVALID_PARAMS', 'INVALID_PATH'],
  rpc: { name: 'rebac_check_batch' },
  cli: { words: 'tuple check-batch', args: ['checks'] },
  prepare: async (input, { context, limits }) => {
    const maximum = limits.BATCH_ITEMS;
    const actual = input.checks.length;
    if (actual > maximum) throw limitExceeded('BATCH_ITEMS', maximum, { actual, what: 'checks of one batch' });
    const checks = input.checks.map((one, i) => {
      const zone_id = one.zone_id ?? context.zone_id;
      return atIndex(i, () => {
        if (zone_id !== context.caller.zone_id && !isRootAdmin(context.caller)) throw foreignZone(zone_id);
        return { ...readyCheck(one, zone_id, { limits, at: `checks.${i}.` }), zone_id };
      });
    });
    return { checks };
  },
  run: async (call, { checks }) => {
    const zones = new Map<string, ZoneRow>([[call.zone.zone_id, call.zone]]);
    const answers: boolean[] = [];
    for (const [i, { zone_id, ...check }] of checks.entries()) {
      const answer = awaitAtIndex(i, async () => {
        const zone = zones.get(zone_id) ?? (await getActiveZone(call, zone_id));
        zones.set(zone_id, zone);
        return answerIn(call, zone, check);
      });
      answers.push(await answer);
    }
    return answers;
  },
};

async function answerIn(call: Call, zone: ZoneRow, check: ReadyCheck): Promise<boolean> {
  const schema = schemaOf(call, zone);
  checkWords(schema instanceof Promise ? await schema : schema, check);
  // Elsewhere asks a root admin only, who may ask everything.
  if (zone === call.zone) {
    const asking = requireAsking(call, check.subject, check.object);
    if (asking) await asking;
    const context = requireContext(call, check.context, check.object);
    if (context) await context;
  }
  return holds(call, { zone, ...check, subject: subjectText(check.subject) });
}

async function getActiveZone(call: Call, zone_id: string): Promise<ZoneRow> {
  const zone = await findZone(call.tx, zone_id);
  if (zone?.phase !== 'Active') throw zoneNotFound(zone_id);
  return zone;
}

const LIST_DEFAULT = 1_000;
const LIST_MAX = 10_000;
const limitParam = z.int().min(1).default(LIST_DEFAULT).describe(`at most ${LIST_MAX}`);

const listInput = z.object({
  subject: subjectParam.optional(),
  relation: plainText.optional().describe('only tuples with this relation'),
  object: objectParam.optional(),
  zone_id: zoneOfTuples,
  limit: limitParam,
  after: plainText.optional().describe('tuple_id of the last of the page before'),
});
type ListInput = z.infer<typeof listInput>;

const tupleObject = z.object({
  tuple_id: z.string(),
  zone_id: z.string(),
  subject_zone_id: z.string(),
  object_zone_id: z.string(),
  subject_type: z.string(),
  subject_id: z.string(),
  subject_relation: z.string().nullable(),
  relation: z.string(),
  object_type: z.string(),
  object_id: z.string(),
  created_at: z.string(),
  created_by: z.string(),
  expires_at: z.string().nullable(),
  conditions: jsonObject.nullable(),
  revision: z.number(),
});
type TupleObject = z.infer<typeof tupleObject>;

const toTupleObject = (row: TupleRow): TupleObject => ({
  tuple_id: row.tuple_id,
  zone_id: row.zone_id,
  subject_zone_id: row.subject_zone_id,
  object_zone_id: row.zone_id,
  subject_type: row.subject_type,
  subject_id: row.subject_id,
  subject_relation: row.subject_relation === '' ? null : row.subject_relation,
  relation: row.relation,
  object_type: row.object_type,
  object_id: row.object_given ?? row.object_id,
  created_at: isoTime(row.created_at),
  created_by: row.created_by,
  expires_at: row.expires_at === null ? null : isoTime(row.expires_at),
  conditions: readConditions(row.conditions),
  revision: row.revision,
});

interface ReadyList {
  readonly filter: Omit<TupleFilter, 'namesakes'>;
  readonly after: string;
  readonly limit: number;
}

export const tupleList: Operation<ListInput, TupleObject[], ReadyList> = {
  name: 'tuple.list',
  summary: 'List tuples, in order of id; those that have ended and were not removed are among them.',
  effect: 'read',
  who: VIEWER,
  zone: 'parameter',
  input: listInput,
  output: z.array(tupleObject),
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'INVALID_PARAMS'],
  rpc: { name: 'rebac_list_tuples' },
  cli: { words: 'tuple list', things: THINGS },
  prepare: async (input, { context, limits }) => {
    const place = { zone_id: context.zone_id, limits };
    const subject = input.subject && subjectOf(input.subject, place, 'subject');
    // A root admin who names no zone sees all of them.
    const everywhere = input.zone_id === undefined && isRootAdmin(context.caller);
    return {
      filter: {
        zone_id: everywhere ? null : context.zone_id,
        subject: subject ? { ...subject, relation: subject.relation || null } : null,
        relation: input.relation ?? null,
        object: input.object ? objectOf(input.object, place, 'object') : null,
      },
      after: input.after ?? '',
      limit: Math.min(input.limit, LIST_MAX),
    };
  },
  run: async (call, { filter, ...page }) => {
    const { object } = filter;
    const subject = filter.subject ? { ...filter.subject, relation: filter.subject.relation ?? '' } : undefined;
    const schema = await schemaOf(call);
    // In all zones there may be words that this one does not know.
    if (filter.zone_id !== null && object) knownType(schema, object.type, 'object.0');
    if (filter.zone_id !== null && subject) knownSubject(schema, subject, 'subject');
    await requireAsking(call, subject, object ?? undefined);
    // A namesake in another zone, with whom something is shared, is somebody else.
    const namesakes = subject === undefined || isZoneAdmin(call.caller, call.zone.zone_id);
    return (await listTuples(call.tx, { ...filter, namesakes }, page)).map(toTupleObject);
  },
};

const objectsInput = z.object({
  relation: z.string().describe('a stored relation, a computed name or a permission'),
  subject: subjectParam,
  zone_id: zoneOfTuples,
  object_type: z.string().default('file').describe('type of the objects; file unless given'),
  limit: limitParam,
  after: plainText.optional().describe('id of the last object of the page before'),
});
type ObjectsInput = z.infer<typeof objectsInput>;

interface ReadyObjects {
  readonly relation: string;
  readonly subject: Subject;
  readonly type: string;
  readonly after: string;
  readonly limit: number;
}

const pair = z.tuple([z.string(), z.string()]);

export const tupleObjects: Operation<ObjectsInput, z.infer<typeof pair>[], ReadyObjects> = {
  name: 'tuple.objects',
  tool: 'list_tuple_objects',
  summary: 'List the objects that tuples give a subject; a folder stands for what is below it.',
  effect: 'read',
  who: VIEWER,
  zone: 'parameter',
  input: objectsInput,
  output: z.array(pair),
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'LIMIT_EXCEEDED', 'INVALID_PARAMS'],
  rpc: { name: 'rebac_list_objects' },
  cli: { words: 'tuple objects', args: ['relation', 'subject'], things: THINGS },
  prepare: async (input, { context, limits }) => ({
    relation: input.relation,
    subject: subjectOf(input.subject, { zone_id: context.zone_id, limits }, 'subject'),
    type: input.object_type,
    after: input.after ?? '',
    limit: Math.min(input.limit, LIST_MAX),
  }),
  run: async (call, { relation, type, subject, after, limit }) => {
    const schema = await schemaOf(call);
    askedRelation(schema, [knownType(schema, type, 'object_type'), relation], 'relation');
    await requireAsking(call, knownSubject(schema, subject, 'subject'), undefined);
    const asked = await askAboutSubject(call, { zone: call.zone, subject: subjectText(subject) });
    const objects = isStoredName(schema, type, relation)
      ? objectsNamed(asked, { subject: subjectText(subject), relation, type })
      : objectsWith(asked, relation, type);
    const rest = after === '' ? objects : objects.filter(([, id]) => comparePaths(id, after) > 0);
    return rest.sort(([, a], [, b]) => comparePaths(a, b)).slice(0, limit);
  },
};
