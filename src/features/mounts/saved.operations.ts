/** Mounts that are kept to be activated later, or again (platform.md §4.1). */

import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import { subjectText } from '../../core/call/doer.ts';
import type { Call, Operation } from '../../core/operation.ts';
import type { BackendConfig } from '../../ports/backend.ts';
import { activate, refuseRootMount } from './activate.ts';
import {
  checkForm,
  connectorOf,
  type FormInput,
  force,
  formInput,
  locateStore,
  mapPoint,
  pointInput,
  type ReadyForm,
  type ReadyStore,
  secretive,
} from './forms.ts';
import {
  type MountObject,
  mountObject,
  NO_MORE,
  type SavedObject,
  type Secretive,
  savedObject,
  toMountObject,
  toSavedObject,
  wholeList,
} from './mount-object.ts';
import { deleteSaved, type FormRow, findSaved, listSaved, replaceSaved } from './mounts.sql.ts';

const ROOT = '/api/v2/mounts/saved';
const ADMIN = { role: 'admin' } as const;

const saveInput = formInput.extend({ force });
type SaveInput = FormInput & { readonly force: boolean };

interface ReadySave {
  readonly form: ReadyForm;
  readonly connectors: readonly Secretive[];
}

const savedNotFound = (mount_point: string): Fault =>
  new Fault('MOUNT_NOT_FOUND', `Nothing is saved for ${mount_point}`, { mount_point });

type PointInput = z.infer<typeof pointInput>;

export const saveMount: Operation<SaveInput, SavedObject, ReadySave> = {
  name: 'mount.save',
  summary: 'Keep a mount to activate it later; saving again replaces.',
  effect: 'write',
  who: ADMIN,
  input: saveInput,
  output: savedObject,
  faults: ['ACCESS_DENIED', 'CONFLICT', 'TOO_MANY'],
  rpc: { name: 'save_mount' },
  http: { method: 'POST', path: ROOT, status: 201 },
  cli: { words: 'mount save', args: ['mount_point', 'backend_type', 'backend_config'] },
  mapPaths: mapPoint,
  prepare: async (input, preparation) => {
    await preparation.authorise([]);
    return { form: checkForm(input, preparation).form, connectors: secretive(preparation) };
  },
  object: ({ form }) => form.mount_point,
  run: async (call, { form, connectors }) => {
    refuseRootMount(form.mount_point);
    const { tx, zone, caller, now } = call;
    const saved = await listSaved(tx, zone.zone_id);
    const others = saved.filter(({ mount_point }) => mount_point !== form.mount_point);
    const maximum = call.limits.MOUNTS;
    if (others.length >= maximum) {
      const message = `The zone has ${others.length} saved mounts, the limit MOUNTS; forget one`;
      throw new Fault('TOO_MANY', message, { limit: 'MOUNTS', maximum, retry_after: 60 });
    }
    const row: FormRow = { ...form, zone_id: zone.zone_id, owner: subjectText(caller), created_at: now };
    await replaceSaved(tx, row);
    const { mount_point, backend_type, readonly } = row;
    const data = { backend_type, readonly: readonly === 1 };
    call.event({ type: 'mount.saved', path: mount_point, object: { type: 'mount', id: mount_point }, data });
    return toSavedObject(call, row, connectors);
  },
};

const nothing = z.object({});

type Nothing = z.infer<typeof nothing>;

interface Showing {
  readonly connectors: readonly Secretive[];
}

async function readableForms(call: Call, { connectors }: Showing): Promise<SavedObject[]> {
  const readable = await call.access.readable();
  const rows = await listSaved(call.tx, call.zone.zone_id);
  return rows.filter((row) => readable.has(row.mount_point)).map((row) => toSavedObject(call, row, connectors));
}

/** The form of JSON-RPC: a bare array. */
export const allSavedMounts: Operation<Nothing, SavedObject[], Showing> = {
  name: 'mount.all-saved',
  tool: 'list_all_saved_mounts',
  summary: 'List the saved mounts of the zone that the caller may read.',
  effect: 'read',
  who: { role: 'viewer' },
  input: nothing,
  output: z.array(savedObject),
  faults: [],
  rpc: { name: 'list_saved_mounts' },
  prepare: async (_, preparation) => ({ connectors: secretive(preparation) }),
  run: readableForms,
};

const savedList = wholeList('mounts', savedObject);

export const listSavedMounts: Operation<Nothing, z.infer<typeof savedList>, Showing> = {
  name: 'mount.list-saved',
  tool: 'list_saved_mounts',
  summary: 'List the saved mounts of the zone that the caller may read.',
  effect: 'read',
  who: { role: 'viewer' },
  input: nothing,
  output: savedList,
  faults: [],
  http: { method: 'GET', path: ROOT },
  cli: { words: 'mount list-saved' },
  examples: [{ title: 'all', input: {} }],
  prepare: async (_, preparation) => ({ connectors: secretive(preparation) }),
  run: async (call, showing) => ({ mounts: await readableForms(call, showing), ...NO_MORE }),
};

const savedForm = z.custom<FormRow | null>((value) => typeof value === 'object');

/** What is saved for a point, with its secrets as they are sealed. */
export const findSavedForm: Operation<PointInput, FormRow | null> = {
  name: 'mount.saved-form',
  summary: 'Find what is saved for a point.',
  effect: 'read',
  who: ADMIN,
  internal: true,
  input: pointInput,
  output: savedForm,
  faults: [],
  run: async (call, { mount_point }) => (await findSaved(call.tx, call.zone.zone_id, mount_point)) ?? null,
};

const loadInput = pointInput.extend({ force });

interface ReadyLoad {
  readonly form: ReadyForm;
  readonly store: ReadyStore;
  readonly force: boolean;
  readonly connectors: readonly Secretive[];
}

export const loadMount: Operation<z.infer<typeof loadInput>, MountObject, ReadyLoad> = {
  name: 'mount.load',
  summary: 'Activate a saved mount.',
  effect: 'write',
  who: ADMIN,
  input: loadInput,
  output: mountObject,
  faults: [
    'ACCESS_DENIED',
    'MOUNT_NOT_FOUND',
    'CONFLICT',
    'DIRECTORY_NOT_EMPTY',
    'NOT_A_DIRECTORY',
    'TOO_MANY',
    'UNAVAILABLE',
  ],
  rpc: { name: 'load_mount' },
  http: { method: 'POST', path: `${ROOT}/:mount_point`, wide: 'mount_point' },
  cli: { words: 'mount load', args: ['mount_point'] },
  mapPaths: mapPoint,
  prepare: async ({ mount_point, force }, preparation) => {
    const row = await preparation.run(findSavedForm, { mount_point });
    if (!row) throw savedNotFound(preparation.context.path_prefix + mount_point);
    const { zone_id, owner: _owner, created_at: _created, ...form } = row;
    const secrets = preparation.stores.unseal(form.secrets, zone_id);
    const config = { ...(parseJson(form.config) as BackendConfig), ...secrets };
    const connector = connectorOf(form.backend_type, preparation);
    const store = await locateStore({ connector, config, form }, preparation);
    return { form, store, force, connectors: secretive(preparation) };
  },
  object: ({ form }) => form.mount_point,
  run: async (call, { connectors, ...activation }) =>
    toMountObject(call, await activate(call, activation), { connectors, saved: true }),
};

export const deleteSavedMount: Operation<PointInput, boolean> = {
  name: 'mount.forget',
  summary: 'Forget a saved mount; an active one stays.',
  effect: 'destroy',
  who: ADMIN,
  input: pointInput,
  output: z.boolean(),
  faults: [],
  rpc: { name: 'delete_saved_mount' },
  cli: { words: 'mount forget', args: ['mount_point'] },
  mapPaths: mapPoint,
  object: ({ mount_point }) => mount_point,
  run: async (call, { mount_point }) => {
    if (!(await deleteSaved(call.tx, call.zone.zone_id, mount_point))) return false;
    call.event({ type: 'mount.forgotten', path: mount_point, object: { type: 'mount', id: mount_point }, data: {} });
    return true;
  },
};

/** The form of REST: 404 where there is none. */
export const deleteSavedAt: Operation<PointInput, boolean> = {
  ...deleteSavedMount,
  name: 'mount.delete-saved',
  rpc: undefined,
  cli: undefined,
  faults: ['MOUNT_NOT_FOUND'],
  http: { method: 'DELETE', path: `${ROOT}/:mount_point`, wide: 'mount_point', status: 204 },
  run: async (call, input) => {
    if (await deleteSavedMount.run(call, input)) return true;
    throw savedNotFound(call.shown(input.mount_point));
  },
};

export const savedOperations = [
  saveMount,
  allSavedMounts,
  listSavedMounts,
  findSavedForm,
  loadMount,
  deleteSavedMount,
  deleteSavedAt,
] as const;
