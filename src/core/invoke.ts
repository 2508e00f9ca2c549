/**
 * The only way in: who → parse → zone → prepare → the transaction (transact.ts) → the answer. Guarantees: every door
 * gets the same checks in the same order (files.md §2); nothing but a Fault leaves here, and anything else was logged
 * once under its request id.
 */
import { asFault, Fault, invalidParams } from '../base/faults.ts';
import { isZoneId } from '../base/ids.ts';
import { issuesOf } from '../base/issues.ts';
import { withoutNulls } from '../base/json-object.ts';
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { actingFor } from '../features/access/acting.ts';
import { ANYONE, isRootAdmin, unauthenticated } from '../features/access/credentials.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { CorpusFolder } from '../ports/corpus-folder.ts';
import type { SeedTexts } from '../ports/seed-texts.ts';
import type { Sql } from '../ports/sql.ts';
import { type Again, logEnded, logFailure, type Trail } from './audit-trail.ts';
import { checkWho } from './authorise.ts';
import type { BrickBoard } from './brick-board.ts';
import type { AuditLog } from './call/audit-row.ts';
import type { BackupDesk } from './call/backups.ts';
import type { ClusterView } from './call/cluster.ts';
import type { Computing } from './call/computing.ts';
import type { JobHands } from './call/job-hands.ts';
import type { Notes } from './call/notes.ts';
import type { Stores } from './call/outside.ts';
import type { Switches } from './call/switches.ts';
import type { Tokens } from './call/tokens.ts';
import { beforeDeadline, checkDeadline, deadlineIn } from './deadline.ts';
import { logCause } from './log-cause.ts';
import type { AnyOperation, CallContext, Caller, Channel, Operation, Preparation } from './operation.ts';
import { checkQuestion, type Resumed, resume, withQuestion } from './paging.ts';
import { authoriseNeeds } from './preflight.ts';
import { answerOnce, repeatOf } from './repeat.ts';
import type { Rings } from './rings.ts';
import { shapeOf } from './shape-of.ts';
import type { Open, Streams } from './streams.ts';
import { nameFor } from './tool-name.ts';
import type { Runner } from './transact.ts';
import type { Turns } from './turns.ts';
import { type Arrived, contextIn, isToLocate, locateZone, type Named, nameZone, settleZone } from './zone-of-call.ts';

/** How often a call is prepared again because what it relied on had changed meanwhile. */
const STALE_TRIES_MAX = 100;

/** What a door knows of a request. */
export interface Request extends Again {
  readonly caller: Caller | undefined;
  readonly channel: Channel;
  readonly request_id: string;
  readonly address: string | null;
  /** Zone named beside the parameters, by header. */
  readonly zone_id: string | undefined;
  /** Agent that the call is made for, if one was named. */
  readonly agent_id?: string | undefined;
  /** Route template of an HTTP door. */
  readonly endpoint?: (() => string) | undefined;
  /** Gives what is aborted when nobody waits for the answer any more. */
  readonly gone?: (() => AbortSignal) | undefined;
  /** Told that the answer may be waited for, so that it is counted as that and no longer as a request. */
  readonly lasts?: (() => void) | undefined;
  /** Of the span that the request is, where requests are traced. */
  readonly traceparent?: string | undefined;
  /** Unknown parameters are ignored; else they are INVALID_PARAMS. */
  readonly tolerant: boolean;
}

export interface Server {
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly limits: Limits;
  readonly runner: Runner;
  readonly turns: Turns;
  readonly streams: Streams;
  readonly tokens: Tokens;
  readonly switches: Switches;
  readonly audit: AuditLog;
  readonly rings: Rings;
  readonly asyncJobs: boolean;
  readonly hands: JobHands;
  readonly stores: Stores;
  readonly bricks: BrickBoard;
  readonly backups: BackupDesk;
  readonly cluster: ClusterView;
  readonly computing: Computing;
  readonly folder: CorpusFolder;
  readonly seeds: SeedTexts;
  readonly notes: Notes;
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

export const invoke = (server: Server, operation: AnyOperation, asked: Asked): Promise<Answer> =>
  observed(server, operation, { asked, work: answer });

/** A stream that has begun. Whoever has it sends its items, and closes it in the end. */
export interface Stream {
  readonly items: AsyncIterable<Uint8Array>;
  readonly open: Open;
}

/** The same for an operation that streams; what is wrong with the call is thrown before the first item. */
export const openStream = (server: Server, operation: AnyOperation, asked: Asked): Promise<Stream> =>
  observed(server, operation, { asked, work: beginStream });

interface Observed<T> {
  readonly asked: Asked;
  readonly work: (server: Server, trail: Trail, asked: Asked) => Promise<T>;
}

async function observed<T>(server: Server, operation: AnyOperation, { asked, work }: Observed<T>): Promise<T> {
  const { request } = asked;
  const began = performance.now();
  const trail: Trail = { operation, caller: request.caller, way: request, began };
  let outcome = 'ok';
  try {
    const answered = await work(server, trail, asked);
    const logged = operation.effect === 'read' ? logEnded(server.audit, trail) : undefined;
    if (logged) await logged;
    return answered;
  } catch (thrown) {
    const fault = asFault(thrown);
    outcome = fault.code;
    if (fault !== thrown) {
      const err = thrown instanceof Error ? thrown.stack : String(thrown);
      server.log('error', 'internal.error', { request_id: request.request_id, operation: operation.name, err });
    } else logCause(server.log, fault, { request_id: request.request_id, operation: operation.name });
    await logFailure(server.audit, trail, fault);
    throw fault;
  } finally {
    trail.leave?.();
    server.observe(operation.name, outcome, (performance.now() - began) / 1000);
  }
}

async function answer(server: Server, trail: Trail, asked: Asked): Promise<Answer> {
  const { operation, caller } = trail;
  try {
    const settled = await settle(server, trail, asked);
    const output = operation.linger
      ? await lingering(server, trail, { asked, settled, linger: operation.linger })
      : await perform(server, trail, settled);
    const { zone_id } = settled.context;
    return { output: withQuestion(operation, settled.resumed, { zone_id, output }), input: settled.input };
  } catch (thrown) {
    if (!operation.nowhere || !caller || !isRootAdmin(caller) || !isAbsence(thrown)) throw thrown;
    return { output: operation.nowhere(), input: trail.input };
  }
}

/** Is it a zone that could be there? What no zone can be called is a mistake of whoever called it so. */
const isAbsence = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.code === 'ZONE_NOT_FOUND' && isZoneId(String(thrown.data.zone_id));

interface Waiting {
  readonly asked: Asked;
  readonly settled: Settled;
  readonly linger: NonNullable<AnyOperation['linger']>;
}

/** It counts as one that waits before it has begun, unless its input says that its answer is likely to be there at once. */
async function lingering(server: Server, trail: Trail, waiting: Waiting): Promise<unknown> {
  const { operation } = trail;
  const { settled } = waiting;
  if (operation.lingers?.(settled.input) ?? true) {
    return waitFor(server, trail, { ...waiting, work: () => perform(server, trail, settled) });
  }
  const output = await perform(server, trail, settled);
  if (!operation.unfinished?.(output)) return output;
  return waitFor(server, trail, { ...waiting, work: async () => output });
}

async function waitFor(
  server: Server,
  trail: Trail,
  { asked, settled, linger, work }: Waiting & { readonly work: () => Promise<unknown> },
): Promise<unknown> {
  const open = server.streams.begin(settled.context, ...endsOf(server, trail, asked));
  try {
    asked.request.lasts?.();
    const output = await work();
    return trail.operation.output.parse(await linger(output, open, settled.input));
  } finally {
    open.close();
  }
}

/** Nobody waits for it any more, or its brick has given it all the time there was. */
function endsOf(server: Server, { operation }: Trail, { request }: Asked): readonly (AbortSignal | undefined)[] {
  return [request.gone?.(), operation.brick && server.bricks.over(operation.brick)];
}

async function beginStream(server: Server, trail: Trail, asked: Asked): Promise<Stream> {
  const { stream } = trail.operation;
  if (!stream) throw new Error(`${trail.operation.name} is no stream`);
  const settled = await settle(server, trail, asked);
  const open = server.streams.begin(settled.context, ...endsOf(server, trail, asked));
  try {
    const output = await perform(server, trail, settled);
    return { items: stream.open(output, open, settled.input), open };
  } catch (thrown) {
    open.close();
    throw thrown;
  }
}

/** Who calls, where and with what: all that comes before the first transaction. */
async function settle(server: Server, trail: Trail, asked: Asked): Promise<Ready> {
  const { request } = asked;
  const { operation } = trail;
  if (!request.caller && operation.who !== 'public') throw unauthenticated();
  if (operation.brick) trail.leave = server.bricks.enter(operation.brick);
  const deadline = deadlineIn(server.limits.OPERATION_MS);
  const came: Arrived = { ...request, caller: request.caller ?? ANYONE, deadline };
  const resumed = resume(operation, asked.raw);
  const named = nameZone(operation, came, resumed.raw);
  checkWho(operation, came.caller, request.channel);
  const arrived: Arrived = { ...came, caller: actingFor(came.caller, request.agent_id) };
  try {
    trail.input = parse(operation, named.parameters, request);
  } catch (wrong) {
    await refuseElsewhere(server, operation, { named, arrived });
    throw wrong;
  }
  const settling = { operation, arrived, input: trail.input, zone_id: named.zone_id };
  const zone_id = isToLocate(settling) ? await locateZone(server.sql, settling) : settling.zone_id;
  const settled = settleZone(server.limits, { ...settling, zone_id });
  trail.context = settled.context;
  checkQuestion(resumed, { zone_id: settled.context.zone_id, input: trail.input });
  return { ...settled, resumed };
}

interface Settled {
  readonly input: unknown;
  readonly context: CallContext;
}

interface Ready extends Settled {
  readonly resumed: Resumed;
}

/** Once only, where it may be asked for again. */
function perform(server: Server, trail: Trail, settled: Settled): Promise<unknown> {
  const { idempotency_key, replayed } = trail.way;
  const repeat = repeatOf(trail.operation, idempotency_key, settled);
  if (!repeat) return performNow(server, trail, settled);
  const { context } = settled;
  const work = () => performNow(server, trail, { ...settled, context: { ...context, repeat } });
  return answerOnce(server, { repeat, context, replayed, work });
}

/**
 * Prepares and runs, again while the answer is stale. A call that was stale takes its turn, and one that comes while
 * somebody has it waits too, so that each gets through however many there are.
 */
async function performNow(server: Server, trail: Trail, settled: Settled): Promise<unknown> {
  const { operation } = trail;
  const { input, context } = settled;
  const run = operation.effect === 'read' ? server.runner.read : server.runner.write;
  const turn = operation.turn && JSON.stringify([context.zone_id, operation.turn(input)]);
  const takeTurn = async (): Promise<(() => void) | undefined> =>
    turn === undefined ? undefined : server.turns.take(turn);
  let endTurn = turn !== undefined && server.turns.wanted(turn) ? await takeTurn() : undefined;
  try {
    let stale: unknown;
    for (let tries = 0; tries < STALE_TRIES_MAX; tries++) {
      const preparing = prepared(server, operation, { input, context, stale });
      const ready = preparing instanceof Promise ? await preparing : preparing;
      trail.ready = ready;
      const output = await (operation.over
        ? runTold(server, operation, { run, ready, context })
        : run(operation, ready, context));
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

interface Prepared {
  readonly run: Runner['read'];
  readonly ready: unknown;
  readonly context: CallContext;
}

/** Runs it, and tells it that it has. */
async function runTold(server: Server, operation: AnyOperation, { run, ready, context }: Prepared): Promise<unknown> {
  let output: unknown;
  try {
    output = await run(operation, ready, context);
    return output;
  } finally {
    operation.over?.(ready, output, preparationOf(server, context));
  }
}

interface Preparing extends Settled {
  readonly stale: unknown;
}

/** What runs, or a promise of it. */
function prepared(server: Server, operation: AnyOperation, preparing: Preparing): unknown {
  const { input, context, stale } = preparing;
  checkDeadline(context.deadline);
  if (!operation.prepare) return input;
  const ready = operation.prepare(input, preparationOf(server, context), stale);
  return ready instanceof Promise ? beforeDeadline(context.deadline, ready) : ready;
}

interface Elsewhere {
  readonly named: Named;
  readonly arrived: Arrived;
}

/** That the zone is missing is said before what is wrong with the parameters (files.md §2). */
async function refuseElsewhere(server: Server, operation: AnyOperation, { named, arrived }: Elsewhere): Promise<void> {
  const elsewhere = named.zone_id !== undefined && named.zone_id !== arrived.caller.zone_id;
  if (!elsewhere || operation.anyZone) return;
  await server.runner.read(authoriseNeeds, { needs: [] }, contextIn(arrived, named.zone_id));
}

type Asking = Pick<Request, 'tolerant' | 'channel'>;

function parse(operation: AnyOperation, parameters: unknown, { tolerant, channel }: Asking): unknown {
  if (parameters === undefined || parameters === null) return parse(operation, {}, { tolerant, channel });
  if (typeof parameters !== 'object' || Array.isArray(parameters)) {
    throw invalidParams({ path: '', message: 'has to be an object' });
  }
  const given = Object.values(parameters).includes(null) ? withoutNulls(parameters) : parameters;
  if (!tolerant) {
    const known = shapeOf(operation);
    const unknown = Object.keys(given).filter((name) => !(name in known));
    if (unknown.length > 0) {
      const name = nameFor(operation, channel);
      throw invalidParams(...unknown.map((path) => ({ path, message: `is no parameter of ${name}` })));
    }
  }
  const parsed = operation.input.safeParse(given);
  if (parsed.success) return parsed.data;
  throw invalidParams(...issuesOf(parsed.error, given));
}

function preparationOf(server: Server, asked: CallContext): Preparation {
  // What a call does beside its own transaction is not what its answer is kept with.
  const context = asked.repeat ? { ...asked, repeat: undefined } : asked;
  return {
    context,
    blobs: server.blobs,
    limits: server.limits,
    sql: server.sql,
    tokens: server.tokens,
    switches: server.switches,
    audit: server.audit,
    asyncJobs: server.asyncJobs,
    rings: server.rings,
    hands: server.hands,
    stores: server.stores,
    bricks: server.bricks,
    backups: server.backups,
    cluster: server.cluster,
    computing: server.computing,
    folder: server.folder,
    seeds: server.seeds,
    notes: server.notes,
    authorise: (needs) => server.runner.read(authoriseNeeds, { needs }, context).then(() => undefined),
    run: <I, P, O>(operation: Operation<I, O, P>, ready: P) =>
      operation.effect === 'read'
        ? server.runner.read(operation, ready, context)
        : server.runner.write(operation, ready, context),
  };
}
