/** Who a request comes from: the socket's peer, or what a trusted proxy says of it. */
import type { FastifyRequest } from 'fastify';
import type { Door } from './door.ts';
import { one } from './request.ts';

export const addressOf = (request: FastifyRequest, door: Door): string | null =>
  door.addressOf(request.socket.remoteAddress, one(request.headers, 'x-forwarded-for'));
