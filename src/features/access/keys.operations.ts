/**
 * Operations on keys that exist (access.md §2). Guarantees: a change holds from the next request on; zone `root` never
 * loses its last working admin key.
 */
import { z } from 'zod';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { Fault } from '../../base/faults.ts';
import { idText, plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { createKeyOperations } from './key-create.operations.ts';
import {
  adminForm,
  type Doors,
  KEYS_PATH,
  keyName,
  ownForm,
  rateLimit,
  rawMode,
  role,
  roleGiven,
  tell,
  zoneParam,
} from './key-forms.ts';
import { type KeyObject, keyObject, toKeyObject } from './key-object.ts';
import { checkWanted, managesAll, mayManage, ownKeys } from './key-rights.ts';
import {
  countKeys,
  findKey,
  findKeyZone,
  type KeyFilter,
  type KeyRow,
  listKeys,
  revokeKey,
  updateKey,
} from './keys.sql.ts';
import { checkLastAdmin } from './last-admin.ts';
import { expiryParam, subjectId } from './params.ts';

const ONE_PATH = `${KEYS_PATH}/:key_id`;

const both = <I, O>(
  shared: Omit<Operation<I, O>, 'name' | 'who'>,
  doors: Doors<O>,
): readonly [Operation<I, O>, Operation<I, O>] => [adminForm(shared, doors), ownForm(shared, doors)];

const LIST_DEFAULT = 100;
const LIST_MAX = 1000;
const CURSOR = 'keys';
const cursorState = z.object({ created_at: z.number(), key_id: plainText });

const listInput = z.object({
  zone_id: zoneParam,
  user_id: subjectId.optional().describe('only keys of this user'),
  include_revoked: z.boolean().default(false).describe('also keys that no longer work'),
  limit: z.int().min(1).default(LIST_DEFAULT).describe(`keys of a page, at most ${LIST_MAX}`),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});
type ListInput = z.infer<typeof listInput>;
const listOutput = z.object({
  keys: z.array(keyObject),
  total: z.number(),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
type ListOutput = z.infer<typeof listOutput>;

const list = {
  summary: 'List keys, newest first; their texts are not kept anywhere.',
  effect: 'read',
  zone: 'subject',
  input: listInput,
  output: listOutput,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'INVALID_CURSOR'],
  examples: [{ title: 'all', input: {} }],
  run: listPage,
} satisfies Partial<Operation<ListInput, ListOutput>>;

export const listForms = both<ListInput, ListOutput>(list, {
  verb: 'list',
  rpc: 'admin_list_keys',
  http: { method: 'GET', path: KEYS_PATH },
  cli: { words: 'key list' },
});

async function listPage(call: Call, input: ListInput): Promise<ListOutput> {
  const { caller } = call;
  const all = managesAll(call);
  if (!all && input.user_id !== undefined && input.user_id !== caller.user_id) {
    throw new Fault(
      'ACCESS_DENIED',
      'Access denied: keys of another user are listed by an admin of the zone. Leave user_id out to see your own.',
      {
        role: caller.role,
        required_role: 'admin',
      },
    );
  }
  // A root admin who names no zone sees all of them.
  const everywhere = input.zone_id === undefined && all && caller.zone_id === 'root';
  const filter: KeyFilter = {
    zone_id: everywhere ? null : call.zone.zone_id,
    user_id: input.user_id ?? null,
    own: all ? null : ownKeys(caller),
    revoked: input.include_revoked,
  };
  const after = input.cursor === undefined ? null : readCursor(CURSOR, input.cursor, cursorState);
  const limit = Math.min(input.limit, LIST_MAX);
  const rows = await listKeys(call.tx, filter, { after, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const has_more = rows.length > limit;
  return {
    keys: shown.map(toKeyObject),
    total: await countKeys(call.tx, filter),
    has_more,
    next_cursor: has_more && last ? writeCursor(CURSOR, { created_at: last.created_at, key_id: last.key_id }) : null,
  };
}

const oneKey = z.object({ zone_id: zoneParam, key_id: idText.describe('id of the key') });
type OneKey = z.infer<typeof oneKey>;

/** What the operations on one key share. Whose it is decides whether it is there: to others it is not. */
const ONE = {
  zone: 'subject',
  locate: (tx, input) => findKeyZone(tx, input.key_id),
  object: (input) => `key:${input.key_id}`,
} satisfies Partial<Operation<OneKey, unknown>>;

async function getKey(call: Call, key_id: string): Promise<KeyRow> {
  const row = await findKey(call.tx, key_id);
  if (row && mayManage(call, row)) return row;
  throw keyNotFound(key_id);
}

async function getLivingKey(call: Call, key_id: string): Promise<KeyRow> {
  const row = await getKey(call, key_id);
  if (row.revoked_at !== null) throw keyNotFound(key_id);
  return row;
}

const keyNotFound = (key_id: string): Fault =>
  new Fault('KEY_NOT_FOUND', `Key not found: ${key_id.slice(0, 64).toWellFormed()}`);

const get = {
  ...ONE,
  summary: 'What is known of a key.',
  effect: 'read',
  input: oneKey,
  output: keyObject,
  faults: ['KEY_NOT_FOUND'],
  run: async (call, input) => toKeyObject(await getKey(call, input.key_id)),
} satisfies Partial<Operation<OneKey, KeyObject>>;

export const getForms = both<OneKey, KeyObject>(get, {
  verb: 'get',
  rpc: 'admin_get_key',
  http: { method: 'GET', path: ONE_PATH },
  cli: { words: 'key get', args: ['key_id'] },
});

const updateInput = oneKey.extend({
  name: keyName.optional().describe('what the key is for'),
  role: role.optional(),
  is_admin: z.boolean().optional().describe('true is role admin, false takes it away'),
  expires_at: expiryParam.optional(),
  raw_mode_enabled: rawMode.optional(),
  rate_limit_per_minute: rateLimit.optional(),
});
type UpdateInput = z.infer<typeof updateInput>;

/** A key is another than before: rung for nodes that remember its limit. */
export const KEYS_TOPIC = 'access.keys';

const update = {
  ...ONE,
  summary: 'Change name, role, expiry, mode or rate limit of a key, from the next request on.',
  effect: 'write',
  input: updateInput,
  output: keyObject,
  faults: ['ACCESS_DENIED', 'KEY_NOT_FOUND', 'INVALID_PARAMS'],
  rings: () => KEYS_TOPIC,
  run: changeKey,
} satisfies Partial<Operation<UpdateInput, KeyObject>>;

export const updateForms = both<UpdateInput, KeyObject>(update, {
  verb: 'update',
  rpc: 'admin_update_key',
  http: { method: 'PATCH', path: ONE_PATH },
  cli: { words: 'key update', args: ['key_id'] },
});

const CHANGEABLE = ['name', 'role', 'expires_at', 'raw_mode_enabled', 'rate_limit_per_minute'] as const;

async function changeKey(call: Call, input: UpdateInput): Promise<KeyObject> {
  const before = await getLivingKey(call, input.key_id);
  const lowered = input.is_admin === false && before.role === 'admin' ? 'operator' : before.role;
  const after: KeyRow = {
    ...before,
    name: input.name ?? before.name,
    role: roleGiven(input) ?? lowered,
    expires_at: input.expires_at ?? before.expires_at,
    raw_mode_enabled: input.raw_mode_enabled === undefined ? before.raw_mode_enabled : input.raw_mode_enabled ? 1 : 0,
    rate_limit_per_minute: input.rate_limit_per_minute ?? before.rate_limit_per_minute,
  };
  checkWanted(call, {
    ...after,
    inherit_permissions: 0,
    raw_mode_enabled: input.raw_mode_enabled ? 1 : 0,
    rate_limit_per_minute: input.rate_limit_per_minute ?? call.caller.rate_limit_per_minute,
    expires_at: input.expires_at ?? call.caller.expires_at,
  });
  const changed = CHANGEABLE.filter((field) => after[field] !== before[field]);
  if (changed.length === 0) return toKeyObject(before);
  if (after.role !== 'admin' || after.expires_at !== before.expires_at) await checkLastAdmin(call, before);
  await updateKey(call.tx, after);
  tell(call, 'key.updated', after);
  call.audit({ changed });
  return toKeyObject(after);
}

const revoked = z.object({ revoked: z.literal(true), success: z.literal(true), key_id: z.string() });
type Revoked = z.infer<typeof revoked>;

const revoke = {
  ...ONE,
  summary: 'Revoke a key: it stops working with the next request.',
  effect: 'destroy',
  input: oneKey,
  output: revoked,
  faults: ['KEY_NOT_FOUND', 'INVALID_PARAMS'],
  rings: () => KEYS_TOPIC,
  run: endKey,
} satisfies Partial<Operation<OneKey, Revoked>>;

export const revokeForms = both<OneKey, Revoked>(revoke, {
  verb: 'revoke',
  rpc: 'admin_revoke_key',
  http: { method: 'DELETE', path: ONE_PATH, status: 204 },
  cli: { words: 'key revoke', args: ['key_id'] },
});

async function endKey(call: Call, input: OneKey): Promise<Revoked> {
  const row = await getLivingKey(call, input.key_id);
  await checkLastAdmin(call, row);
  await revokeKey(call.tx, row.key_id, call.now);
  call.use('keys', -1);
  tell(call, 'key.revoked', row);
  return { revoked: true, success: true, key_id: row.key_id };
}

export const keyOperations = [...createKeyOperations, ...listForms, ...getForms, ...updateForms, ...revokeForms];

/** Names of the operations after which a key may be another than before. */
export const keyChanges: ReadonlySet<string> = new Set(
  keyOperations.filter(({ effect }) => effect !== 'read').map(({ name }) => name),
);
