/**
 * The limits a zone may have, under every name by which clients set them (access.md §5). Guarantees: what is stored has
 * canonical names only; a name that is no limit, or one limit given twice with different values, is refused.
 */
import { z } from 'zod';
import { invalidParams } from '../../base/faults.ts';
import type { ZoneLimits } from './quota.ts';

/** Canonical names, each with the other names it is accepted under. */
const ALIASES = {
  max_storage_bytes: ['storage_bytes', 'storage_limit', 'quota_bytes'],
  max_history_bytes: ['history_bytes'],
  max_files: ['files'],
  max_file_bytes: [],
  max_agents: ['agents'],
  max_keys: ['keys'],
  max_tuples: ['tuples'],
  max_workflows: ['workflows'],
  max_executions: ['executions'],
  max_executions_per_day: ['executions_per_day'],
  max_jobs_queued: ['jobs'],
} as const;

type Canonical = keyof typeof ALIASES;
type LimitName = Canonical | (typeof ALIASES)[Canonical][number];

const CANONICAL = new Map<string, string>(
  Object.entries(ALIASES).flatMap(([name, others]) => [name, ...others].map((other) => [other, name] as const)),
);

const limitValue = z.int().min(0);
const limitSet = z
  .record(z.string(), limitValue)
  .describe(`limits by name, 0 for none: ${Object.keys(ALIASES).join(', ')}`);

/** Parameters of operations that set limits: inside `limits`, inside `quota`, or by themselves. */
export const limitParams = {
  limits: limitSet.optional(),
  quota: limitSet.optional().describe('the same as limits'),
  ...(Object.fromEntries(
    [...CANONICAL].map(([name, canonical]) => [name, limitValue.optional().describe(`limit ${canonical}`)]),
  ) as Record<LimitName, z.ZodOptional<typeof limitValue>>),
};

type Given = Readonly<Record<string, unknown>>;

/** The limits that were given, by canonical name. */
export function limitsGiven(input: Given): ZoneLimits {
  const limits: Record<string, number> = {};
  const set = (name: string, value: unknown, path: string): void => {
    const canonical = CANONICAL.get(name);
    if (canonical === undefined) {
      throw invalidParams({ path, message: `is no limit; there are ${Object.keys(ALIASES).join(', ')}` });
    }
    if (typeof value !== 'number') return;
    if (limits[canonical] !== undefined && limits[canonical] !== value) {
      throw invalidParams({ path, message: `${canonical} is given twice, with different values` });
    }
    limits[canonical] = value;
  };
  for (const [name] of CANONICAL) set(name, input[name], name);
  for (const group of ['limits', 'quota']) {
    for (const [name, value] of Object.entries((input[group] as Given | undefined) ?? {})) {
      set(name, value, `${group}.${name}`);
    }
  }
  return limits;
}

/** Limits after a change: those given replace, 0 takes one away. */
export function mergeLimits(before: ZoneLimits, given: ZoneLimits): ZoneLimits {
  return Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => value > 0));
}
