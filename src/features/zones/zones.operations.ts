/** Operations on zones (access.md §5). The end of a zone begins here and is carried on by sweep.operations.ts. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { Fault, invalidParams } from '../../base/faults.ts';
import { isZoneId, ZONE_ID } from '../../base/ids.ts';
import { plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { allPending } from './finalizers.ts';
import { limitsOf } from './quota.ts';
import { limitParams, limitsGiven, mergeLimits } from './zone-limits.ts';
import { type ZoneObject, zoneObject, zoneObjects } from './zone-object.ts';
import {
  beginTermination,
  countZones,
  describeZone,
  findZoneRecord,
  insertZone,
  listZones,
  type ZoneRecord,
} from './zones.sql.ts';

const zoneIdRule = 'has to be 3 to 63 characters a-z, 0-9 and -, the first and the last no dash';
const name = plainText.min(1).max(255).describe('name for people');
const description = plainText.max(4096).describe('what the zone is for');
/** The subject of an operation: its syntax is looked at before any query, and a wrong one is a zone that is not there. */
const subject = z.string().describe('id of the zone');

const createInput = z.object({
  zone_id: z.string().regex(ZONE_ID, zoneIdRule).optional().describe('made from the name unless given'),
  name,
  domain: plainText.min(1).max(255).optional().describe('internet domain that belongs to the zone'),
  description: description.optional(),
  ...limitParams,
});
type CreateInput = z.infer<typeof createInput>;

interface ReadyCreate extends CreateInput {
  /** Ids to try, in order. */
  readonly ids: readonly string[];
  readonly limitsText: string;
}

export const zoneCreate: Operation<CreateInput, ZoneObject, ReadyCreate> = {
  name: 'zone.create',
  summary: 'Create a zone: an own file tree with own keys, tuples, events and limits.',
  effect: 'write',
  who: 'root admin',
  zone: 'caller',
  input: createInput,
  output: zoneObject,
  faults: ['ACCESS_DENIED', 'ALREADY_EXISTS', 'INVALID_PARAMS'],
  rpc: { name: 'zone_create' },
  http: { method: 'POST', path: '/api/zones', status: 201, location: (zone) => `/api/zones/${zone.zone_id}` },
  cli: { words: 'zone create', args: ['name'] },
  examples: [{ title: 'with a limit', input: { name: 'Team one', limits: { max_files: 1000 } } }],
  prepare: async (input) => {
    const limitsText = JSON.stringify(mergeLimits({}, limitsGiven(input)));
    const ids = input.zone_id === undefined ? idsFrom(input.name) : [input.zone_id];
    return { ...input, ids, limitsText };
  },
  object: (ready) => `zone:${ready.ids[0]}`,
  run: async (call, ready) => {
    const { domain = null, description = null } = ready;
    for (const zone_id of ready.ids) {
      const made = { zone_id, name: ready.name, domain, description, limits: ready.limitsText, now: call.now };
      if (!(await insertZone(call.tx, made))) continue;
      call.event({ type: 'zone.created', object: { type: 'zone', id: zone_id }, data: { name: ready.name } });
      call.audit({ zone_id });
      return getZoneObject(call, zone_id);
    }
    const taken = ready.ids[0] ?? '';
    throw new Fault('ALREADY_EXISTS', `Zone ${taken} exists, or existed: an id is never given out again`, {
      zone_id: taken,
    });
  },
};

/** The name as an id, and with random ends for the case that it is taken. */
function idsFrom(name: string): string[] {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 56)
    .replace(/-+$/, '');
  const base = slug === '' ? 'zone' : slug;
  const others = Array.from({ length: 4 }, () => `${base}-${randomBytes(3).toString('hex')}`);
  return isZoneId(base) && slug !== '' ? [base, ...others] : others;
}

/** The row of the zone that an operation is about. */
async function getZoneRecord(call: Call, zone_id: string): Promise<ZoneRecord> {
  const row = await findZoneRecord(call.tx, zone_id);
  if (!row || row.phase === 'Terminated') throw notFound(zone_id);
  return row;
}

async function getZoneObject(call: Call, zone_id: string): Promise<ZoneObject> {
  const [zone] = await zoneObjects(call.tx, [await getZoneRecord(call, zone_id)]);
  if (!zone) throw notFound(zone_id);
  return zone;
}

const notFound = (zone_id: string): Fault => new Fault('ZONE_NOT_FOUND', `Zone not found: ${zone_id}`, { zone_id });

const LIST_DEFAULT = 100;
const LIST_MAX = 1000;
const CURSOR = 'zones';
const cursorState = z.object({ created_at: z.number(), zone_id: plainText });

const listInput = z.object({
  limit: z.int().min(1).default(LIST_DEFAULT).describe(`zones of a page, at most ${LIST_MAX}`),
  offset: z.int().min(0).optional().describe('zones to pass over'),
  cursor: z.string().optional().describe('next_cursor of the page before'),
  include_terminated: z.boolean().default(false).describe('also what is left of zones that have ended'),
});
const listOutput = z.object({
  zones: z.array(zoneObject),
  total: z.number(),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});

export const zoneList: Operation<z.infer<typeof listInput>, z.infer<typeof listOutput>> = {
  name: 'zone.list',
  summary: 'List zones, newest first: all for a root admin, else the own one.',
  effect: 'read',
  // Adding up a long history takes its time.
  heavy: true,
  who: { role: 'viewer' },
  zone: 'caller',
  input: listInput,
  output: listOutput,
  faults: ['INVALID_CURSOR'],
  rpc: { name: 'zone_list' },
  http: { method: 'GET', path: '/api/zones' },
  cli: { words: 'zone list' },
  examples: [{ title: 'all', input: {} }],
  run: async (call, input) => {
    const { caller } = call;
    if (input.cursor !== undefined && input.offset !== undefined) {
      throw invalidParams({ path: 'offset', message: 'give a cursor or an offset, not both' });
    }
    const all = caller.role === 'admin' && caller.zone_id === 'root';
    const which = { zone_id: all ? null : caller.zone_id, withTerminated: input.include_terminated };
    const after = input.cursor === undefined ? null : readCursor(CURSOR, input.cursor, cursorState);
    const limit = Math.min(input.limit, LIST_MAX);
    const rows = await listZones(call.tx, { ...which, after, offset: input.offset ?? 0, limit: limit + 1 });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const has_more = rows.length > limit;
    return {
      zones: await zoneObjects(call.tx, shown),
      total: await countZones(call.tx, which),
      has_more,
      next_cursor:
        has_more && last ? writeCursor(CURSOR, { created_at: last.created_at, zone_id: last.zone_id }) : null,
    };
  },
};

const oneZone = z.object({ zone_id: subject });
type OneZone = z.infer<typeof oneZone>;

export const zoneGet: Operation<OneZone, ZoneObject> = {
  name: 'zone.get',
  summary: 'What is known of a zone: limits, usage, phase, and while it ends what is still to be removed.',
  effect: 'read',
  // Adding up a long history takes its time.
  heavy: true,
  who: { role: 'viewer' },
  zone: 'subject',
  anyZone: true,
  input: oneZone,
  output: zoneObject,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND'],
  rpc: { name: 'zone_get' },
  http: { method: 'GET', path: '/api/zones/:zone_id' },
  cli: { words: 'zone get', args: ['zone_id'] },
  examples: [{ title: 'root', input: { zone_id: 'root' } }],
  run: (call, input) => getZoneObject(call, input.zone_id),
};

const updateInput = z.object({
  zone_id: subject,
  name: name.optional(),
  description: description.optional(),
  ...limitParams,
});
type UpdateInput = z.infer<typeof updateInput>;

export const zoneUpdate: Operation<UpdateInput, ZoneObject> = {
  name: 'zone.update',
  summary: 'Change name, description or limits of a zone; a limit below the use stops growth.',
  effect: 'write',
  who: { role: 'admin' },
  zone: 'subject',
  input: updateInput,
  output: zoneObject,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'INVALID_PARAMS'],
  rpc: { name: 'zone_update' },
  http: { method: 'PATCH', path: '/api/zones/:zone_id' },
  cli: { words: 'zone update', args: ['zone_id'] },
  object: (input) => `zone:${input.zone_id}`,
  run: async (call, input) => {
    const given = limitsGiven(input);
    if (Object.keys(given).length > 0 && call.caller.zone_id !== 'root') throw limitsDenied(input.zone_id);
    const before = await getZoneRecord(call, input.zone_id);
    const after = {
      name: input.name ?? before.name,
      description: input.description ?? before.description,
      limits: JSON.stringify(mergeLimits(limitsOf(before), given)),
    };
    const changed = (['name', 'description', 'limits'] as const).filter((field) => after[field] !== before[field]);
    if (changed.length === 0) return getZoneObject(call, input.zone_id);
    await describeZone(call.tx, { ...after, zone_id: input.zone_id, now: call.now });
    call.event({ type: 'zone.updated', object: { type: 'zone', id: input.zone_id }, data: { changed } });
    call.audit({ changed, ...(changed.includes('limits') ? { before: before.limits, after: after.limits } : {}) });
    return getZoneObject(call, input.zone_id);
  },
};

const limitsDenied = (zone_id: string): Fault =>
  new Fault(
    'ACCESS_DENIED',
    `Access denied: the limits of zone ${zone_id} are set by an admin of zone root. Ask one, or leave the limits out.`,
    { role: 'admin', required_role: 'admin of zone root' },
  );

export const zoneDelete: Operation<OneZone, ZoneObject> = {
  name: 'zone.delete',
  summary: 'End a zone: at once nothing of it is reachable, and everything in it is then removed for good.',
  effect: 'destroy',
  who: 'root admin',
  zone: 'subject',
  anyZone: true,
  input: oneZone,
  output: zoneObject,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'CONFLICT'],
  rpc: { name: 'zone_delete' },
  http: { method: 'DELETE', path: '/api/zones/:zone_id', status: 202 },
  cli: { words: 'zone delete', args: ['zone_id'] },
  object: (input) => `zone:${input.zone_id}`,
  run: async (call, { zone_id }) => {
    if (zone_id === 'root') {
      throw new Fault('CONFLICT', 'Zone root always exists and cannot be deleted', { reason: 'ROOT_ZONE' });
    }
    const before = await getZoneRecord(call, zone_id);
    if (before.phase === 'Active') {
      await beginTermination(call.tx, { zone_id, finalizers: JSON.stringify(allPending()), now: call.now });
      call.event({ type: 'zone.deleted', object: { type: 'zone', id: zone_id }, data: { name: before.name } });
      call.accessChanged();
    }
    return getZoneObject(call, zone_id);
  },
};

export const zoneOperations = [zoneCreate, zoneList, zoneGet, zoneUpdate, zoneDelete];
