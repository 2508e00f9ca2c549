/**
 * The trace of an answer that says that the server failed: of its span, else of the caller's trace, else one that follows from
 * the request id. It stands in the answer and in the log line of the request.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readTraceparent } from '../../base/trace-context.ts';
import { one } from './request.ts';

export const traceIdOf = ({ span, headers, id }: FastifyRequest): string =>
  span?.trace_id ?? readTraceparent(one(headers, 'traceparent'))?.trace_id ?? traceIdFrom(id);

/** 32 hex digits, the same for the same request id. */
export const traceIdFrom = (request_id: string): string =>
  createHash('sha256').update(request_id).digest('hex').slice(0, 32);

/** 5xx: the answer names its trace. */
export const markTrace = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  reply.header('x-trace-id', traceIdOf(request));
