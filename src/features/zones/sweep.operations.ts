/**
 * The end of a zone, as steps of the server itself; no door reaches them. Guarantees: each step is one short transaction
 * under the zone's lock and can be repeated, so a sweep that breaks off anywhere goes on where it was, on any node; the
 * zone is Terminated only when every finalizer has completed, in the transaction that saw it.
 */
import { z } from 'zod';
import type { Call, Operation } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { removeEvents } from '../events/removal.sql.ts';
import { completed, FINALIZERS, type FinalizerName, type FinalizerState, failed, finalizersOf } from './finalizers.ts';
import { endTermination, findZoneRecord, listActive, listTerminating, setFinalizers } from './zones.sql.ts';

/** What the steps share: none has a door, all are the server's own, all work on a zone that is not Active. */
const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [] } as const;

/** Rows of one slice: short enough that other writes of the engine hardly wait. */
export const SLICE_ROWS = 500;

const nothing = z.object({});
const zoneIds = z.array(z.string());

/** Zones that are to be swept. */
export const terminatingZones: Operation<z.infer<typeof nothing>, z.infer<typeof zoneIds>> = {
  ...STEP,
  name: 'zone.terminating',
  summary: 'List the zones that are ending.',
  effect: 'read',
  input: nothing,
  output: zoneIds,
  run: (call) => listTerminating(call.tx),
};

const pageOfZones = z.object({ after: z.string() });

/** Zones in which the server has work of its own, a page of them. */
export const activeZones: Operation<z.infer<typeof pageOfZones>, z.infer<typeof zoneIds>> = {
  ...STEP,
  name: 'zone.active',
  summary: 'List a page of the zones that are active.',
  effect: 'read',
  input: pageOfZones,
  output: zoneIds,
  run: (call, { after }) => listActive(call.tx, { after, limit: SLICE_ROWS }),
};

const stateRow = z.object({ name: z.string(), next_at: z.number() });
const due = z.array(stateRow);

/** Finalizers of the zone that have not completed, with the time before which they are not tried. */
export const pendingFinalizers: Operation<z.infer<typeof nothing>, z.infer<typeof due>> = {
  ...STEP,
  name: 'zone.pending-finalizers',
  summary: 'List what is still to be removed of a zone that is ending.',
  effect: 'read',
  input: nothing,
  output: due,
  run: async (call) => {
    const zone = await findZoneRecord(call.tx, call.zone.zone_id);
    const states = zone ? finalizersOf(zone) : {};
    return Object.entries(states)
      .filter(([, { state }]) => state !== 'completed')
      .map(([name, { next_at }]) => ({ name, next_at }));
  },
};

const outcome = z.object({ name: z.enum(FINALIZERS), ok: z.boolean() });

/** Writes down how a finalizer ended: completed, or failed and to be tried again after a while. */
export const settleFinalizer: Operation<z.infer<typeof outcome>, null> = {
  ...STEP,
  name: 'zone.settle-finalizer',
  summary: 'Record that a finalizer of a zone completed or failed.',
  effect: 'write',
  input: outcome,
  output: z.null(),
  run: async (call, { name, ok }) => {
    await settle(call, name, (before) => (ok ? completed(before) : failed(before, call.now)));
    return null;
  },
};

async function settle(
  call: Call,
  name: FinalizerName,
  next: (before: FinalizerState) => FinalizerState,
): Promise<void> {
  const zone = await findZoneRecord(call.tx, call.zone.zone_id);
  if (zone?.phase !== 'Terminating') return;
  const states = finalizersOf(zone);
  const before = states[name];
  if (!before) return;
  await setFinalizers(call.tx, zone.zone_id, JSON.stringify({ ...states, [name]: next(before) }));
}

const rest = z.object({ left: z.boolean() });
type Rest = z.infer<typeof rest>;

/**
 * A finalizer that deletes rows of its zone: `remove` deletes at most `rows` of them and says how many it found. It runs
 * only in a zone that is ending, whatever it is called with.
 */
export function rowFinalizer(
  name: FinalizerName,
  remove: (tx: Tx, zone_id: string, rows: number) => Promise<number>,
): Operation<z.infer<typeof nothing>, Rest> {
  return {
    ...STEP,
    name: `zone.remove-${name}`,
    summary: `Remove a slice of the ${name} of a zone that is ending.`,
    effect: 'destroy',
    input: nothing,
    output: rest,
    run: async (call) => {
      if (call.zone.phase !== 'Terminating') return { left: false };
      return { left: (await remove(call.tx, call.zone.zone_id, SLICE_ROWS)) >= SLICE_ROWS };
    },
  };
}

const ended = z.object({ ended: z.boolean() });

/** Terminated, if nothing is left to do. */
export const terminateZone: Operation<z.infer<typeof nothing>, z.infer<typeof ended>> = {
  ...STEP,
  name: 'zone.terminate',
  summary: 'Turn a zone of which nothing is left into its tombstone.',
  effect: 'destroy',
  input: nothing,
  output: ended,
  run: async (call) => {
    const zone = await findZoneRecord(call.tx, call.zone.zone_id);
    if (zone?.phase !== 'Terminating') return { ended: false };
    if (Object.values(finalizersOf(zone)).some(({ state }) => state !== 'completed')) return { ended: false };
    await endTermination(call.tx, zone.zone_id, call.now);
    call.use('storage_bytes', -zone.used_storage_bytes);
    call.use('files', -zone.used_files);
    call.use('keys', -zone.used_keys);
    call.use('tuples', -zone.used_tuples);
    call.accessChanged();
    return { ended: true };
  },
};

export const removeEventsOf = rowFinalizer('events', removeEvents);

export const sweepOperations = [
  terminatingZones,
  activeZones,
  pendingFinalizers,
  settleFinalizer,
  terminateZone,
  removeEventsOf,
];
