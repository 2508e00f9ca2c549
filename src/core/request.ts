/**
 * A call as a door hands it over, and what is settled of it before its first transaction: who calls, where and with what.
 * Guarantee: the first refusal is the same at every door (files.md §2).
 */
import { unknownNames } from '../base/faults.ts';
import { checked, invalidValue } from '../base/issues.ts';
import { withoutNulls } from '../base/json-object.ts';
import { actingFor } from '../features/access/acting.ts';
import { ANYONE, unauthenticated } from '../features/access/credentials.ts';
import type { Again, Trail } from './audit-trail.ts';
import { checkWho } from './authorise.ts';
import { deadlineIn } from './deadline.ts';
import type { AnyOperation, CallContext, Caller, Channel } from './operation.ts';
import { checkQuestion, type Resumed, resume } from './paging.ts';
import { authoriseNeeds } from './preflight.ts';
import type { Server } from './server.ts';
import { shapeOf } from './shape-of.ts';
import { nameFor } from './tool-name.ts';
import { type Arrived, contextIn, isToLocate, locateZone, type Named, nameZone, settleZone } from './zone-of-call.ts';

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

/** A call as a door hands it over. */
export interface Asked {
  /** Parameters as they came, by name. */
  readonly raw: unknown;
  readonly request: Request;
}

/** Who calls, where and with what: all that comes before the first transaction. */
export async function settle(server: Server, trail: Trail, asked: Asked): Promise<Ready> {
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

export interface Settled {
  readonly input: unknown;
  readonly context: CallContext;
}

interface Ready extends Settled {
  readonly resumed: Resumed;
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
    throw invalidValue({ path: '', message: 'has to be an object' }, parameters);
  }
  if (!tolerant) {
    const known = shapeOf(operation);
    const isUnknown = (name: string): boolean => !Object.hasOwn(known, name) && Reflect.get(parameters, name) !== null;
    const unknown = Object.keys(parameters).filter(isUnknown);
    if (unknown.length > 0) {
      const name = nameFor(operation, channel);
      throw unknownNames(unknown, `is no parameter of ${name}`);
    }
  }
  const given = Object.values(parameters).includes(null) ? withoutNulls(parameters) : parameters;
  return checked(operation.input, given);
}
