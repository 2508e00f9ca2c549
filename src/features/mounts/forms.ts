/**
 * What a mount is to be, as callers give it. Guarantees: a configuration is checked by its connector and the place of a store
 * that is to be active is known; secrets are sealed before they come to a transaction.
 */
import { z } from 'zod';
import { allInvalid, Fault, type Issue, invalidParams } from '../../base/faults.ts';
import { jsonObject } from '../../base/json-object.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import { understand } from '../../base/understand.ts';
import type { Caller, Preparation } from '../../core/operation.ts';
import type { BackendConfig, Connector, Place } from '../../ports/backend.ts';
import { isRootAdmin } from '../access/credentials.ts';
import { path } from '../files/params.ts';
import { storeFault } from './failures.ts';
import { type Secretive, STRATEGIES, WRITE_MODES } from './mount-object.ts';
import type { FormRow } from './mounts.sql.ts';

const DESCRIPTION_CHARACTERS = 4_096;
const SECONDS_MAX = 31_536_000;

export const pointInput = z.object({ mount_point: path.describe('where it is mounted') });

export const mapPoint = <I extends z.infer<typeof pointInput>>(input: I, map: (path: string) => string): I => ({
  ...input,
  mount_point: map(input.mount_point),
});

/** What operations that show mounts have to know of connectors: which fields are secrets. */
export const secretive = ({ stores }: Preparation): Secretive[] =>
  stores.connectors.map(({ type, secrets }) => ({ type, secrets }));

/** A flag that says of an act whether what was not pushed may be lost. */
export const force = z.boolean().default(false).describe('even if changes were not pushed yet: they are lost');

export const formInput = pointInput.extend({
  backend_type: plainText.min(1).max(64).describe('kind of the store, one of the connectors'),
  backend_config: jsonObject.refine((value) => !holdsNul(value), NO_NUL).describe('what its connector asks for'),
  priority: z.int().default(0).describe('kept and shown; the longest mount point decides'),
  readonly: z.boolean().default(false).describe('nothing is changed at or below it'),
  write_mode: z.enum(WRITE_MODES).default('through').describe('when a change reaches the store'),
  sync_interval_seconds: z.int().min(0).max(SECONDS_MAX).default(0).describe('push this often; 0: when asked'),
  conflict_strategy: z.enum(STRATEGIES).optional().describe('how conflicts of a sync end by themselves'),
  description: plainText.max(DESCRIPTION_CHARACTERS).optional().describe('what the mount is for'),
});
export type FormInput = z.infer<typeof formInput>;

/** As it is stored; whose it is and since when is known in the transaction. */
export type ReadyForm = Omit<FormRow, 'zone_id' | 'owner' | 'created_at'>;

/** A store that was found, and what calls have to know of it. */
export interface ReadyStore {
  readonly place: Place;
  /** It is of a kind that is made where it is missing. */
  readonly made: boolean;
  readonly can_rename: number;
  readonly has_directories: number;
}

/** "All but reading need zone admin; `local` a root admin, since it reaches the host". */
function checkReach(connector: Connector, caller: Caller): void {
  if (!connector.reachesHost || isRootAdmin(caller)) return;
  const message = `Access denied: a ${connector.type} mount reaches the host: it takes the role admin in zone root`;
  throw new Fault('ACCESS_DENIED', message, { required_role: 'admin of zone root', role: caller.role });
}

export function connectorOf(type: string, { stores, context }: Preparation): Connector {
  const connector = stores.connectors.find((one) => one.type === type);
  if (!connector) {
    const known = stores.connectors.map((one) => one.type).join(', ');
    throw invalidParams({ path: 'backend_type', message: `${type} is no connector; known are: ${known}` });
  }
  checkReach(connector, context.caller);
  return connector;
}

interface Checked {
  readonly connector: Connector;
  readonly config: BackendConfig;
  readonly form: ReadyForm;
}

/** INVALID_PARAMS naming the fields of the configuration that are wrong. */
export function checkForm(input: FormInput, preparation: Preparation): Checked {
  const connector = connectorOf(input.backend_type, preparation);
  const parsed = understand(connector.config, input.backend_config);
  if (!parsed.success) throw allInvalid(parsed.issues.map(issueOf), parsed.has_more);
  const config = parsed.data;
  const { stores, context } = preparation;
  const isSecret = (name: string): boolean => connector.secrets.includes(name);
  const entries = Object.entries(config);
  const secrets = entries.filter(([name]) => isSecret(name));
  return {
    connector,
    config,
    form: {
      mount_point: input.mount_point,
      backend_type: connector.type,
      config: JSON.stringify(Object.fromEntries(entries.filter(([name]) => !isSecret(name)))),
      secrets: secrets.length === 0 ? '' : stores.seal(Object.fromEntries(secrets), context.zone_id),
      readonly: input.readonly ? 1 : 0,
      priority: input.priority,
      write_mode: input.write_mode,
      sync_interval_seconds: input.sync_interval_seconds,
      conflict_strategy: input.conflict_strategy ?? null,
      description: input.description ?? '',
    },
  };
}

const issueOf = (issue: z.core.$ZodIssue): Issue => {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
  const at = ['backend_config', ...issue.path, ...unknown.slice(0, 1)].join('.');
  return { path: at, message: unknown.length > 0 ? 'is no field of this connector' : issue.message };
};

/** Finds where the store lies; 503 where it is not there. One that is made if it is missing is reached for later (activate.ts). */
export async function locateStore({ connector, config, form }: Checked, { stores }: Preparation): Promise<ReadyStore> {
  try {
    return {
      place: await stores.locate(connector, config),
      made: connector.making !== undefined,
      can_rename: connector.capabilities.rename ? 1 : 0,
      has_directories: connector.capabilities.directories ? 1 : 0,
    };
  } catch (thrown) {
    throw storeFault(thrown, form, 'backend_config');
  }
}
