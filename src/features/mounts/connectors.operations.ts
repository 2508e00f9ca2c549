/** Kinds of stores, and the end of a mount with all that belongs to it (platform.md §4.1). */
import { z } from 'zod';
import { plainText } from '../../base/texts.ts';
import type { Operation, Preparation } from '../../core/operation.ts';
import { deactivate } from './activate.ts';
import { force, pointInput } from './forms.ts';
import { type ConnectorObject, connectorObject, NO_MORE, toConnectorObject, wholeList } from './mount-object.ts';
import { deleteSaved, findMount, findSaved } from './mounts.sql.ts';

const listInput = z.object({ category: plainText.optional().describe('only those of a category') });

type ListInput = z.infer<typeof listInput>;

const ofCategory = async ({ category }: ListInput, { stores }: Preparation): Promise<ConnectorObject[]> =>
  stores.connectors.filter((one) => category === undefined || one.category === category).map(toConnectorObject);

/** The form of JSON-RPC: a bare array. */
export const allConnectors: Operation<ListInput, ConnectorObject[], ConnectorObject[]> = {
  name: 'connector.all',
  tool: 'list_all_connectors',
  summary: 'List the kinds of stores that can be mounted.',
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: z.array(connectorObject),
  faults: [],
  rpc: { name: 'list_connectors' },
  prepare: ofCategory,
  run: async (_call, connectors) => connectors,
};

const connectorList = wholeList('connectors', connectorObject);

export const listConnectors: Operation<ListInput, z.infer<typeof connectorList>, ConnectorObject[]> = {
  name: 'connector.list',
  summary: 'List the kinds of stores that can be mounted.',
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: connectorList,
  faults: [],
  http: { method: 'GET', path: '/api/v2/connectors' },
  cli: { words: 'connector list' },
  examples: [{ title: 'all', input: {} }],
  prepare: ofCategory,
  run: async (_call, connectors) => ({ connectors, ...NO_MORE }),
};

const deleteInput = pointInput.extend({
  revoke_oauth: z.boolean().optional().describe('taken for the sake of existing clients: no connector has such grants'),
  force,
});
const deleteOutput = z.object({ removed: z.boolean(), mount_point: z.string(), credentials_deleted: z.boolean() });

export const deleteConnector: Operation<z.infer<typeof deleteInput>, z.infer<typeof deleteOutput>> = {
  name: 'connector.delete',
  summary: 'Remove a mount, its saved form and its stored secrets together.',
  effect: 'destroy',
  who: { role: 'admin' },
  input: deleteInput,
  output: deleteOutput,
  faults: ['CONFLICT'],
  rpc: { name: 'delete_connector' },
  cli: { words: 'connector delete', args: ['mount_point'] },
  mapPaths: (input, map) => ({ ...input, mount_point: map(input.mount_point) }),
  object: ({ mount_point }) => mount_point,
  run: async (call, { mount_point, force: forced }) => {
    const { tx, zone } = call;
    const active = await findMount(tx, zone.zone_id, mount_point);
    const saved = await findSaved(tx, zone.zone_id, mount_point);
    const removed = await deactivate(call, mount_point, forced);
    const forgotten = await deleteSaved(tx, zone.zone_id, mount_point);
    if (forgotten) {
      call.event({ type: 'mount.forgotten', path: mount_point, object: { type: 'mount', id: mount_point }, data: {} });
    }
    const credentials_deleted = [active, saved].some((row) => row !== undefined && row.secrets !== '');
    return { removed: removed || forgotten, mount_point: call.shown(mount_point), credentials_deleted };
  },
};

export const connectorOperations = [allConnectors, listConnectors, deleteConnector] as const;
