/**
 * The zone of a call (access.md §4). Guarantees: it is the caller's own unless a root admin names another, or a path of
 * the form `/zone/<id>/…` does; whoever else names another zone is refused alike, whether or not that zone exists.
 */
import { type Fault, invalidParams } from '../base/faults.ts';
import { isZoneId } from '../base/ids.ts';
import { invalidValue } from '../base/issues.ts';
import type { Limits } from '../base/limits.ts';
import { cleanPath, zoneOfPath } from '../base/paths.ts';
import { foreignZone, isRootAdmin, zoneNotFound } from '../features/access/credentials.ts';
import type { Sql } from '../ports/sql.ts';
import type { AnyOperation, CallContext, Caller, Channel } from './operation.ts';

/** What of a request decides on the zone. */
export interface Arrived {
  readonly caller: Caller;
  readonly channel: Channel;
  readonly request_id: string;
  readonly address: string | null;
  /** Zone named by header. */
  readonly zone_id: string | undefined;
  readonly deadline: number;
  readonly traceparent?: string | undefined;
}

export interface Named {
  /** What is left for the operation's own schema. */
  readonly parameters: unknown;
  /** undefined: nobody named one. */
  readonly zone_id: string | undefined;
}

/** Rules 2, 3, 4 and 6: the zone that header or parameter name. */
export function nameZone(operation: AnyOperation, arrived: Arrived, raw: unknown): Named {
  const rule = operation.zone ?? 'named';
  const header = arrived.zone_id;
  if (rule === 'caller') {
    if (operation.who !== 'public') mayName(arrived.caller, header);
    return { parameters: raw, zone_id: undefined };
  }
  const { parameters, parameter } = takeZone(raw);
  if (rule !== 'parameter' && header !== undefined && parameter !== undefined && header !== parameter) {
    throw invalidValue({ path: 'zone_id', message: 'differs from the zone named by the header' }, parameter);
  }
  if (rule === 'any' && parameter === EVERY_ZONE && isRootAdmin(arrived.caller)) {
    return { parameters: { ...(parameters as object), zone_id: EVERY_ZONE }, zone_id: undefined };
  }
  const zone_id = parameter ?? header;
  mayName(arrived.caller, zone_id);
  if (rule === 'named' || rule === 'any' || zone_id === undefined) return { parameters, zone_id };
  return { parameters: { ...(parameters as object), zone_id }, zone_id };
}

/** No id of a zone: all of them. */
const EVERY_ZONE = '*';

/** The parameter `zone_id` apart from the others. What is no object is left for the parser to refuse. */
function takeZone(raw: unknown): { parameters: unknown; parameter: string | undefined } {
  if (raw === undefined || raw === null) return { parameters: {}, parameter: undefined };
  if (typeof raw !== 'object' || Array.isArray(raw) || !('zone_id' in raw)) {
    return { parameters: raw, parameter: undefined };
  }
  const { zone_id, ...parameters } = raw;
  if (zone_id === undefined || zone_id === null) return { parameters, parameter: undefined };
  if (typeof zone_id !== 'string') throw invalidValue({ path: 'zone_id', message: 'has to be a string' }, zone_id);
  return { parameters, parameter: zone_id };
}

function mayName(caller: Caller, zone_id: string | undefined): void {
  if (zone_id === undefined || zone_id === caller.zone_id || isRootAdmin(caller)) return;
  throw foreignZone(zone_id);
}

export interface Settling {
  readonly operation: AnyOperation;
  readonly arrived: Arrived;
  readonly input: unknown;
  readonly zone_id: string | undefined;
}

export interface Settled {
  readonly context: CallContext;
  /** With clean paths inside the zone of the call. */
  readonly input: unknown;
}

/** Does it take a look at the database to tell the zone: where the thing lies that the input names by id? */
export const isToLocate = ({ operation, arrived, zone_id }: Settling): boolean =>
  zone_id === undefined && operation.locate !== undefined && isRootAdmin(arrived.caller);

export const locateZone = (sql: Sql, { operation, input }: Settling): Promise<string | undefined> =>
  sql.read(async (tx) => operation.locate?.(tx, input));

/** The zone that was named or found, else that of the paths, else the caller's own. */
export function settleZone(limits: Limits, settling: Settling): Settled {
  const { operation, arrived, input, zone_id } = settling;
  const base = contextIn(arrived, zone_id);
  const map = operation.mapPaths;
  if (!map) return { context: base, input };
  let foreign: string | undefined;
  let inside = 0;
  const cleaned = map(input, (path) => {
    const clean = cleanPath(path, limits);
    const found = zoneOfPath(clean);
    if (!found || found.zone_id === base.zone_id) inside++;
    else if (foreign !== undefined && foreign !== found.zone_id) throw severalZones();
    else foreign = found.zone_id;
    return found ? found.inside : clean;
  });
  if (foreign === undefined) return { context: base, input: cleaned };
  if (inside > 0) throw severalZones();
  if (!operation.guests && !isRootAdmin(arrived.caller)) throw foreignZone(foreign);
  return { context: { ...base, zone_id: foreign, path_prefix: `/zone/${foreign}` }, input: cleaned };
}

/** A call in one zone. An id that no zone can have reaches no query. */
export function contextIn(arrived: Arrived, named: string | undefined): CallContext {
  const { caller, channel, request_id, address, deadline, traceparent } = arrived;
  const zone_id = named ?? caller.zone_id;
  if (zone_id !== caller.zone_id && !isZoneId(zone_id)) throw zoneNotFound(zone_id);
  return { caller, zone_id, path_prefix: '', channel, request_id, address, deadline, traceparent };
}

const severalZones = (): Fault =>
  invalidParams({ path: 'path', message: 'all paths of one call have to lie in one zone' });
