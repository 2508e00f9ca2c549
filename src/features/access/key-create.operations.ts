/**
 * The operation that creates a key (access.md §2). Guarantees: a key's text leaves the server once, in the answer; nobody
 * makes a key that may more than the one that is used, unless an admin.
 */
import { z } from 'zod';
import { invalidParams } from '../../base/faults.ts';
import { newId } from '../../base/ids.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { hashKey } from './credentials.ts';
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
import { type CreatedKey, createdKey, toKeyObject } from './key-object.ts';
import { checkWanted, managesAll } from './key-rights.ts';
import { newKeyText } from './key-text.ts';
import { insertKey, type NewKey } from './keys.sql.ts';
import { expiryParam, subjectId } from './params.ts';

const DAY_MS = 86_400_000;

const createInput = z.object({
  name: keyName.optional().describe('what the key is for'),
  label: keyName.optional().describe('the same as name'),
  zone_id: zoneParam,
  user_id: subjectId.optional().describe('user that the key belongs to'),
  subject_type: z.enum(['user', 'agent', 'app', 'worker']).optional().describe('kind of caller; user unless given'),
  subject_id: subjectId.optional().describe('caller that the key stands for; the user unless given'),
  role: role.optional().describe('operator unless given'),
  is_admin: z.boolean().optional().describe('true is role admin'),
  expires_at: expiryParam.optional(),
  expires_days: z.int().min(1).max(36_500).optional().describe('days after which the key ends'),
  inherit_permissions: z.boolean().default(false).describe('an agent may also what its user may'),
  raw_mode_enabled: rawMode.default(false),
  rate_limit_per_minute: rateLimit.optional(),
});
type CreateInput = z.infer<typeof createInput>;

interface ReadyKey {
  readonly text: string;
  readonly key: Omit<NewKey, 'created_at' | 'expires_at' | 'zone_id' | 'hash' | 'rate_limit_per_minute'>;
  readonly expires_at: number | null;
  /** Milliseconds from the creation on. */
  readonly life: number | null;
  readonly rate_limit_per_minute: number | undefined;
}

const create = {
  summary: 'Create an API key; its text is in this answer and never again.',
  effect: 'write',
  zone: 'subject',
  input: createInput,
  output: createdKey,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'QUOTA_EXCEEDED', 'INVALID_PARAMS'],
  repeats: 'refused',
  object: (ready) => `key:${ready.key.key_id}`,
  run: createKey,
} satisfies Partial<Operation<CreateInput, CreatedKey, ReadyKey>>;

const doors: Doors<CreatedKey> = {
  verb: 'create',
  rpc: 'admin_create_key',
  http: { method: 'POST', path: KEYS_PATH, status: 201, location: (key) => `${KEYS_PATH}/${key.key_id}` },
  cli: { words: 'key create', args: ['name'] },
};

/** For whom the key is unless the call says so: over RPC a user of its name, over REST the caller. */
export const createKeyOperations = [
  adminForm<CreateInput, CreatedKey, ReadyKey>(
    {
      ...create,
      prepare: async (input, { context }) => {
        const user_id = input.user_id ?? userNamed(input);
        return readyKey(input, context.zone_id, { user_id, type: 'user', id: user_id });
      },
    },
    doors,
  ),
  ownForm<CreateInput, CreatedKey, ReadyKey>(
    {
      ...create,
      prepare: async (input, { context }) => {
        const { subject_type, subject_id, user_id } = context.caller;
        const self = { user_id, type: subject_type, id: subject_id };
        const named = input.user_id;
        return readyKey(
          input,
          context.zone_id,
          named === undefined ? self : { user_id: named, type: 'user', id: named },
        );
      },
    },
    doors,
  ),
] as const;

function nameOf(input: Pick<CreateInput, 'name' | 'label'>): string {
  const given = input.name ?? input.label;
  if (given === undefined) throw invalidParams({ path: 'name', message: 'is required' });
  if (input.label !== undefined && input.label !== given) {
    throw invalidParams({ path: 'label', message: 'differs from name, which it is another word for' });
  }
  return given;
}

/** The name as that of the user, which not every name can be: a key of `*` would be one of everybody. */
function userNamed(input: Pick<CreateInput, 'name' | 'label'>): string {
  const user = subjectId.safeParse(nameOf(input));
  if (user.success) return user.data;
  const path = input.name === undefined ? 'label' : 'name';
  throw invalidParams({ path, message: `${user.error.issues[0]?.message}; say by user_id whose key it is` });
}

interface Defaults {
  readonly user_id: string;
  readonly type: string;
  readonly id: string;
}

function readyKey(input: CreateInput, zone_id: string, defaults: Defaults): ReadyKey {
  if (input.expires_at !== undefined && input.expires_days !== undefined) {
    throw invalidParams({ path: 'expires_days', message: 'give expires_at or expires_days, not both' });
  }
  const name = nameOf(input);
  // A kind of caller that is named without an id is that of the user.
  const renamed = input.subject_type !== undefined && input.subject_type !== defaults.type;
  const subject_id = input.subject_id ?? (renamed ? defaults.user_id : defaults.id);
  const text = newKeyText(zone_id, subject_id);
  return {
    text,
    key: {
      key_id: newId('key'),
      name,
      user_id: defaults.user_id,
      subject_type: input.subject_type ?? (input.subject_id === undefined ? defaults.type : 'user'),
      subject_id,
      role: roleGiven(input) ?? 'operator',
      inherit_permissions: input.inherit_permissions ? 1 : 0,
      raw_mode_enabled: input.raw_mode_enabled ? 1 : 0,
      key_prefix: text.slice(0, 12),
      origin: null,
    },
    expires_at: input.expires_at ?? null,
    life: input.expires_days === undefined ? null : input.expires_days * DAY_MS,
    rate_limit_per_minute: input.rate_limit_per_minute,
  };
}

async function createKey(call: Call, ready: ReadyKey): Promise<CreatedKey> {
  const inherited = inheritedLimits(call);
  const rate_limit_per_minute = ready.rate_limit_per_minute ?? inherited.rate_limit_per_minute;
  const expires_at = (ready.life === null ? ready.expires_at : call.now + ready.life) ?? inherited.expires_at;
  checkWanted(call, { ...ready.key, rate_limit_per_minute, expires_at });
  const key: NewKey = {
    ...ready.key,
    hash: hashKey(ready.text),
    zone_id: call.zone.zone_id,
    rate_limit_per_minute,
    created_at: call.now,
    expires_at,
  };
  call.use('keys', 1);
  await insertKey(call.tx, key);
  tell(call, 'key.created', key);
  const object = toKeyObject({ ...key, last_used_at: null, revoked_at: null });
  return { ...object, key: ready.text, raw_key: ready.text, api_key: ready.text };
}

/** Else a caller with a limit, or whose key ends, could make itself a key without that. */
const inheritedLimits = (call: Call): Pick<NewKey, 'rate_limit_per_minute' | 'expires_at'> =>
  managesAll(call) ? { rate_limit_per_minute: null, expires_at: null } : call.caller;
