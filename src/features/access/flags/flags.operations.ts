/** Feature flags as operations (infrastructure.md §6): what is open to the caller, and opening and closing. */
import { z } from 'zod';
import { Fault } from '../../../base/faults.ts';
import { isPlainText } from '../../../base/texts.ts';
import { auditRow } from '../../../core/call/audit-row.ts';
import type { Switches } from '../../../core/call/switches.ts';
import { type Caller, type Operation, ROLES } from '../../../core/operation.ts';
import { type FlagRow, listFlags, lockFlag, saveFlag } from './flags.sql.ts';
import { isSwitchedOn, reaches } from './flags.ts';

const flagObject = z.object({
  name: z.string(),
  description: z.string(),
  min_role: z.string(),
  enabled: z.boolean(),
  active: z.boolean(),
});
type FlagObject = z.infer<typeof flagObject>;

const toFlag = ({ name, description, min_role, enabled }: FlagRow, switches: Switches): FlagObject => ({
  name,
  description,
  min_role,
  enabled: enabled === 1,
  active: enabled === 1 && isSwitchedOn(name, switches),
});

interface Ready<I> {
  readonly input: I;
  readonly switches: Switches;
}

const listInput = z.object({ all: z.boolean().default(false).describe('disabled ones too, for admins') });
type ListInput = z.infer<typeof listInput>;
const listOutput = z.object({ role: z.string(), features: z.array(flagObject) });

const isShown = (flag: FlagRow, caller: Caller, all: boolean): boolean =>
  (all && caller.role === 'admin') || (flag.enabled === 1 && reaches(caller, flag));

export const listFeatures: Operation<ListInput, z.infer<typeof listOutput>, Ready<ListInput>> = {
  name: 'feature.list',
  summary: 'List the features that are open to the role of the caller.',
  effect: 'read',
  who: { role: 'viewer' },
  zone: 'caller',
  input: listInput,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: '/api/v1/features', tolerant: true },
  cli: { words: 'feature list' },
  examples: [{ title: 'those of the caller', input: {} }],
  prepare: async (input, { switches }) => ({ input, switches }),
  run: async ({ tx, caller }, { input, switches }) => {
    const shown = (await listFlags(tx)).filter((flag) => isShown(flag, caller, input.all));
    return { role: caller.role, features: shown.map((flag) => toFlag(flag, switches)) };
  },
};

const updateInput = z.object({
  name: z.string().describe('name of the feature'),
  enabled: z.boolean().optional().describe('whether it is open; a command closes it with --no-enabled'),
  min_role: z.enum(ROLES).optional().describe('the least role that it is open to'),
});
type UpdateInput = z.infer<typeof updateInput>;

/** Mode RAW takes a researcher whatever the flag says (infrastructure.md §2). */
const BELOW_RAW: readonly string[] = ['viewer', 'operator'];

export const updateFeature: Operation<UpdateInput, FlagObject, Ready<UpdateInput>> = {
  name: 'feature.update',
  summary: 'Open or close a feature, or say from which role on it is open.',
  effect: 'write',
  who: 'root admin',
  zone: 'caller',
  input: updateInput,
  output: flagObject,
  faults: ['NOT_FOUND', 'BAD_REQUEST'],
  http: { method: 'PUT', path: '/api/v1/features/:name', tolerant: true },
  cli: { words: 'feature set', args: ['name'] },
  object: ({ input }) => input.name.slice(0, 128),
  prepare: async (input, { switches }) => ({ input, switches }),
  run: async (call, { input, switches }) => {
    const before = isPlainText(input.name) ? await lockFlag(call.tx, input.name) : undefined;
    if (!before) throw new Fault('NOT_FOUND', `Feature ${input.name.slice(0, 128)} not found`);
    const after: FlagRow = {
      ...before,
      min_role: input.min_role ?? before.min_role,
      enabled: input.enabled === undefined ? before.enabled : Number(input.enabled),
    };
    if (after.name === 'raw_mode' && BELOW_RAW.includes(after.min_role)) {
      throw new Fault('BAD_REQUEST', 'raw_mode is for researchers and admins only; min_role cannot be lower');
    }
    if (after.min_role === before.min_role && after.enabled === before.enabled) return toFlag(before, switches);
    await saveFlag(call.tx, after);
    call.log([updatedRow(call, before, after)]);
    return toFlag(after, switches);
  },
};

type Calling = Parameters<typeof updateFeature.run>[0];

/** Its name in the log is that of the contract (infrastructure.md §4). */
function updatedRow(call: Calling, before: FlagRow, after: FlagRow): ReturnType<typeof auditRow> {
  const told = ({ min_role, enabled }: FlagRow): object => ({ min_role, enabled: enabled === 1 });
  const facts = {
    at: call.now,
    action: 'feature_updated',
    effect: 'write',
    object: after.name,
    outcome: 'allowed',
    code: null,
    duration_ms: 0,
    details: { name: after.name, before: told(before), after: told(after) },
  } as const;
  return auditRow(facts, call.caller, call.context);
}

export const flagOperations = [listFeatures, updateFeature] as const;
