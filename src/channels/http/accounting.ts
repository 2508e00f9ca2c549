/**
 * Every answer is accounted for: counted, traced where requests are, and a line of the log. Guarantees: one line for each request id that a
 * client was told, whatever refused the request and however early; a request that nobody was there to be answered for is told as such.
 */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../base/faults.ts';
import { enterTrace, readTracestate } from '../../base/trace-context.ts';
import type { OpenSpan } from '../../core/call/tracing.ts';
import { callFields } from '../../core/log-cause.ts';
import { endpointOf as routeOf } from './audit-marks.ts';
import type { Refused } from './connections.ts';
import type { DoorOptions } from './door.ts';
import { one } from './request.ts';
import { rpcMethods } from './rpc-methods.ts';
import { traceIdOf } from './trace-id.ts';

/** The client was gone before there was an answer, so no status was told; proxies have this number for it. */
const CLIENT_GONE = 499;

export interface Accounting {
  /** Before any look at the request. UNAVAILABLE where more are served at once than the server is made for. */
  begin(request: FastifyRequest, reply: FastifyReply): void;
  /** What never came to a door was answered. */
  refused(answer: Refused): void;
}

export function accountingOf(door: DoorOptions): Accounting {
  const maximum = door.server.limits.REQUESTS_IN_FLIGHT;
  let inFlight = 0;
  return {
    begin: (request, reply) => {
      const began = performance.now();
      const { lasting, mayLast } = request.routeOptions.config;
      let counts = lasting ? 0 : 1;
      inFlight += counts;
      const lasts = (): void => {
        inFlight -= counts;
        counts = 0;
      };
      if (mayLast) request.lasts = lasts;
      door.metrics.requestBegan();
      trace(request, door);
      // Emitted once, when the answer is out or the client is gone, whichever comes first.
      reply.raw.on('close', () => {
        if (!request.goesOn) lasts();
        account(request, reply, { door, seconds: (performance.now() - began) / 1000 });
      });
      if (inFlight <= maximum || isProbe(request.url)) return;
      const message = `More than ${maximum} requests are being served; try again`;
      throw new Fault('UNAVAILABLE', message, { limit: 'REQUESTS_IN_FLIGHT', maximum });
    },
    refused: ({ request_id, method = 'unknown', status }) => {
      const endpoint = 'unknown';
      door.metrics.requestBegan();
      door.metrics.requestEnded({ method, status, endpoint, seconds: 0 });
      const line = { request_id, call_id: request_id, method, endpoint, status, duration_ms: 0 };
      door.server.log('info', 'http.request', line);
    },
  };
}

function trace(request: FastifyRequest, { tracing }: DoorOptions): void {
  if (!tracing) return;
  const [traceparent, tracestate] = [one(request.headers, 'traceparent'), one(request.headers, 'tracestate')];
  request.span = tracing.begin(request.method, 'server', traceparent);
  const given = readTracestate({ traceparent, tracestate });
  enterTrace({ traceparent: request.span.traceparent, tracestate: given, request_id: request.id });
}

interface Served {
  readonly door: DoorOptions;
  readonly seconds: number;
}

/** That of the answer, also of one that was refused while its body came. */
const statusOf = ({ raw }: FastifyReply): number =>
  raw.headersSent || raw.statusCode !== 200 ? raw.statusCode : CLIENT_GONE;

function account(request: FastifyRequest, reply: FastifyReply, { door, seconds }: Served): void {
  const status = statusOf(reply);
  const endpoint = endpointOf(request);
  if (status === 429) door.metrics.count('rate.limited');
  door.metrics.requestEnded({ method: request.method, status, endpoint, seconds });
  const caller = request.arrival?.caller;
  if (request.span) endSpan(request, request.span, status);
  door.server.log(status >= 500 ? 'error' : 'info', 'http.request', {
    ...callFields(request.id, caller),
    method: request.method,
    endpoint,
    status,
    duration_ms: Math.round(seconds * 1000),
    trace_id: status >= 500 ? traceIdOf(request) : request.span?.trace_id,
    span_id: request.span?.span_id,
  });
}

/** Named like the route, by its template. */
function endSpan(request: FastifyRequest, span: OpenSpan, status: number): void {
  const name = request.routeOptions.url === undefined ? request.method : routeOf(request);
  const failed = request.failed ?? (status >= 500 ? String(status) : undefined);
  span.end({
    name,
    failed,
    attributes: {
      'http.request.method': request.method,
      'http.route': name.slice(request.method.length + 1),
      'http.response.status_code': status,
      'nexus.request_id': request.id,
      'nexus.zone': request.arrival?.caller?.zone_id ?? '',
    },
  });
}

/** An operator has to see an overloaded server. */
const isProbe = (url: string): boolean => /^\/(health|metrics)/.test(url);

/** The route template, or the RPC method where it is one; never what a client made up. */
function endpointOf(request: FastifyRequest): string {
  const route = request.routeOptions.url;
  if (route === undefined) return 'unknown';
  const { method } = (request.params ?? {}) as { method?: string };
  if (route === '/api/nfs/:method') return method !== undefined && rpcMethods.has(method) ? method : 'unknown';
  return route;
}
