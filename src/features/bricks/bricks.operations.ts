/**
 * Bricks are listed, switched off and on (platform.md §6). Guarantees: a choice and its event are one transaction, and it
 * is in force on this server before the call is answered; who switches one off is answered once its calls have ended on
 * every server, or had their time; whoever dies in between leaves nothing to be mended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type BrickName, brickRows, houseworkOf, isBrickName, requiredBy } from '../../base/bricks.ts';
import { Fault } from '../../base/faults.ts';
import { idText } from '../../base/texts.ts';
import type { Call, Operation, Preparation, Streaming } from '../../core/operation.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import { countUnaware, findBrick, listBricks, listFailures, saveBrick, saveSeen, someRunning } from './bricks.sql.ts';
import {
  type BrickObject,
  type BrickRow,
  brickCondition,
  brickObject,
  dependentsOf,
  isEssential,
  isHeld,
  STATES,
  statusOf,
} from './bricks.ts';

/** Calls that run have so long (platform.md §6). */
const FINISH_MS = 30_000;
/** How often it looks whether they have ended. */
const LOOK_MS = 50;

export const ACTIONS = ['mount', 'unmount', 'remount', 'reset'] as const;
type Action = (typeof ACTIONS)[number];

/** What the features of this server tell of themselves. */
export interface BrickParts {
  /** Bricks that are part of this server; asked when they are all known. */
  present(): ReadonlySet<BrickName>;
  /** Drops what a brick derived from other data; gives the job that makes it again, if there is one. */
  readonly resets: Readonly<Partial<Record<BrickName, (call: Call) => Promise<string | undefined>>>>;
  /** Rung behind a choice. */
  readonly topic: string;
}

const word = z.enum(STATES);
const time = z.string().nullable();
const brickShape = z.object({
  name: z.string(),
  state: word,
  status: word,
  essential: z.boolean(),
  requires: z.array(z.string()),
  required_by: z.array(z.string()),
  description: z.string(),
  error: z.string().nullable(),
  started_at: time,
  stopped_at: time,
  unmounted_at: time,
});

const listOutput = z.object({
  total: z.number(),
  active: z.number(),
  failed: z.number(),
  bricks: z.array(brickShape),
});

/** What is known beside the rows. */
interface Since {
  readonly since: number;
}

const withSince = async <I>(input: I, { bricks }: Preparation): Promise<I & Since> => ({
  ...input,
  since: bricks.since,
});

const READ = { effect: 'read', who: { role: 'viewer' }, zone: 'caller' } as const;
const ROOT = '/api/v2/bricks';

const nothing = z.object({});
const one = z.object({ name: idText.describe('name of the brick') });
type One = z.infer<typeof one>;

export type BrickList = z.infer<typeof listOutput>;

const listAll = ({ present }: BrickParts): Operation<Record<string, never>, BrickList, Since> => ({
  ...READ,
  name: 'brick.list',
  summary: 'List the bricks: features that can be switched off, and the essential ones.',
  input: nothing,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: `${ROOT}/health` },
  cli: { words: 'brick list' },
  prepare: withSince,
  run: async (call, { since }) => {
    const failures = await listFailures(call.tx, [...present()].flatMap(houseworkOf));
    const seen = { present: present(), now: await queueTime(call), since, failures };
    const rows = new Map((await listBricks(call.tx)).map((row) => [row.name, row]));
    const bricks = brickRows
      .filter(([name]) => seen.present.has(name))
      .map(([name]) => brickObject(name, rows.get(name), seen));
    const count = (state: string): number => bricks.filter((brick) => brick.state === state).length;
    return { total: bricks.length, active: count('active'), failed: count('failed'), bricks };
  },
});

const getOne = ({ present }: BrickParts): Operation<One, BrickObject, One & Since> => ({
  ...READ,
  name: 'brick.get',
  summary: 'Show a brick.',
  input: one,
  output: brickShape,
  faults: ['BRICK_NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/:name` },
  cli: { words: 'brick get', args: ['name'] },
  prepare: withSince,
  run: async (call, { name, since }) => {
    const known = getName(name, present());
    return brickObject(known, await findBrick(call.tx, known), {
      present: present(),
      now: await queueTime(call),
      since,
      failures: await listFailures(call.tx, houseworkOf(known)),
    });
  },
});

function getName(name: string, present: ReadonlySet<BrickName>): BrickName {
  if (isBrickName(name) && present.has(name)) return name;
  const shown = name.slice(0, 64);
  throw new Fault('BRICK_NOT_FOUND', `Brick not found: ${shown}`, { brick: shown, bricks: [...present] });
}

const actionOutput = z.object({
  name: z.string(),
  action: z.enum(ACTIONS),
  state: word,
  status: word,
  changed: z.boolean(),
  error: z.string().nullable(),
  task_id: z.string().optional(),
});
type ActionOutput = z.infer<typeof actionOutput>;

const SUMMARIES: Readonly<Record<Action, string>> = {
  mount: 'Switch a brick on.',
  unmount: 'Switch a brick off, once its calls have ended.',
  remount: 'Switch a brick off and on.',
  reset: 'Switch a brick off and on, and drop what it derived from other data.',
};

function act(parts: BrickParts, action: Action): Operation<One, ActionOutput, One & Since> {
  const settle = settleBrick(parts);
  return {
    name: `brick.${action}`,
    summary: SUMMARIES[action],
    effect: 'write',
    who: 'root admin',
    zone: 'caller',
    input: one,
    output: actionOutput,
    faults: ['BRICK_NOT_FOUND', 'CONFLICT', 'TOO_MANY'],
    http: { method: 'POST', path: `${ROOT}/:name/${action}` },
    cli: { words: `brick ${action}`, args: ['name'] },
    object: ({ name }) => name,
    rings: ({ changed }) => (changed ? parts.topic : undefined),
    prepare: withSince,
    run: async (call, { since, ...input }) => {
      const name = getName(input.name, parts.present());
      const { row, changed, now } = await choose(call, { name, action, present: parts.present(), since });
      const { state, error } = await conditionOf(call, { name, row, now });
      return { name, action, state, status: state, changed, error };
    },
    linger: async (output, streaming) => {
      const name = getName(output.name, parts.present());
      await streaming.bricks.look();
      const held = await streaming.run(heldBrick, { name });
      if (held.revision !== null) await drain(streaming, { name, revision: held.revision });
      const resets = action === 'reset' && output.changed;
      const { state, error, task_id } = await streaming.run(settle, { name, revision: held.revision, resets });
      await streaming.bricks.look();
      return { ...output, state, status: state, error, ...(task_id === undefined ? {} : { task_id }) };
    },
  };
}

interface Condition {
  readonly name: BrickName;
  readonly row: BrickRow | undefined;
  readonly now: number;
}

async function conditionOf({ tx }: Call, { name, row, now }: Condition): Promise<Pick<BrickObject, 'state' | 'error'>> {
  const failures = await listFailures(tx, houseworkOf(name));
  return brickCondition(name, row, { now, failures });
}

interface Choice {
  readonly name: BrickName;
  readonly action: Action;
  readonly present: ReadonlySet<BrickName>;
  readonly since: number;
}

interface Chosen {
  readonly row: BrickRow | undefined;
  readonly changed: boolean;
  readonly now: number;
}

/** What becomes of it, with the event; nothing where it is so already. */
async function choose(call: Call, choice: Choice): Promise<Chosen> {
  const { name, action } = choice;
  const [row, now] = await Promise.all([findBrick(call.tx, name), queueTime(call)]);
  const state = statusOf(row, now);
  const wanted = action === 'unmount' ? 0 : 1;
  if (isEssential(name) && action !== 'mount') {
    throw new Fault('CONFLICT', `The brick ${name} is essential: nothing works without it`, { reason: 'ESSENTIAL' });
  }
  const asItIs = action === 'mount' ? state === 'active' : wanted === 0 && row?.wanted === 0;
  if (asItIs) return { row, changed: false, now };
  if (wanted === 0) await checkNobodyNeeds(call, choice, now);
  else await checkHasAll(call, name, now);
  const runs = state !== 'unmounted' && action !== 'mount';
  const next: BrickRow = {
    name,
    wanted,
    held_until: runs ? now + FINISH_MS : wanted === 0 ? now : 0,
    revision: call.event({
      type: 'brick.changed',
      object: { type: 'brick', id: name },
      data: { name, action, from: state, to: wanted === 1 ? 'active' : 'unmounted' },
    }),
    started_at: wanted === 1 ? now : Math.max(row?.started_at ?? 0, choice.since),
    stopped_at: runs ? now : (row?.stopped_at ?? null),
  };
  await saveBrick(call.tx, next);
  return { row: next, changed: true, now };
}

async function checkNobodyNeeds({ tx }: Call, { name, present }: Choice, now: number): Promise<void> {
  for (const other of dependentsOf(name, present)) {
    if (statusOf(await findBrick(tx, other), now) === 'unmounted') continue;
    throw new Fault('CONFLICT', `The brick ${other} requires ${name}; unmount ${other} first`, {
      reason: 'REQUIRED_BY',
      required_by: [other],
    });
  }
}

async function checkHasAll({ tx }: Call, name: BrickName, now: number): Promise<void> {
  for (const other of requiredBy(name)) {
    if (statusOf(await findBrick(tx, other), now) !== 'unmounted') continue;
    throw new Fault('CONFLICT', `The brick ${name} requires ${other}, which is unmounted; mount ${other} first`, {
      reason: 'INVALID_TRANSITION',
      requires: [other],
    });
  }
}

const STEP = { who: 'root admin', internal: true, faults: [] } as const;

const held = z.object({ revision: z.number().nullable() });

/** Null: nobody is given time to end calls of it. */
const heldBrick: Operation<One, z.infer<typeof held>> = {
  ...STEP,
  name: 'brick.held',
  summary: 'Say since which choice calls of a brick are to end.',
  effect: 'read',
  input: one,
  output: held,
  run: async (call, { name }) => {
    const row = await findBrick(call.tx, name);
    return { revision: row && isHeld(row, await queueTime(call)) ? row.revision : null };
  },
};

const busyInput = z.object({ revision: z.number(), node_id: z.string().optional(), types: z.array(z.string()) });

const busyElsewhere: Operation<z.infer<typeof busyInput>, { busy: boolean }> = {
  ...STEP,
  name: 'brick.busy',
  summary: 'Say whether other servers run calls of what was switched off, or anybody its jobs.',
  effect: 'read',
  input: busyInput,
  output: z.object({ busy: z.boolean() }),
  run: async (call, { revision, node_id: but, types }) => {
    const { tx } = call;
    const unaware = but === undefined ? 0 : await countUnaware(tx, { revision, but, now: await queueTime(call) });
    return { busy: unaware > 0 || (await someRunning(tx, types)) };
  },
};

interface Draining {
  readonly name: BrickName;
  readonly revision: number;
}

/** Until its calls and jobs have ended everywhere, their time is over, or nobody waits any more. */
async function drain(streaming: Streaming, of: Draining): Promise<void> {
  const { bricks, signal } = streaming;
  const until = performance.now() + FINISH_MS;
  const types = [...bricks.jobTypes(of.name)];
  while (performance.now() < until && !signal.aborted) {
    const asked = { revision: of.revision, node_id: bricks.node_id, types };
    if (bricks.isIdle(of.name) && !(await streaming.run(busyElsewhere, asked)).busy) return;
    await sleep(LOOK_MS);
  }
}

const settling = z.object({ name: z.string(), revision: z.number().nullable(), resets: z.boolean() });
const settled = z.object({ state: word, error: z.string().nullable(), task_id: z.string().optional() });

/** The end of a stop. Where somebody has chosen otherwise meanwhile, that holds. */
const settleBrick = (parts: BrickParts): Operation<z.infer<typeof settling>, z.infer<typeof settled>> => ({
  ...STEP,
  name: 'brick.settle',
  summary: 'Say that the calls of a brick have ended.',
  effect: 'write',
  input: settling,
  output: settled,
  rings: () => parts.topic,
  run: async (call, { name, revision, resets }) => {
    const [row, now] = await Promise.all([findBrick(call.tx, name), queueTime(call)]);
    const task_id = resets && isBrickName(name) ? await parts.resets[name]?.(call) : undefined;
    const after = row?.revision === revision ? { ...row, ...endOf(row, now) } : row;
    if (after && after !== row) await saveBrick(call.tx, after);
    const { state, error } = await conditionOf(call, { name: getName(name, parts.present()), row: after, now });
    return { state, error, ...(task_id === undefined ? {} : { task_id }) };
  },
});

const endOf = ({ wanted, held_until, started_at }: BrickRow, now: number): Partial<BrickRow> => ({
  held_until: Math.min(held_until, now),
  started_at: wanted === 1 ? now : started_at,
});

const seenInput = z.object({ node_id: z.string(), revision: z.number() });

/** False where the server has not yet said that it is there. */
export const seeBricks: Operation<z.infer<typeof seenInput>, boolean> = {
  ...STEP,
  name: 'brick.see',
  summary: 'Say that a server runs no call of what is off.',
  effect: 'write',
  anyZone: true,
  input: seenInput,
  output: z.boolean(),
  run: ({ tx }, { node_id, revision }) => saveSeen(tx, node_id, revision),
};

/** `parts` may know the features only when all of them are. */
export const brickOperations = (parts: BrickParts) =>
  [
    listAll(parts),
    getOne(parts),
    ...ACTIONS.map((action) => act(parts, action)),
    settleBrick(parts),
    heldBrick,
    busyElsewhere,
    seeBricks,
  ] as const;
