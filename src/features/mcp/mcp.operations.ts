/**
 * MCP servers are mounted, listed and looked at (platform.md §4.3). Guarantees: an entry is stored before its server is asked, so
 * what is wrong with that is a state of the entry and no failure of the call; no secret of it is ever answered; an entry that its
 * caller may not see is as good as none.
 */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { newId } from '../../base/ids.ts';
import { own } from '../../base/own-data.ts';
import { parseJson } from '../../base/parse-json.ts';
import { ownerText } from '../../core/call/doer.ts';
import { type Call, type CallContext, type Operation, ofBrick, type Preparation } from '../../core/operation.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';
import {
  checkTier,
  entryOf,
  entryShape,
  type McpEntry,
  type MountInput,
  mountInput,
  nameParam,
  placeOf,
} from './mcp-mount.ts';
import {
  countOfZone,
  deleteNamed,
  findById,
  findSeen,
  findTools,
  insertEntry,
  type Looker,
  listSeen,
  type McpRow,
  removeOfZone,
  saveSeen,
  TIERS,
} from './mcp-mounts.sql.ts';

const VIEWER = { role: 'viewer' } as const;
const OPERATOR = { role: 'operator' } as const;
/** Steps of these calls, which no door reaches: whoever may make the call may have them made. */
const STEP = { internal: true, faults: [] } as const;

const lookerOf = ({ zone, caller }: Call): Looker => ({
  zone_id: zone.zone_id,
  owner: ownerText(caller, zone.zone_id),
});

async function getSeen(call: Call, name: string): Promise<McpRow> {
  const row = await findSeen(call.tx, lookerOf(call), name);
  if (row) return row;
  const shown = name.slice(0, 64);
  throw new Fault('MOUNT_NOT_FOUND', `No MCP server is mounted as ${shown}`, { name: shown });
}

const listInput = z.object({
  tier: z.enum(TIERS).optional().describe('only of this tier'),
  include_unmounted: z.boolean().default(true).describe('those too that could not be reached'),
});

export const listMcp: Operation<z.infer<typeof listInput>, McpEntry[]> = {
  name: 'mcp-mount.list',
  summary: 'List the MCP servers that are mounted: your own, those of the zone, those of the server.',
  effect: 'read',
  who: VIEWER,
  input: listInput,
  output: z.array(entryShape),
  faults: [],
  rpc: { name: 'mcp_list_mounts' },
  cli: { words: 'mcp-mount list' },
  examples: [{ title: 'all', input: {} }],
  run: async (call, { tier, include_unmounted }) =>
    (await listSeen(call.tx, lookerOf(call)))
      .filter((row) => (tier === undefined || row.tier === tier) && (include_unmounted || row.mounted === 1))
      .map(entryOf),
};

type Stored = Pick<McpRow, 'name' | 'tier' | 'transport' | 'place' | 'description'>;

/** The same for a call that comes again: what an earlier try of it stored, before it was cut off or on another node, is told once. */
const mountIdOf = ({ zone_id, repeat }: CallContext): string =>
  repeat
    ? `mcp-${createHash('sha256')
        .update(JSON.stringify([zone_id, repeat]))
        .digest('hex')
        .slice(0, 24)}`
    : newId('mcp');

/** In a transaction of its own, before its server is asked. */
const storeMcp: Operation<Stored, McpRow> = {
  ...STEP,
  who: OPERATOR,
  name: 'mcp-mount.store',
  summary: 'Store how an MCP server is reached; one of an equal name is replaced.',
  effect: 'write',
  input: own<Stored>(),
  output: own<McpRow>(),
  run: async (call, stored) => {
    const { tx, zone, caller, context } = call;
    const { zone_id } = zone;
    const { tier, name, transport } = stored;
    checkTier(caller, zone_id, tier);
    const owner = tier === 'user' ? lookerOf(call).owner : '';
    const row: McpRow = {
      ...stored,
      zone_id,
      owner,
      mount_id: mountIdOf(context),
      mounted: 0,
      tool_count: 0,
      last_error: 'it has not been asked yet',
      looked_at: 0,
    };
    const isThere = (await findById(tx, row.mount_id)) !== undefined;
    const replaced = await deleteNamed(tx, row);
    const maximum = call.limits.MOUNTS;
    if ((await countOfZone(tx, zone_id)) >= maximum) {
      const message = `The zone has ${maximum} MCP servers mounted, the limit MOUNTS; unmount one`;
      throw new Fault('TOO_MANY', message, { limit: 'MOUNTS', maximum, retry_after: 60 });
    }
    await insertEntry(tx, row);
    if (isThere) return row;
    const data = { tier, transport, ...(replaced ? { replaced } : {}) };
    call.event({ type: 'mount.mcp_added', object: { type: 'mcp_mount', id: name }, data });
    return row;
  },
};

/** What a look came to; `tools` as JSON. */
interface Looked {
  readonly row: McpRow;
  readonly tools: string;
  readonly tool_count: number;
  readonly last_error: string | null;
}

async function lookAt(row: McpRow, { stores }: Preparation): Promise<Looked> {
  const { mount_id, zone_id, place } = row;
  const { tools, error } = await stores.tools.look({ mount_id, zone_id, sealed: place });
  return { row, tools: JSON.stringify(tools), tool_count: tools.length, last_error: error };
}

/** The entry with what the look came to. One that was replaced meanwhile is told as it was. */
async function record({ tx, now }: Call, { row, ...looked }: Looked): Promise<McpRow> {
  await saveSeen(tx, { ...looked, mount_id: row.mount_id, looked_at: now });
  const { tool_count, last_error } = looked;
  const seen = { tool_count, last_error, mounted: last_error === null ? 1 : 0, looked_at: now };
  return (await findById(tx, row.mount_id)) ?? { ...row, ...seen };
}

export const mountMcp: Operation<MountInput, McpEntry, Looked> = {
  name: 'mcp-mount.add',
  summary: 'Mount an MCP server, whose tools are then listed here; one of an equal name is replaced.',
  effect: 'write',
  who: OPERATOR,
  input: mountInput,
  output: entryShape,
  faults: ['ACCESS_DENIED', 'TOO_MANY'],
  rpc: { name: 'mcp_mount' },
  cli: { words: 'mcp-mount add', args: ['name'] },
  prepare: async (input, preparation) => {
    await preparation.authorise([]);
    const { caller, zone_id } = preparation.context;
    checkTier(caller, zone_id, input.tier);
    const place = placeOf(input);
    const { name, tier, description } = input;
    const sealed = preparation.stores.tools.seal(place, zone_id);
    const stored: Stored = { name, tier, description, transport: place.transport, place: sealed };
    return lookAt(await preparation.run(storeMcp, stored), preparation);
  },
  object: ({ row }) => row.name,
  run: async (call, looked) => entryOf(await record(call, looked)),
};

const onlyName = z.object({ name: nameParam });
type OnlyName = z.infer<typeof onlyName>;

const removed = z.object({ success: z.literal(true), name: z.string() });

export const unmountMcp: Operation<OnlyName, z.infer<typeof removed>> = {
  name: 'mcp-mount.remove',
  summary: 'Unmount an MCP server, and forget how it was reached.',
  effect: 'destroy',
  who: OPERATOR,
  input: onlyName,
  output: removed,
  faults: ['ACCESS_DENIED', 'MOUNT_NOT_FOUND'],
  rpc: { name: 'mcp_unmount' },
  cli: { words: 'mcp-mount remove', args: ['name'] },
  object: ({ name }) => name,
  run: async (call, { name }) => {
    const row = await getSeen(call, name);
    checkTier(call.caller, call.zone.zone_id, row.tier);
    await deleteNamed(call.tx, row);
    call.event({ type: 'mount.mcp_removed', object: { type: 'mcp_mount', id: name }, data: { tier: row.tier } });
    return { success: true, name };
  },
};

/** Milliseconds for which the tools of a server that answered are taken to be what they were. */
const FRESH_MS = 60_000;

interface Found {
  readonly row: McpRow;
  /** JSON, as they were last seen. */
  readonly tools: string;
  readonly fresh: boolean;
}

const findMcp: Operation<OnlyName, Found> = {
  ...STEP,
  who: VIEWER,
  name: 'mcp-mount.find',
  summary: 'Find an MCP server that the caller sees.',
  effect: 'read',
  input: onlyName,
  output: own<Found>(),
  faults: ['MOUNT_NOT_FOUND'],
  run: async (call, { name }) => {
    const row = await getSeen(call, name);
    const fresh = row.mounted === 1 && call.now - row.looked_at < FRESH_MS;
    return { row, tools: await findTools(call.tx, row.mount_id), fresh };
  },
};

const synced = entryShape.pick({ name: true, tool_count: true, mounted: true, last_error: true });

export const syncMcp: Operation<OnlyName, z.infer<typeof synced>, Looked> = {
  name: 'mcp-mount.sync',
  summary: 'Look anew at what tools a mounted MCP server has.',
  effect: 'write',
  who: OPERATOR,
  input: onlyName,
  output: synced,
  faults: ['MOUNT_NOT_FOUND'],
  rpc: { name: 'mcp_sync' },
  cli: { words: 'mcp-mount sync', args: ['name'] },
  prepare: async (input, preparation) => {
    await preparation.authorise([]);
    return lookAt((await preparation.run(findMcp, input)).row, preparation);
  },
  object: ({ row }) => row.name,
  run: async (call, looked) => {
    const { name, tool_count, mounted, last_error } = entryOf(await record(call, looked));
    return { name, tool_count, mounted, last_error };
  },
};

const noteMcp: Operation<Looked, null> = {
  ...STEP,
  who: VIEWER,
  name: 'mcp-mount.note',
  summary: 'Write down what a look at an MCP server came to.',
  effect: 'write',
  input: own<Looked>(),
  output: z.null(),
  run: async (call, looked) => {
    await record(call, looked);
    return null;
  },
};

const toolShape = z.object({
  name: z.string(),
  description: z.string(),
  input_schema: z.record(z.string(), z.unknown()),
});
const toolList = z.array(toolShape);
type ToolList = z.infer<typeof toolList>;

export const listMcpTools: Operation<OnlyName, ToolList, { readonly tools: string }> = {
  name: 'mcp-mount.tools',
  tool: 'list_mcp_mount_tools',
  summary: 'List the tools of a mounted MCP server; none while it cannot be reached.',
  effect: 'read',
  who: VIEWER,
  input: onlyName,
  output: toolList,
  faults: ['MOUNT_NOT_FOUND'],
  rpc: { name: 'mcp_list_tools' },
  cli: { words: 'mcp-mount tools', args: ['name'] },
  prepare: async (input, preparation) => {
    await preparation.authorise([]);
    const { row, tools, fresh } = await preparation.run(findMcp, input);
    if (fresh) return { tools };
    const looked = await lookAt(row, preparation);
    await preparation.run(noteMcp, looked);
    return { tools: looked.tools };
  },
  run: async (_call, { tools }) => parseJson(tools) as ToolList,
};

export const removeMcpOf = rowFinalizer('mcp', removeOfZone);

export const mcpOperations = [
  ...ofBrick('mcp', [listMcp, mountMcp, unmountMcp, syncMcp, listMcpTools]),
  storeMcp,
  findMcp,
  noteMcp,
  removeMcpOf,
] as const;
