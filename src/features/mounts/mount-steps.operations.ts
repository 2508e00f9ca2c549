/** Steps of the server itself around changes of stores; none has a door. */
import { z } from 'zod';
import type { PlannedStep } from '../../core/call/outside.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { findInline } from '../content/content.sql.ts';
import { endIntents, insertIntents, listFiles, listIntents, listKnown, renewIntents } from './known.sql.ts';
import { isAtOrBelow, pathsOf } from './mount.ts';
import { setStatus } from './mounts.sql.ts';

const STEP = { who: 'root admin', internal: true, ungated: true, faults: [] } as const;

const healthInput = z.object({
  mount_id: z.string(),
  status: z.enum(['active', 'unreachable']),
  last_error: z.string().nullable(),
});

export const noteHealth: Operation<z.infer<typeof healthInput>, null> = {
  ...STEP,
  name: 'mount.note-health',
  summary: 'Write down how a store was found.',
  effect: 'write',
  input: healthInput,
  output: z.null(),
  run: async (call, { mount_id, ...seen }) => {
    await setStatus(call.tx, mount_id, seen);
    return null;
  },
};

/** A call that changes a store says so again within this time, or counts as dead. */
export const INTENT_MS = 15_000;

const beginInput = z.object({
  intent_id: z.string(),
  steps: z.custom<readonly PlannedStep[]>(Array.isArray),
});
/** `held`: somebody else is changing one of the paths; `stale`: what is known of them has changed. */
const beginOutput = z.enum(['begun', 'held', 'stale']);

export const beginIntent: Operation<z.infer<typeof beginInput>, z.infer<typeof beginOutput>> = {
  ...STEP,
  name: 'mount.begin-intent',
  summary: 'Write down what is about to change in a store.',
  effect: 'write',
  input: beginInput,
  output: beginOutput,
  run: async (call, { intent_id, steps }) => {
    const { tx, zone, now } = call;
    const paths = steps.flatMap(({ mount_id, step }) => pathsOf(step).map((path) => ({ path, mount_id })));
    const known = new Set(call.mounts.map(({ mount_id }) => mount_id));
    if (paths.some(({ mount_id }) => !known.has(mount_id))) return 'stale';
    const others = await listIntents(tx, zone.zone_id);
    const touching = others.filter((one) =>
      paths.some(({ path }) => isAtOrBelow(one.path, path) || isAtOrBelow(path, one.path)),
    );
    if (touching.some(({ until }) => until > now)) return 'held';
    // Whoever held these died: what the store has now is for a look to find.
    for (const dead of new Set(touching.map((one) => one.intent_id))) await endIntents(tx, dead);
    if (touching.length > 0 || !(await asExpected(call, steps))) return 'stale';
    const distinct = new Map(paths.map((one) => [one.path, one]));
    await insertIntents(tx, {
      zone_id: zone.zone_id,
      intent_id,
      paths: [...distinct.values()],
      until: now + INTENT_MS,
    });
    return 'begun';
  },
};

async function asExpected(call: Call, steps: readonly PlannedStep[]): Promise<boolean> {
  const expecting = steps.flatMap(({ step }) => ('expect' in step && step.expect !== undefined ? [step] : []));
  const known = await listFiles(
    call.tx,
    call.zone.zone_id,
    expecting.map(({ path }) => path),
  );
  const tags = new Map(known.map(({ path, tag }) => [path, tag]));
  return expecting.every(({ path, expect }) => (tags.get(path) ?? null) === expect);
}

const intent = z.object({ intent_id: z.string() });

/** No path of a tree: one claim for all stores, since one may lie in another. It is kept in zone root. */
const NEW_STORES = 'new stores';

/** Only whoever has it makes stores and takes them away again. False where somebody else has it. */
export const claimStores: Operation<z.infer<typeof intent>, boolean> = {
  ...STEP,
  name: 'mount.claim-stores',
  summary: 'Write down who makes a store for a mount.',
  effect: 'write',
  input: intent,
  output: z.boolean(),
  run: async ({ tx, zone, now }, { intent_id }) => {
    const other = (await listIntents(tx, zone.zone_id)).find(({ path }) => path === NEW_STORES);
    if (other && other.until > now) return false;
    if (other) await endIntents(tx, other.intent_id);
    const paths = [{ path: NEW_STORES, mount_id: '' }];
    await insertIntents(tx, { zone_id: zone.zone_id, intent_id, paths, until: now + INTENT_MS });
    return true;
  },
};

/** False where somebody else settled it. */
export const renewIntent: Operation<z.infer<typeof intent>, boolean> = {
  ...STEP,
  name: 'mount.renew-intent',
  summary: 'Say that a change of a store is still under way.',
  effect: 'write',
  input: intent,
  output: z.boolean(),
  run: async (call, { intent_id }) => (await renewIntents(call.tx, intent_id, call.now + INTENT_MS)) > 0,
};

export const endIntent: Operation<z.infer<typeof intent>, null> = {
  ...STEP,
  name: 'mount.end-intent',
  summary: 'Say that a change of a store is over.',
  effect: 'write',
  input: intent,
  output: z.null(),
  run: async (call, { intent_id }) => {
    await endIntents(call.tx, intent_id);
    return null;
  },
};

const before = z.object({ paths: z.array(z.string()) });
export interface ContentBefore {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly inline: Uint8Array | null;
}

/** What undoing a change needs: contents that files have in the tree, as far as they are known. */
export const contentsBefore: Operation<z.infer<typeof before>, readonly ContentBefore[]> = {
  ...STEP,
  name: 'mount.contents-before',
  summary: 'Tell the contents that files of a store had.',
  effect: 'read',
  input: before,
  output: z.custom<readonly ContentBefore[]>(Array.isArray),
  run: async (call, { paths }) => {
    const rows = await listKnown(call.tx, call.zone.zone_id, paths);
    const contents: ContentBefore[] = [];
    for (const { path, etag, size } of rows) {
      if (etag) contents.push({ path, sha256: etag, size, inline: await findInline(call.tx, etag) });
    }
    return contents;
  },
};

export const mountSteps = [noteHealth, beginIntent, claimStores, renewIntent, endIntent, contentsBefore] as const;
