/**
 * What the HTTP doors tell the audit log of credentials (access.md §13). Guarantees: one that fails is in the log before it is
 * answered; one that works is told at most once a second and channel.
 */
import type { FastifyRequest } from 'fastify';
import { logArrival, logBadCredential, type Way } from '../../core/audit-trail.ts';
import type { Door, Known } from './door.ts';
import { addressOf } from './peer.ts';
import { rpcMethods } from './rpc-methods.ts';

type Works = Known & { readonly caller: object };
type Fails = Known & { readonly caller: undefined };

/** Credentials whose last second is remembered, of each channel. */
const SEEN_MOST = 10_000;
const EVERY_MS = 1_000;

type Channel = 'rpc' | 'http';

/** By door and channel, then by hash: when it was last told. */
const told = new WeakMap<Door, Readonly<Record<Channel, Map<string, number>>>>();

function toldBy(door: Door, channel: Channel): Map<string, number> {
  const known = told.get(door) ?? { rpc: new Map(), http: new Map() };
  told.set(door, known);
  return known[channel];
}

export function arrive(request: FastifyRequest, door: Door, known: Works): Promise<void> | undefined {
  const { audit } = door.server;
  const seen = toldBy(door, channelOf(request));
  const now = audit.now();
  const last = seen.get(known.hash);
  if (last !== undefined && now - last < EVERY_MS) return undefined;
  if (seen.size >= SEEN_MOST) seen.clear();
  seen.set(known.hash, now);
  return logArrival(audit, known.caller, wayOf(request, door));
}

export function refuse(request: FastifyRequest, door: Door, known: Fails): Promise<void> {
  const { reason, owner, hash } = known;
  const prefix = owner?.key_hash_prefix ?? hash.slice(0, 8);
  return logBadCredential(door.server.audit, { reason, owner, prefix }, wayOf(request, door));
}

const channelOf = ({ url }: FastifyRequest): Channel => (/^\/+api\/nfs\b/.test(url) ? 'rpc' : 'http');

const wayOf = (request: FastifyRequest, door: Door): Way => ({
  channel: channelOf(request),
  request_id: request.id,
  address: addressOf(request, door),
  endpoint: () => endpointOf(request),
});

/** Verb and route template; of a JSON-RPC call the method, if there is one of that name. */
export function endpointOf(request: FastifyRequest): string {
  const route = request.routeOptions.url ?? 'unknown';
  const { method } = (request.params ?? {}) as { method?: string };
  const named = method !== undefined && rpcMethods.has(method) ? route.replace(':method', method) : route;
  return `${request.method} ${named.replace(/:(\w+)/g, '{$1}')}`;
}
