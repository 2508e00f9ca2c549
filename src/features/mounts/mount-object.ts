/** The shapes in which mounts, saved mounts and connectors are answered (platform.md §4.1). */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { jsonObject } from '../../base/json-object.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Call } from '../../core/operation.ts';
import type { BackendConfig, Connector } from '../../ports/backend.ts';
import type { FormRow, MountRow } from './mounts.sql.ts';

export const WRITE_MODES = ['through', 'back'] as const;
export const STRATEGIES = ['keep_local', 'keep_remote', 'keep_both'] as const;
const STATES = ['active', 'unreachable'] as const;

const form = z.object({
  mount_point: z.string(),
  path: z.string(),
  backend_type: z.string(),
  type: z.string(),
  backend_config: jsonObject,
  readonly: z.boolean(),
  priority: z.number(),
  write_mode: z.enum(WRITE_MODES),
  sync_interval_seconds: z.number(),
  conflict_strategy: z.string().nullable(),
  owner: z.string(),
  description: z.string(),
  saved: z.boolean(),
  zone_id: z.string(),
  created_at: z.string(),
});

export const mountObject = form.extend({
  status: z.enum(STATES),
  state: z.enum(STATES),
  last_error: z.string().nullable(),
});
export type MountObject = z.infer<typeof mountObject>;

export const savedObject = form;
export type SavedObject = z.infer<typeof savedObject>;

/** A list without pages, as REST has it. */
export const wholeList = <const N extends string, T extends z.ZodType>(name: N, item: T) =>
  z.object({ [name]: z.array(item), next_cursor: z.null(), has_more: z.literal(false) } as {
    readonly [K in N]: z.ZodArray<T>;
  } & { readonly next_cursor: z.ZodNull; readonly has_more: z.ZodLiteral<false> });

export const NO_MORE = { next_cursor: null, has_more: false } as const;

/** What a secret is shown as. */
const HIDDEN = '***';

function configOf({ config, secrets, backend_type }: FormRow, connectors: readonly Secretive[]): BackendConfig {
  const names = connectors.find(({ type }) => type === backend_type)?.secrets ?? [];
  const hidden = secrets === '' ? [] : names.map((name) => [name, HIDDEN]);
  return { ...(parseJson(config) as BackendConfig), ...Object.fromEntries(hidden) };
}

/** What has to be known of a connector to show a configuration of it. */
export type Secretive = Pick<Connector, 'type' | 'secrets'>;

interface Showing {
  readonly connectors: readonly Secretive[];
  readonly saved: boolean;
}

function formOf(call: Pick<Call, 'shown'>, row: FormRow, showing: Showing): SavedObject {
  const point = call.shown(row.mount_point);
  return {
    mount_point: point,
    path: point,
    backend_type: row.backend_type,
    type: row.backend_type,
    backend_config: configOf(row, showing.connectors),
    readonly: row.readonly === 1,
    priority: row.priority,
    write_mode: row.write_mode,
    sync_interval_seconds: row.sync_interval_seconds,
    conflict_strategy: row.conflict_strategy,
    owner: row.owner,
    description: row.description,
    saved: showing.saved,
    zone_id: row.zone_id,
    created_at: isoTime(row.created_at),
  };
}

export const toSavedObject = (call: Call, row: FormRow, connectors: readonly Secretive[]): SavedObject =>
  formOf(call, row, { connectors, saved: true });

export const toMountObject = (call: Call, row: MountRow, showing: Showing): MountObject => ({
  ...formOf(call, row, showing),
  status: row.status,
  state: row.status,
  last_error: row.last_error,
});

/** The tree of Nexus itself leads every list. */
export const rootMount = (call: Call): MountObject => ({
  mount_point: call.shown('/'),
  path: call.shown('/'),
  backend_type: 'nexus',
  type: 'nexus',
  backend_config: {},
  readonly: false,
  priority: 0,
  write_mode: 'through',
  sync_interval_seconds: 0,
  conflict_strategy: null,
  owner: 'system',
  description: 'files of the zone',
  saved: false,
  zone_id: call.zone.zone_id,
  created_at: isoTime(0),
  status: 'active',
  state: 'active',
  last_error: null,
});

export const connectorObject = z.object({
  type: z.string(),
  name: z.string(),
  backend_type: z.string(),
  category: z.string(),
  description: z.string(),
  requires: z.array(z.string()),
  user_scoped: z.boolean(),
  config_schema: jsonObject,
  capabilities: z.record(z.string(), z.boolean()),
});
export type ConnectorObject = z.infer<typeof connectorObject>;

export const toConnectorObject = (connector: Connector): ConnectorObject => ({
  type: connector.type,
  name: connector.type,
  backend_type: connector.type,
  category: connector.category,
  description: connector.description,
  requires: [...connector.requires],
  user_scoped: false,
  config_schema: z.toJSONSchema(connector.config, { unrepresentable: 'any', io: 'input' }) as Record<string, unknown>,
  capabilities: { ...connector.capabilities },
});
