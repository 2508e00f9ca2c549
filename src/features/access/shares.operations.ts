/**
 * Shares (access.md §10): tuples with a shared-* relation, by the words of people. Guarantees: only who owns an object
 * shares it or ends its shares; a share with another zone reaches the files named and nothing else there.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { invalidParams } from '../../base/faults.ts';
import { newId } from '../../base/ids.ts';
import { jsonObject } from '../../base/json-object.ts';
import { plainText } from '../../base/texts.ts';
import type { Call, Operation, Preparation } from '../../core/operation.ts';
import { requireShare, schemaOf } from './check.ts';
import { isZoneAdmin } from './credentials.ts';
import { namesOf } from './evaluate/closure.ts';
import { objectsWith } from './evaluate/objects.ts';
import { auditFacts, consistencyToken, type Grant, grant, revoke, subjectZone } from './granting.ts';
import { askAboutCaller, askingOf, subjectsOf } from './grants.ts';
import { readConditions } from './graph/changes.sql.ts';
import { conditionsParam, expiryParam, objectParam, subjectId, THINGS } from './params.ts';
import { checkStorable, isShare, type ObjectId, objectOf } from './relations.ts';
import { listIncoming, listOutgoing, listSharesWith, type Owned, type SharesPage } from './shares.sql.ts';
import { findTupleZone, type TupleRow } from './tuple-rows.sql.ts';
import { getOwnBusiness } from './tuples.operations.ts';

const OPERATOR = { role: 'operator' } as const;
const VIEWER = { role: 'viewer' } as const;

const objectParams = {
  path: z.string().optional().describe('file or folder; a folder shares what is below it'),
  resource: objectParam.optional().describe('[type, id], of what is no file'),
};
interface ObjectParams {
  readonly path?: string | undefined;
  readonly resource?: readonly string[] | undefined;
}

/** The path is cleaned and its zone resolved before; a resource is understood here. */
function findObject(input: ObjectParams, { context, limits }: Pick<Preparation, 'context' | 'limits'>) {
  const { path, resource } = input;
  if (path !== undefined && resource !== undefined) {
    throw invalidParams({ path: 'resource', message: 'give a path or a resource, not both' });
  }
  if (path !== undefined) return { type: 'file', id: path, given: null };
  return resource && objectOf(resource, { zone_id: context.zone_id, limits }, 'resource');
}

function getObject(input: ObjectParams, preparation: Preparation): ObjectId {
  const object = findObject(input, preparation);
  if (!object) throw invalidParams({ path: 'path', message: 'is required, or a resource' });
  if (object.type === 'group') throw invalidParams({ path: 'resource', message: 'a group is not shared; add members' });
  return object;
}

const mapPath = <I extends ObjectParams>(input: I, map: (path: string) => string): I =>
  input.path === undefined ? input : { ...input, path: map(input.path) };

const shareParams = {
  ...objectParams,
  relation: z.enum(['viewer', 'editor', 'owner']).default('viewer').describe('what the other one may'),
  user_zone_id: plainText.optional().describe('zone of the other one; the own one unless given'),
  expires_at: expiryParam.optional(),
  conditions: conditionsParam,
};

const shareOutput = z.object({
  share_id: z.string(),
  tuple_id: z.string(),
  path: z.string().nullable(),
  relation: z.string(),
  revision: z.number(),
  consistency_token: z.string(),
});
type ShareOutput = z.infer<typeof shareOutput>;

const userInput = z.object({ ...shareParams, user_id: subjectId.describe('user to share with') });
const groupInput = z.object({ ...shareParams, group_id: subjectId.describe('group to share with') });
type ShareInput = Omit<z.infer<typeof userInput>, 'user_id'>;

function shareOf(input: ShareInput, preparation: Preparation, subject: { type: string; id: string }): Grant {
  const relation = `shared-${input.relation}`;
  const own = preparation.context.zone_id;
  return {
    tuple_id: newId('tuple'),
    subject: { ...subject, relation: '' },
    subject_zone_id: subjectZone(input.user_zone_id, own, { relation, at: 'user_zone_id' }),
    relation,
    object: getObject(input, preparation),
    expires_at: input.expires_at,
    conditions: input.conditions,
  };
}

async function share(call: Call, ready: Grant): Promise<ShareOutput> {
  checkStorable(await schemaOf(call), ready, '');
  await requireShare(call, ready.object);
  const { tuple_id, revision, changed } = await grant(call, ready);
  auditFacts(call, { granted: [changed] });
  return {
    share_id: tuple_id,
    tuple_id,
    path: ready.object.type === 'file' ? call.shown(ready.object.id) : null,
    relation: ready.relation.slice('shared-'.length),
    revision,
    consistency_token: consistencyToken(call, revision),
  };
}

const SHARE = {
  effect: 'write',
  who: OPERATOR,
  output: shareOutput,
  faults: ['ACCESS_DENIED', 'QUOTA_EXCEEDED', 'INVALID_PARAMS'],
  object: (ready) => `${ready.object.type}:${ready.object.id}`,
  run: share,
} satisfies Partial<Operation<unknown, ShareOutput, Grant>>;

export const shareWithUser: Operation<z.infer<typeof userInput>, ShareOutput, Grant> = {
  ...SHARE,
  name: 'share.create',
  summary: 'Share a file, a folder or another object with a user.',
  input: userInput,
  rpc: { name: 'share_with_user' },
  cli: { words: 'share create', args: ['path', 'user_id'], things: THINGS },
  examples: [{ title: 'a folder', input: { path: '/docs', user_id: 'ada' } }],
  mapPaths: mapPath,
  prepare: async (input, preparation) => shareOf(input, preparation, { type: 'user', id: input.user_id }),
};

export const shareWithGroup: Operation<z.infer<typeof groupInput>, ShareOutput, Grant> = {
  ...SHARE,
  name: 'share.create-group',
  summary: 'Share a file, a folder or another object with the members of a group.',
  input: groupInput,
  rpc: { name: 'share_with_group' },
  cli: { words: 'share create-group', args: ['path', 'group_id'], things: THINGS },
  examples: [{ title: 'a folder', input: { path: '/docs', group_id: 'team' } }],
  mapPaths: mapPath,
  prepare: async (input, preparation) => shareOf(input, preparation, { type: 'group', id: input.group_id }),
};

const revokeInput = z.object({
  share_id: plainText.optional().describe('id of the share; else path or resource, and whom it was shared with'),
  ...objectParams,
  user_id: subjectId.optional().describe('user whom it was shared with'),
  group_id: subjectId.optional().describe('group which it was shared with'),
  user_zone_id: shareParams.user_zone_id,
});
type RevokeInput = z.infer<typeof revokeInput>;

type ReadyRevoke =
  | { readonly share_id: string }
  | { readonly object: ObjectId; readonly subject: readonly [string, string]; readonly zone_id: string };

const revokeOutput = z.object({ revoked: z.number() });

export const revokeShare: Operation<RevokeInput, z.infer<typeof revokeOutput>, ReadyRevoke> = {
  name: 'share.revoke',
  summary: 'End a share, by its id or by object and user or group.',
  effect: 'destroy',
  who: OPERATOR,
  input: revokeInput,
  output: revokeOutput,
  faults: ['ACCESS_DENIED', 'TUPLE_NOT_FOUND', 'INVALID_PARAMS'],
  rpc: { name: 'revoke_share' },
  cli: { words: 'share revoke', args: ['share_id'], things: THINGS },
  mapPaths: mapPath,
  locate: async (tx, input) => (input.share_id === undefined ? undefined : findTupleZone(tx, input.share_id)),
  prepare: async (input, preparation) => {
    const { share_id, user_id, group_id } = input;
    if (share_id !== undefined) return { share_id };
    if ((user_id === undefined) === (group_id === undefined)) {
      throw invalidParams({
        path: 'user_id',
        message: 'give a share_id, or an object with either user_id or group_id',
      });
    }
    const subject = user_id === undefined ? (['group', group_id ?? ''] as const) : (['user', user_id] as const);
    const zone_id = input.user_zone_id ?? preparation.context.zone_id;
    return { object: getObject(input, preparation), subject, zone_id };
  },
  object: (ready) => ('share_id' in ready ? `tuple:${ready.share_id}` : `${ready.object.type}:${ready.object.id}`),
  run: async (call, ready) => {
    const rows =
      'share_id' in ready
        ? [await getOwnBusiness(call, ready.share_id, { among: isShare })]
        : await sharesOf(call, ready);
    await revoke(call, ...rows);
    auditFacts(call, { revoked: rows });
    return { revoked: rows.length };
  },
};

async function sharesOf(call: Call, ready: Exclude<ReadyRevoke, { share_id: string }>): Promise<TupleRow[]> {
  const { object, subject, zone_id: subject_zone_id } = ready;
  await requireShare(call, object);
  return listSharesWith(call.tx, { zone_id: call.zone.zone_id, object, subject, subject_zone_id });
}

const LIST_DEFAULT = 100;
const LIST_MAX = 1_000;
const cursorState = z.object({ after: plainText });

const listInput = z.object({
  path: objectParams.path,
  limit: z.int().min(1).default(LIST_DEFAULT).describe(`shares of a page, at most ${LIST_MAX}`),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});
type ListInput = z.infer<typeof listInput>;

const shareObject = z.object({
  share_id: z.string(),
  tuple_id: z.string(),
  zone_id: z.string(),
  path: z.string().nullable(),
  resource: z.tuple([z.string(), z.string()]),
  relation: z.string(),
  user_id: z.string().nullable(),
  group_id: z.string().nullable(),
  user_zone_id: z.string(),
  created_at: z.string(),
  created_by: z.string(),
  expires_at: z.string().nullable(),
  conditions: jsonObject.nullable(),
});
type ShareObject = z.infer<typeof shareObject>;

const listOutput = z.object({
  shares: z.array(shareObject),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
type ListOutput = z.infer<typeof listOutput>;

/** Paths of another zone have the form under which they are reached. */
function toShareObject(call: Call, row: TupleRow): ShareObject {
  const foreign = row.zone_id !== call.caller.zone_id;
  const path = foreign ? `/zone/${row.zone_id}${row.object_id}` : row.object_id;
  return {
    share_id: row.tuple_id,
    tuple_id: row.tuple_id,
    zone_id: row.zone_id,
    path: row.object_type === 'file' ? path : null,
    resource: [row.object_type, row.object_id],
    relation: row.relation.slice('shared-'.length),
    user_id: row.subject_type === 'user' ? row.subject_id : null,
    group_id: row.subject_type === 'group' ? row.subject_id : null,
    user_zone_id: row.subject_zone_id,
    created_at: isoTime(row.created_at),
    created_by: row.created_by,
    expires_at: row.expires_at === null ? null : isoTime(row.expires_at),
    conditions: readConditions(row.conditions),
  };
}

const LIST = {
  effect: 'read',
  who: VIEWER,
  // A guest owns nothing there and is shown nothing.
  guests: true,
  input: listInput,
  output: listOutput,
  faults: ['INVALID_CURSOR'],
  examples: [{ title: 'all', input: {} }],
  mapPaths: mapPath,
} satisfies Partial<Operation<ListInput, ListOutput>>;

async function page(
  call: Call,
  input: ListInput,
  of: { kind: string; list: (page: SharesPage) => Promise<TupleRow[]> },
): Promise<ListOutput> {
  const limit = Math.min(input.limit, LIST_MAX);
  const rows = await of.list({
    object: input.path === undefined ? null : { zone_id: call.zone.zone_id, type: 'file', id: input.path },
    after: input.cursor === undefined ? '' : readCursor(of.kind, input.cursor, cursorState).after,
    limit: limit + 1,
  });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const has_more = rows.length > limit;
  return {
    shares: shown.map((row) => toShareObject(call, row)),
    has_more,
    next_cursor: has_more && last ? writeCursor(of.kind, { after: last.tuple_id }) : null,
  };
}

export const outgoingShares: Operation<ListInput, ListOutput> = {
  ...LIST,
  name: 'share.list',
  summary: 'List the shares on what the caller owns; a zone admin sees those of the zone.',
  rpc: { name: 'list_outgoing_shares' },
  cli: { words: 'share list' },
  run: async (call, input) => {
    const owned = await ownedBy(call);
    const of = { zone_id: call.zone.zone_id, owned };
    return page(call, input, { kind: 'outgoing', list: (asked) => listOutgoing(call.tx, of, asked) });
  },
};

async function ownedBy(call: Call): Promise<Owned> {
  const { caller, zone } = call;
  if (isZoneAdmin(caller, zone.zone_id)) return { everything: true, paths: [], others: [] };
  if (caller.zone_id !== zone.zone_id) return { everything: false, paths: [], others: [] };
  const objects = objectsWith(await askAboutCaller(askingOf(call.access)), 'owner');
  return {
    everything: false,
    paths: objects.filter(([type]) => type === 'file').map(([, id]) => id),
    others: objects.filter(([type]) => type !== 'file').map((object) => object.join(':')),
  };
}

/** The caller and the groups it is in, by type. */
async function callersOf(call: Call): Promise<ReadonlyMap<string, string[]>> {
  const { graph, closure } = await askAboutCaller(askingOf(call.access));
  const names = new Map<string, string[]>();
  for (const [type, id] of namesOf(closure, graph, subjectsOf(call.caller))) {
    names.set(type, [...(names.get(type) ?? []), id]);
  }
  return names;
}

export const incomingShares: Operation<ListInput, ListOutput> = {
  ...LIST,
  name: 'share.incoming',
  tool: 'list_incoming_shares',
  summary: 'List what is shared with the caller or its groups, from other zones too.',
  zone: 'caller',
  rpc: { name: 'list_incoming_shares' },
  cli: { words: 'share incoming' },
  run: async (call, input) => {
    const of = { zone_id: call.caller.zone_id, subjects: await callersOf(call), now: call.now };
    return page(call, input, { kind: 'incoming', list: (asked) => listIncoming(call.tx, of, asked) });
  },
};
