/** What every HTTP door reads of a request before its body: id, credential, zone, address. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault, invalidParams } from '../../base/faults.ts';
import { isRequestId, newRequestId } from '../../base/ids.ts';
import type { HttpBinding } from '../../core/call/bindings.ts';
import type { AnyOperation, Channel } from '../../core/operation.ts';
import type { Request } from '../../core/request.ts';
import { shapeOf } from '../../core/shape-of.ts';
import type { Arrival, Credential } from './door.ts';
import { plainPath } from './verbs.ts';

export const one = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** The caller's id if it may be echoed, else a new one (files.md §1). */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = one(headers, 'x-request-id');
  return given !== undefined && isRequestId(given) ? given : newRequestId();
}

/**
 * What a request presents: `Authorization` with or without `Bearer`, or `X-Nexus-API-Key` (access.md §1). undefined: nothing.
 * Two that differ become one that is neither a key nor a token.
 */
export function credentialOf({ headers, rawHeaders }: IncomingMessage): Credential | undefined {
  const authorization = headers.authorization ?? '';
  const bearer = BEARER.test(authorization);
  const shown = bearer ? authorization.slice('bearer'.length).trim() : authorization;
  const key = one(headers, 'x-nexus-api-key')?.trim();
  if (key && shown && key !== shown) return { text: `${shown}\n${key}`, bearer: false };
  if (shown && isRepeated(rawHeaders, authorization)) return { text: `${shown}\n`, bearer: false };
  const text = shown || key;
  return text ? { text, bearer } : undefined;
}

const BEARER = /^bearer(?:\s+|$)/i;

/** Node gives the first of several headers `Authorization`; that another one says something else must not go unseen. */
function isRepeated(rawHeaders: readonly string[], authorization: string): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length !== 'authorization'.length || rawHeaders[i + 1] === authorization) continue;
    if (name.toLowerCase() === 'authorization') return true;
  }
  return false;
}

/** The zone named by header, under either of its names; INVALID_PARAMS where they differ. */
export function zoneHeaderOf(headers: IncomingHttpHeaders): string | undefined {
  const zone = one(headers, 'x-nexus-zone-id') || undefined;
  const tenant = one(headers, 'x-tenant-id') || undefined;
  if (zone !== undefined && tenant !== undefined && zone !== tenant) {
    throw invalidParams({ path: 'zone_id', message: 'X-Nexus-Zone-ID and X-Tenant-ID differ' });
  }
  return zone ?? tenant;
}

/** Bodies are taken as they are: with a Content-Encoding they are UNSUPPORTED_MEDIA_TYPE. */
export function checkUnencoded(headers: IncomingHttpHeaders): void {
  const encoding = one(headers, 'content-encoding');
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  throw new Fault('UNSUPPORTED_MEDIA_TYPE', `Content-Encoding ${encoding} is not taken; send the body as it is`);
}

/** Any JSON type or none, unencoded (files.md §1); else UNSUPPORTED_MEDIA_TYPE. */
export function checkMedia(headers: IncomingHttpHeaders): void {
  checkUnencoded(headers);
  const type = one(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type && !/^[^/]+\/([^/]+\+)?json$/.test(type)) {
    throw new Fault('UNSUPPORTED_MEDIA_TYPE', `Content-Type ${type} is not taken; send application/json`);
  }
}

/** A body says what it is (infrastructure.md §1). */
export function checkDeclared(headers: IncomingHttpHeaders): void {
  if (one(headers, 'content-type')) return;
  throw new Fault('UNSUPPORTED_MEDIA_TYPE', 'The body has no Content-Type; send application/json');
}

/** What `invoke` is told of a request. */
export const requestOf = (arrival: Arrival, channel: Channel): Omit<Request, 'tolerant'> => ({
  caller: arrival.caller,
  channel,
  request_id: arrival.request_id,
  address: arrival.address,
  endpoint: arrival.endpoint,
  zone_id: zoneHeaderOf(arrival.headers),
  agent_id: one(arrival.headers, 'x-agent-id') || undefined,
  traceparent: arrival.traceparent,
  idempotency_key: one(arrival.headers, 'idempotency-key'),
  replayed: arrival.replayed,
});

/** The header X-Nexus-Branch stands for the parameter `branch` (files.md §11). */
export function withBranch(operation: AnyOperation, params: object, headers: IncomingHttpHeaders): object {
  const branch = one(headers, 'x-nexus-branch');
  if (branch === undefined || 'branch' in params || !('branch' in shapeOf(operation))) return params;
  return { ...params, branch };
}

/** Other headers that stand for parameters of an operation. */
export function withHeaders(binding: HttpBinding<unknown>, params: object, headers: IncomingHttpHeaders): object {
  const missing = Object.entries(binding.headers ?? {}).flatMap(([header, parameter]): [string, string][] => {
    const value = one(headers, header);
    return value === undefined || value === '' || parameter in params ? [] : [[parameter, value]];
  });
  return missing.length === 0 ? params : { ...params, ...Object.fromEntries(missing) };
}

/** The body, to be read now: a client that waits for `100 Continue` before it sends is told to go on. */
export function bodyOf(request: FastifyRequest, reply: FastifyReply): IncomingMessage {
  const waits = one(request.headers, 'expect')?.toLowerCase() === '100-continue';
  // "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation" (RFC 9110 §10.1.1).
  if (waits && request.raw.httpVersionMinor > 0) reply.raw.writeContinue();
  return request.raw;
}

/** The path of a request target as it came, without the query. */
export function rawPathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** Clients of these routes know words of their own (infrastructure.md §1). */
export const isV1 = ({ url }: Pick<FastifyRequest, 'url'>): boolean =>
  `${plainPath(rawPathOf(url))}/`.startsWith('/api/v1/');
