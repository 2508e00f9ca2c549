/**
 * Branches by events (corpus.md §9, §10). Guarantees: an event type that is none is told first, then what infrastructure.md §1 has
 * in its order; several events are one transaction, of which a fault leaves nothing; texts are computed and stored before it.
 */

import { z } from 'zod';
import { Fault } from '../../../base/faults.ts';
import { jsonObject } from '../../../base/json-object.ts';
import { type Limits, limitExceeded } from '../../../base/limits.ts';
import { own } from '../../../base/own-data.ts';
import type { Switches } from '../../../core/call/switches.ts';
import { MODES, type Mode } from '../../../core/call/tokens.ts';
import type { Call, Operation, Preparation } from '../../../core/operation.ts';
import { requireMode } from '../../access/modes.ts';
import { type Base, type BaseNames, checkLineage, getBase } from './bases.ts';
import { type BranchEvent, eventNameOf, validateEvent } from './events/apply.ts';
import { badRequest, type Payload } from './events/event.ts';
import { keepBranches } from './keeping.ts';
import { makeBranches, type NewBranch } from './making.ts';

export const OPERATOR = { role: 'operator' } as const;
export const modeParam = z.enum(MODES).default('PUBLIC').describe('mode that it is made in');

const baseParams = {
  parent_branch_id: z.string().optional().describe('branch that it goes on from'),
  root_document_id: z.string().optional().describe('document that it begins with, where no branch is given'),
};
const payloadParam = jsonObject.default({}).describe('what the event needs; other fields are kept');

export interface Asked {
  readonly names: BaseNames;
  readonly mode: Mode;
  readonly switches: Switches;
}

interface AskedEvents extends Asked {
  /** As they were given; one that is missing is undefined. */
  readonly event_types: readonly (string | undefined)[];
}

/** Refuses in the order of infrastructure.md §1, the type of an event before what is not there. */
async function lookAtBase(call: Call, { names, mode, switches, event_types }: AskedEvents): Promise<Base> {
  await requireMode(call.tx, mode, { caller: call.caller, switches });
  for (const word of event_types) if (word) eventNameOf(word);
  return getBase(call, names);
}

const baseStep: Operation<AskedEvents, Base> = {
  name: 'branch.look-at-base',
  summary: 'Find what a branch is to be made on.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: own<AskedEvents>(),
  output: own<Base>(),
  faults: [],
  run: lookAtBase,
};

/** BAD_REQUEST where a payload names another number of events than the lineage of its parent has. */
function checkExpected({ expected_parent_event_index: expected }: Payload, actual: number): void {
  if (expected === undefined || expected === null || expected === actual) return;
  const shown = typeof expected === 'string' ? expected : JSON.stringify(expected);
  throw badRequest(
    `Optimistic concurrency violation: expected_parent_event_index=${shown.slice(0, 64)} actual=${actual}`,
  );
}

/** An event with nothing wrong in it; `parent` has so many events, undefined where there is none. */
function checked(event: BranchEvent, parent: number | undefined): BranchEvent {
  if (parent !== undefined) checkExpected(event.payload, parent);
  return validateEvent(event);
}

interface Ready {
  readonly asked: Asked;
  readonly base: Base;
  readonly branches: readonly NewBranch[];
}

/** What was found may be seen no longer, or the mode have been closed: then nothing is kept. */
async function keep(call: Call, { asked, base, branches }: Ready): Promise<void> {
  await lookAtBase(call, { ...asked, event_types: [] });
  await keepBranches(call, { base, mode: asked.mode, branches });
}

export const FAULTS = [
  'ACCESS_DENIED',
  'NOT_FOUND',
  'CONFLICT',
  'BAD_REQUEST',
  'LIMIT_EXCEEDED',
  'UNAVAILABLE',
] as const;

const evolveInput = z.object({
  ...baseParams,
  event_type: z.string().describe('what happens to the text'),
  event_payload: payloadParam,
  mode: modeParam,
});
const evolveOutput = z.object({ new_branch_id: z.string(), event_id: z.string(), diff_summary: jsonObject });
export type EvolveOutput = z.infer<typeof evolveOutput>;

const objectOf = ({ asked: { names } }: Ready): string =>
  (names.parent_branch_id ?? names.root_document_id ?? '').slice(0, 64);

const evolveOne: Operation<z.infer<typeof evolveInput>, EvolveOutput, Ready> = {
  name: 'branch.evolve',
  summary: 'Make a branch: a text with one event applied.',
  effect: 'write',
  who: OPERATOR,
  input: evolveInput,
  output: evolveOutput,
  faults: FAULTS,
  http: { method: 'POST', path: '/api/v1/evolve/branch', tolerant: true },
  cli: { words: 'branch evolve', args: ['event_type'] },
  examples: [{ title: 'a drift', input: { event_type: 'natural_drift' } }],
  object: objectOf,
  prepare: async ({ event_type, event_payload: payload, mode, ...names }, preparation) => {
    const asked = { names, mode, switches: preparation.switches };
    const base = await preparation.run(baseStep, { ...asked, event_types: [event_type] });
    const event = checked({ event_type: eventNameOf(event_type), payload }, base.parent?.branch_version);
    checkLineage(base, 1, preparation.limits);
    return { asked, base, branches: await makeBranches(base, { events: [event], isMany: false }, preparation) };
  },
  run: async (call, ready) => {
    await keep(call, ready);
    const { branch_id, event_id, diff_summary } = lastOf(ready.branches);
    return { new_branch_id: branch_id, event_id, diff_summary };
  },
};

function lastOf(branches: readonly NewBranch[]): NewBranch {
  const last = branches.at(-1);
  if (!last) throw new Error('no event made a branch');
  return last;
}

const manyInput = z.object({
  ...baseParams,
  events: z
    .array(z.object({ event_type: z.string().nullish(), event_payload: jsonObject.nullish() }))
    .describe('what happens to the text, one after the other'),
  mode: modeParam,
});
type ManyInput = z.infer<typeof manyInput>;
const manyOutput = z.object({
  branch_ids: z.array(z.string()),
  event_ids: z.array(z.string()),
  final_branch_id: z.string(),
  event_count: z.number(),
  final_text_hash: z.string(),
  final_preview: z.string(),
});
export type EvolveManyOutput = z.infer<typeof manyOutput>;

function checkEvents({ events }: ManyInput, base: Base, limits: Limits): BranchEvent[] {
  if (events.length === 0) throw badRequest('events must not be empty');
  const maximum = limits.EVOLVE_EVENTS;
  const actual = events.length;
  if (actual > maximum) throw limitExceeded('EVOLVE_EVENTS', maximum, { actual, what: 'events of one call' });
  checkLineage(base, actual, limits);
  const missing = events.findIndex(({ event_type }) => !event_type);
  if (missing !== -1) throw badRequest(`events[${missing}].event_type is required`);
  return events.map(({ event_type, event_payload }, index) => {
    // Each stands on the one before; only the first may have none.
    const parent = base.parent || index > 0 ? (base.parent?.branch_version ?? 0) + index : undefined;
    return atIndex(index, () =>
      checked({ event_type: eventNameOf(event_type ?? ''), payload: event_payload ?? {} }, parent),
    );
  });
}

/** A fault names the event that it belongs to. */
function atIndex<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof Fault) throw new Fault(thrown.code, `events[${index}]: ${thrown.message}`, thrown.data);
    throw thrown;
  }
}

async function prepareMany(input: ManyInput, preparation: Preparation): Promise<Ready> {
  const { events: _events, mode, ...names } = input;
  const asked = { names, mode, switches: preparation.switches };
  const base = await preparation.run(baseStep, { ...asked, event_types: [] });
  const valid = checkEvents(input, base, preparation.limits);
  return { asked, base, branches: await makeBranches(base, { events: valid, isMany: true }, preparation) };
}

const evolveMany: Operation<ManyInput, EvolveManyOutput, Ready> = {
  name: 'branch.evolve-many',
  tool: 'evolve_branches',
  summary: 'Make branches one on the other by several events, all or none.',
  effect: 'write',
  who: OPERATOR,
  input: manyInput,
  output: manyOutput,
  faults: FAULTS,
  http: { method: 'POST', path: '/api/v1/evolve/multi', tolerant: true },
  cli: { words: 'branch evolve-many' },
  object: objectOf,
  prepare: prepareMany,
  run: async (call, ready) => {
    await keep(call, ready);
    const { branches } = ready;
    const last = lastOf(branches);
    return {
      branch_ids: branches.map(({ branch_id }) => branch_id),
      event_ids: branches.map(({ event_id }) => event_id),
      final_branch_id: last.branch_id,
      event_count: branches.length,
      final_text_hash: last.text_hash,
      final_preview: last.preview,
    };
  },
};

export const evolveOperations = [baseStep, evolveOne, evolveMany] as const;
