/** Mounts of a zone: list, get, has, add, remove (platform.md §4.1). */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { type Call, type Operation, ofBrick, type Preparation } from '../../core/operation.ts';
import { activate, deactivate } from './activate.ts';
import { connectorOperations } from './connectors.operations.ts';
import {
  checkForm,
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
import { mountHousekeeping } from './housekeeping.operations.ts';
import {
  type MountObject,
  mountObject,
  NO_MORE,
  rootMount,
  type Secretive,
  toMountObject,
  wholeList,
} from './mount-object.ts';
import { mountSteps } from './mount-steps.operations.ts';
import { findSaved, listMounts, listSaved } from './mounts.sql.ts';
import { knownOfMount, refreshMount } from './refresh.operations.ts';
import { savedOperations } from './saved.operations.ts';

const ROOT = '/api/v2/mounts';
/** Its alias is the root mount. */
const AT = { path: `${ROOT}/at/:mount_point`, aliases: [`${ROOT}/at`], wide: 'mount_point' } as const;
const VIEWER = { role: 'viewer' } as const;
const ADMIN = { role: 'admin' } as const;

interface Ready<I> {
  readonly input: I;
  readonly connectors: readonly Secretive[];
}

const prepareInput = async <I>(input: I, preparation: Preparation): Promise<Ready<I>> => ({
  input,
  connectors: secretive(preparation),
});

const nothing = z.object({});

async function listReadable(call: Call, connectors: readonly Secretive[]): Promise<MountObject[]> {
  const readable = await call.access.readable();
  const rows = await listMounts(call.tx, call.zone.zone_id);
  const saved = new Set((await listSaved(call.tx, call.zone.zone_id)).map(({ mount_point }) => mount_point));
  const shown = rows.filter(({ mount_point }) => readable.has(mount_point));
  return [
    rootMount(call),
    ...shown.map((row) => toMountObject(call, row, { connectors, saved: saved.has(row.mount_point) })),
  ];
}

type Nothing = z.infer<typeof nothing>;

/** The form of JSON-RPC: a bare array. */
export const allMounts: Operation<Nothing, MountObject[], Ready<Nothing>> = {
  name: 'mount.all',
  tool: 'list_all_mounts',
  summary: 'List the mounts that the caller may read, the tree of the zone first.',
  effect: 'read',
  who: VIEWER,
  input: nothing,
  output: z.array(mountObject),
  faults: [],
  rpc: { name: 'list_mounts' },
  prepare: prepareInput,
  run: (call, { connectors }) => listReadable(call, connectors),
};

const mountList = wholeList('mounts', mountObject);

export const listAllMounts: Operation<Nothing, z.infer<typeof mountList>, Ready<Nothing>> = {
  name: 'mount.list',
  summary: 'List the mounts that the caller may read, the tree of the zone first.',
  effect: 'read',
  who: VIEWER,
  input: nothing,
  output: mountList,
  faults: [],
  http: { method: 'GET', path: ROOT },
  cli: { words: 'mount list' },
  examples: [{ title: 'all', input: {} }],
  prepare: prepareInput,
  run: async (call, { connectors }) => ({ mounts: await listReadable(call, connectors), ...NO_MORE }),
};

type PointInput = z.infer<typeof pointInput>;

async function findReadable(call: Call, { input, connectors }: Ready<PointInput>): Promise<MountObject | null> {
  const mounts = await listReadable(call, connectors);
  return mounts.find(({ mount_point }) => mount_point === call.shown(input.mount_point)) ?? null;
}

/** The form of JSON-RPC: null where there is none. */
export const findMountAt: Operation<PointInput, MountObject | null, Ready<PointInput>> = {
  name: 'mount.find',
  summary: 'Show the mount at a point, or null.',
  effect: 'read',
  who: VIEWER,
  input: pointInput,
  output: mountObject.nullable(),
  faults: [],
  rpc: { name: 'get_mount' },
  mapPaths: mapPoint,
  prepare: prepareInput,
  run: findReadable,
};

export const getMountAt: Operation<PointInput, MountObject, Ready<PointInput>> = {
  name: 'mount.get',
  summary: 'Show the mount at a point.',
  effect: 'read',
  who: VIEWER,
  input: pointInput,
  output: mountObject,
  faults: ['MOUNT_NOT_FOUND'],
  http: { method: 'GET', ...AT },
  cli: { words: 'mount get', args: ['mount_point'] },
  examples: [{ title: 'the tree of the zone', input: { mount_point: '/' } }],
  mapPaths: mapPoint,
  prepare: prepareInput,
  run: async (call, ready) => {
    const found = await findReadable(call, ready);
    if (!found) throw mountNotFound(call.shown(ready.input.mount_point));
    return found;
  },
};

export const mountNotFound = (mount_point: string): Fault =>
  new Fault('MOUNT_NOT_FOUND', `Mount not found: ${mount_point}`, { mount_point });

export const hasMount: Operation<PointInput, boolean, Ready<PointInput>> = {
  name: 'mount.has',
  summary: 'Is there a mount at the point that the caller may read?',
  effect: 'read',
  who: VIEWER,
  input: pointInput,
  output: z.boolean(),
  faults: [],
  rpc: { name: 'has_mount' },
  cli: { words: 'mount has', args: ['mount_point'] },
  examples: [{ title: 'the tree of the zone', input: { mount_point: '/' } }],
  mapPaths: mapPoint,
  prepare: prepareInput,
  run: async (call, ready) => (await findReadable(call, ready)) !== null,
};

const addInput = formInput.extend({ force });
type AddInput = FormInput & { readonly force: boolean };

interface ReadyAdd {
  readonly form: ReadyForm;
  readonly store: ReadyStore;
  readonly force: boolean;
  readonly connectors: readonly Secretive[];
}

export const addMount: Operation<AddInput, MountObject, ReadyAdd> = {
  name: 'mount.add',
  summary: 'Attach an outside store at a path; one that is there is replaced.',
  effect: 'write',
  who: ADMIN,
  input: addInput,
  output: mountObject,
  faults: ['ACCESS_DENIED', 'CONFLICT', 'DIRECTORY_NOT_EMPTY', 'NOT_A_DIRECTORY', 'TOO_MANY', 'UNAVAILABLE'],
  rpc: { name: 'add_mount' },
  http: { method: 'POST', path: ROOT, status: 201 },
  cli: { words: 'mount add', args: ['mount_point', 'backend_type', 'backend_config'] },
  mapPaths: mapPoint,
  prepare: async (input, preparation) => {
    // Whether the zone is there comes before what is wrong with the parameters.
    await preparation.authorise([]);
    const checked = checkForm(input, preparation);
    const store = await locateStore(checked, preparation);
    return { form: checked.form, store, force: input.force, connectors: secretive(preparation) };
  },
  object: ({ form }) => form.mount_point,
  run: async (call, { connectors, ...activation }) => {
    const row = await activate(call, activation);
    const saved = (await findSaved(call.tx, row.zone_id, row.mount_point)) !== undefined;
    return toMountObject(call, row, { connectors, saved });
  },
};

const removeInput = pointInput.extend({ force });

export const removeMount: Operation<z.infer<typeof removeInput>, boolean> = {
  name: 'mount.remove',
  summary: 'Detach a store; its files stay where they are.',
  effect: 'destroy',
  who: ADMIN,
  input: removeInput,
  output: z.boolean(),
  faults: ['CONFLICT'],
  rpc: { name: 'remove_mount' },
  cli: { words: 'mount remove', args: ['mount_point'] },
  mapPaths: mapPoint,
  object: ({ mount_point }) => mount_point,
  run: (call, input) => deactivate(call, input.mount_point, input.force),
};

/** The form of REST: 404 where there is none. */
export const deleteMountAt: Operation<z.infer<typeof removeInput>, boolean> = {
  ...removeMount,
  name: 'mount.delete',
  rpc: undefined,
  cli: undefined,
  faults: ['CONFLICT', 'MOUNT_NOT_FOUND'],
  http: { method: 'DELETE', ...AT, status: 204 },
  run: async (call, input) => {
    if (await deactivate(call, input.mount_point, input.force)) return true;
    throw mountNotFound(call.shown(input.mount_point));
  },
};

export const mountOperations = [
  ...ofBrick('mount', [
    allMounts,
    listAllMounts,
    findMountAt,
    getMountAt,
    hasMount,
    addMount,
    removeMount,
    deleteMountAt,
    ...savedOperations,
    ...connectorOperations,
  ]),
  knownOfMount,
  refreshMount,
  ...mountSteps,
  ...mountHousekeeping,
];
