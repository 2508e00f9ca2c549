/**
 * The only way in: who → parse → zone → prepare → the transaction (transact.ts) → the answer. Guarantees: every door
 * gets the same checks in the same order (files.md §2); nothing but a Fault leaves here, and anything else was logged
 * once under its request id.
 */
import type { z } from 'zod';
import { asFault, Fault, type Issue, invalidParams } from '../base/faults.ts';
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { cleanPath, zoneOfPath } from '../base/paths.ts';
import { isRootAdmin } from '../features/access/credentials.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Sql } from '../ports/sql.ts';
import { checkWho } from './authorise.ts';
import type { AnyOperation, CallContext, Caller, Channel, Operation, Preparation } from './operation.ts';
import { authoriseNeeds } from './preflight.ts';
import type { Runner } from './transact.ts';
import type { Turns } from './turns.ts';

/** How often a call is prepared again because what it relied on had changed meanwhile. */
const STALE_TRIES_MAX = 100;

/** What a door knows of a request. */
export interface Request {
  readonly caller: Caller | undefined;
  readonly channel: Channel;
  readonly request_id: string;
  readonly address: string | null;
  /** Zone named beside the parameters, by header. */
  readonly zone_id: string | undefined;
  /** Unknown parameters are ignored; else they are INVALID_PARAMS. */
  readonly tolerant: boolean;
}

export interface Server {
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly limits: Limits;
  readonly runner: Runner;
  readonly turns: Turns;
  readonly log: Log;
  /** Told of every call that ended; `outcome` is `ok` or the fault's code. */
  readonly observe: (operation: string, outcome: string, seconds: number) => void;
}

/** A call as a door hands it over. */
export interface Asked {
  /** Parameters as they came, by name. */
  readonly raw: unknown;
  readonly request: Request;
}

/** The answer of an operation, with the input as it was understood. */
export interface Answer {
  readonly output: unknown;
  readonly input: unknown;
}

export async function invoke(server: Server, operation: AnyOperation, asked: Asked): Promise<Answer> {
  const { request } = asked;
  const began = performance.now();
  let outcome = 'ok';
  try {
    return await answer(server, operation, asked);
  } catch (thrown) {
    const fault = asFault(thrown);
    outcome = fault.code;
    if (fault !== thrown) {
      const err = thrown instanceof Error ? thrown.stack : String(thrown);
      server.log('error', 'internal.error', { request_id: request.request_id, operation: operation.name, err });
    }
    throw fault;
  } finally {
    server.observe(operation.name, outcome, (performance.now() - began) / 1000);
  }
}

async function answer(server: Server, operation: AnyOperation, asked: Asked): Promise<Answer> {
  const { request } = asked;
  checkWho(operation, request.caller);
  const { parameters, zone_id } = splitZone(operation, asked);
  const named = zoneNamed(request, zone_id);
  const parsed = parse(operation, parameters, request.tolerant);
  const { context, input } = settleZone(server, operation, { input: parsed, request, zone_id: named });
  return { output: await perform(server, operation, { input, context }), input };
}

interface Settled {
  readonly input: unknown;
  readonly context: CallContext;
}

/**
 * Prepares and runs, again while the answer is stale. A call that was stale takes its turn, and one that comes while
 * somebody has it waits too, so that each gets through however many there are.
 */
async function perform(server: Server, operation: AnyOperation, settled: Settled): Promise<unknown> {
  const { input, context } = settled;
  const run = operation.effect === 'read' ? server.runner.read : server.runner.write;
  const turn = operation.turn && JSON.stringify([context.zone_id, operation.turn(input)]);
  const takeTurn = async (): Promise<(() => void) | undefined> =>
    turn === undefined ? undefined : server.turns.take(turn);
  let endTurn = turn !== undefined && server.turns.wanted(turn) ? await takeTurn() : undefined;
  try {
    let stale: unknown;
    for (let tries = 0; tries < STALE_TRIES_MAX; tries++) {
      const ready = operation.prepare ? await operation.prepare(input, preparationOf(server, context), stale) : input;
      const output = await run(operation, ready, context);
      if (!operation.stale?.(output)) return output;
      stale = output;
      endTurn ??= await takeTurn();
    }
  } finally {
    endTurn?.();
  }
  throw new Fault('CONFLICT', 'The thing kept changing while the call was prepared; try again', {
    reason: 'CONTENDED',
  });
}

/** `zone_id` among the parameters names the zone of the call, unless it is a parameter of the operation itself. */
function splitZone(operation: AnyOperation, asked: Asked): { parameters: object; zone_id: string | undefined } {
  const { raw } = asked;
  if (raw === undefined || raw === null) return { parameters: {}, zone_id: undefined };
  if (typeof raw !== 'object' || Array.isArray(raw)) throw invalidParams({ path: '', message: 'has to be an object' });
  if (!('zone_id' in raw) || 'zone_id' in shapeOf(operation)) return { parameters: raw, zone_id: undefined };
  const { zone_id, ...parameters } = raw;
  if (zone_id === undefined || zone_id === null) return { parameters, zone_id: undefined };
  if (typeof zone_id !== 'string') throw invalidParams({ path: 'zone_id', message: 'has to be a string' });
  return { parameters, zone_id };
}

/** The names of an operation's parameters, with the schema of each. */
export function shapeOf(operation: AnyOperation): Readonly<Record<string, z.ZodType>> {
  const schema = operation.input as z.ZodType & { readonly shape?: Record<string, z.ZodType> };
  return schema.shape ?? {};
}

function parse(operation: AnyOperation, parameters: object, tolerant: boolean): unknown {
  const given = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== null));
  if (!tolerant) {
    const known = shapeOf(operation);
    const unknown = Object.keys(given).filter((name) => !(name in known));
    if (unknown.length > 0) {
      throw invalidParams(...unknown.map((path) => ({ path, message: `is no parameter of ${operation.name}` })));
    }
  }
  const parsed = operation.input.safeParse(given);
  if (parsed.success) return parsed.data;
  throw invalidParams(...parsed.error.issues.map(toIssue));
}

const toIssue = (issue: z.core.$ZodIssue): Issue => ({ path: issue.path.join('.'), message: issue.message });

/** Header and parameter have to agree (access.md §4, rule 4). */
function zoneNamed(request: Request, parameter: string | undefined): string | undefined {
  if (parameter !== undefined && request.zone_id !== undefined && parameter !== request.zone_id) {
    throw invalidParams({ path: 'zone_id', message: 'differs from the zone named by the header' });
  }
  return request.zone_id ?? parameter;
}

interface Settling {
  readonly input: unknown;
  readonly request: Request;
  readonly zone_id: string | undefined;
}

/** The zone of the call (access.md §4), and the input with clean paths inside it. */
function settleZone(
  server: Server,
  operation: AnyOperation,
  settling: Settling,
): { context: CallContext; input: unknown } {
  const { request } = settling;
  const caller = request.caller ?? ANYONE;
  const zone_id = settling.zone_id ?? caller.zone_id;
  if (zone_id !== caller.zone_id && !isRootAdmin(caller)) throw foreignZone(zone_id);
  const base = { caller, channel: request.channel, request_id: request.request_id, address: request.address };
  if (!operation.mapPaths) return { context: { ...base, zone_id, path_prefix: '' }, input: settling.input };
  let foreign: string | undefined;
  let count = 0;
  let own = 0;
  const input = operation.mapPaths(settling.input, (path) => {
    count++;
    const found = zoneOfPath(path);
    if (!found || found.zone_id === zone_id) own++;
    else if (foreign !== undefined && foreign !== found.zone_id) own = Number.NaN;
    else foreign = found.zone_id;
    return cleanPath(found ? found.inside : path, server.limits);
  });
  if (foreign === undefined) return { context: { ...base, zone_id, path_prefix: '' }, input };
  if (count > 0 && own !== 0) {
    throw invalidParams({ path: 'path', message: 'all paths of one call have to lie in one zone' });
  }
  return { context: { ...base, zone_id: foreign, path_prefix: `/zone/${foreign}` }, input };
}

const foreignZone = (zone_id: string): Fault =>
  new Fault('ACCESS_DENIED', `Access denied: this key may not name zone ${zone_id.slice(0, 63)}`, {
    zone_id: zone_id.slice(0, 63),
  });

/** The caller of a public operation without credentials. */
const ANYONE: Caller = {
  subject_type: 'anonymous',
  subject_id: '',
  user_id: 'anonymous',
  zone_id: 'root',
  role: 'none',
  is_admin: false,
  key_id: null,
  agent_id: null,
  inherit_permissions: false,
  access_revision: 0,
  rate_limit_per_minute: null,
  expires_at: null,
};

function preparationOf(server: Server, context: CallContext): Preparation {
  return {
    context,
    blobs: server.blobs,
    limits: server.limits,
    sql: server.sql,
    authorise: (needs) => server.runner.read(authoriseNeeds, { needs }, context).then(() => undefined),
    run: <I, P, O>(operation: Operation<I, O, P>, ready: P) =>
      operation.effect === 'read'
        ? server.runner.read(operation, ready, context)
        : server.runner.write(operation, ready, context),
  };
}
