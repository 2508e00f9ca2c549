/** What the server itself does to keys, tuples and shares; no door reaches these operations. */
import { z } from 'zod';
import type { Call, Operation } from '../../core/operation.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';
import { addRootKey } from './bootstrap.ts';
import { hashKey } from './credentials.ts';
import { changedRevision } from './granting.ts';
import { tellEnds } from './graph/changes.sql.ts';
import { adoptKey, markUsed, removeKeys, revokeEnded, revokeOthersOf, zonesOfEndedKeys } from './keys.sql.ts';
import {
  type EndedTuple,
  endGuestTuples,
  endNotedShares,
  listEnding,
  listHosts,
  removeTuples,
} from './tuple-rows.sql.ts';

/** Rows of one slice. */
const SLICE_ROWS = 500;
const STEP = { who: 'root admin', internal: true, faults: [] } as const;

const usedInput = z.object({ key_id: z.string() });

/** The key was used. Writes at most once a minute and key, whatever the number of nodes that saw it. */
export const markKeyUsed: Operation<z.infer<typeof usedInput>, null> = {
  ...STEP,
  name: 'key.used',
  summary: 'Renew the time at which a key was last used.',
  effect: 'write',
  input: usedInput,
  output: z.null(),
  run: async (call, { key_id }) => {
    await markUsed(call.tx, key_id, call.now);
    return null;
  },
};

const INIT = 'init';
const initInput = z.object({ text: z.string(), create: z.boolean() });

/**
 * The admin key of `.nexus-admin-env` from now on (access.md §3): one that is there, or a new one. What an earlier
 * `--init` made is revoked.
 */
export const setInitKey: Operation<z.infer<typeof initInput>, null> = {
  ...STEP,
  name: 'key.init',
  summary: 'Replace the admin key that an earlier --init made.',
  effect: 'write',
  input: initInput,
  output: z.null(),
  run: async (call, { text, create }) => {
    const revoked = await revokeOthersOf(call.tx, { origin: INIT, hash: hashKey(text), now: call.now });
    call.use('keys', -revoked.length);
    for (const key_id of revoked) call.event({ type: 'key.revoked', object: { type: 'key', id: key_id } });
    if (create) {
      call.use('keys', 1);
      const key_id = await addRootKey(call.tx, { role: 'admin', text, origin: INIT }, call.now);
      call.event({ type: 'key.created', object: { type: 'key', id: key_id } });
    }
    if (!create) await adoptKey(call.tx, hashKey(text), { from: 'generated', to: INIT });
    if (create || revoked.length > 0) call.accessChanged();
    return null;
  },
};

const beforeInput = z.object({ before: z.number() });
const zoneIds = z.array(z.string());

/** Keys that ended some time ago: nobody has given them another end. */
export const endedKeyZones: Operation<z.infer<typeof beforeInput>, z.infer<typeof zoneIds>> = {
  ...STEP,
  name: 'key.ended-zones',
  summary: 'List the zones with keys that ended before a time and were never revoked.',
  effect: 'read',
  input: beforeInput,
  output: zoneIds,
  run: (call, { before }) => zonesOfEndedKeys(call.tx, before),
};

const revokedOutput = z.object({ revoked: z.number() });

/** They count no longer among the keys that a zone may have. */
export const revokeEndedKeys: Operation<z.infer<typeof beforeInput>, z.infer<typeof revokedOutput>> = {
  ...STEP,
  name: 'key.revoke-ended',
  summary: 'Revoke a slice of the keys of a zone that ended before a time.',
  effect: 'destroy',
  input: beforeInput,
  output: revokedOutput,
  run: async (call, { before }) => {
    const { zone_id } = call.zone;
    const ids = await revokeEnded(call.tx, { zone_id, before, now: call.now, rows: SLICE_ROWS });
    call.use('keys', -ids.length);
    for (const key_id of ids)
      call.event({ type: 'key.revoked', object: { type: 'key', id: key_id }, data: { reason: 'expired' } });
    if (ids.length > 0) call.accessChanged();
    return { revoked: ids.length };
  },
};

const guestInput = z.object({ guest: z.string() });
const hosts = z.array(z.string());

/** Zones that share something with a zone that is ending. */
export const hostZones: Operation<z.infer<typeof guestInput>, z.infer<typeof hosts>> = {
  ...STEP,
  name: 'tuple.hosts',
  summary: 'List the zones in which tuples name subjects of another.',
  effect: 'read',
  input: guestInput,
  output: hosts,
  run: (call, { guest }) => listHosts(call.tx, guest),
};

const leftOutput = z.object({ left: z.boolean() });

/** Ending either zone ends the share (access.md §8): runs in the zone that shared. */
export const endGuests: Operation<z.infer<typeof guestInput>, z.infer<typeof leftOutput>> = {
  ...STEP,
  name: 'tuple.end-guests',
  summary: 'Remove a slice of the tuples that name subjects of another zone.',
  effect: 'destroy',
  input: guestInput,
  output: leftOutput,
  run: async (call, { guest }) => {
    const ended = await endGuestTuples(call.tx, { zone_id: call.zone.zone_id, guest, rows: SLICE_ROWS });
    await tell(call, ended);
    return { left: ended.length >= SLICE_ROWS };
  },
};

async function tell(call: Call, ended: readonly EndedTuple[]): Promise<void> {
  for (const { tuple_id, object_type, object_id } of ended) {
    call.event({ type: 'revoke', object: { type: object_type, id: object_id }, data: { tuple_id } });
  }
  if (ended.length > 0) call.accessChanged();
  await tellEnds(call.tx, { zone_id: call.zone.zone_id, revision: changedRevision(call) }, ended);
  call.use('tuples', -ended.length);
}

/** Zones that share something with a subject that is no more. */
export const endingHosts: Operation<Record<string, never>, z.infer<typeof hosts>> = {
  ...STEP,
  name: 'tuple.ending-hosts',
  summary: 'List the zones in which shares are to end.',
  effect: 'read',
  input: z.object({}),
  output: hosts,
  run: (call) => listEnding(call.tx),
};

const endedOutput = z.object({ ended: z.number() });

/** Runs in the zone that shared. */
export const endShares: Operation<Record<string, never>, z.infer<typeof endedOutput>> = {
  ...STEP,
  name: 'tuple.end-shares',
  summary: 'Remove a slice of the shares with subjects that are no more.',
  effect: 'destroy',
  input: z.object({}),
  output: endedOutput,
  run: async (call) => {
    const ended = await endNotedShares(call.tx, { zone_id: call.zone.zone_id, rows: SLICE_ROWS });
    await tell(call, ended);
    return { ended: ended.length };
  },
};

export const removeKeysOf = rowFinalizer('keys', removeKeys);
export const removeTuplesOf = rowFinalizer('tuples', removeTuples);

export const accessHousekeeping = [
  markKeyUsed,
  setInitKey,
  endedKeyZones,
  revokeEndedKeys,
  hostZones,
  endGuests,
  endingHosts,
  endShares,
  removeKeysOf,
  removeTuplesOf,
];
