/**
 * Calls from browsers of other origins: off unless NEXUS_CORS_ORIGINS names them. Keys travel in a header, never in a
 * cookie, so no answer allows credentials.
 */
import type { FastifyInstance } from 'fastify';
import { one } from './request.ts';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const HEADERS =
  'Authorization, Content-Type, Content-Digest, Idempotency-Key, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, Range, Tus-Resumable, Upload-Checksum, Upload-Concat, Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, X-Agent-ID, X-HTTP-Method-Override, X-Nexus-API-Key, X-Nexus-Branch, X-Nexus-Zone-ID, X-Request-ID';
/** Without credentials the star stands for every header, X-Nexus-Meta-* of any key included. */
const EXPOSED = '*';
/** Seconds for which a browser remembers the answer. */
const MAX_AGE = '600';

export function addCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const every = origins.includes('*');
  app.addHook('onRequest', async (request, reply) => {
    const origin = one(request.headers, 'origin');
    reply.header('vary', 'Origin');
    if (origin === undefined || !(every || origins.includes(origin))) return undefined;
    reply.header('access-control-allow-origin', every ? '*' : origin);
    reply.header('access-control-expose-headers', EXPOSED);
    if (request.method !== 'OPTIONS' || one(request.headers, 'access-control-request-method') === undefined)
      return undefined;
    // Custom metadata headers are allowed by name, as the star does not cover what a browser sends with a key.
    const asked = one(request.headers, 'access-control-request-headers') ?? '';
    const meta = asked
      .split(',')
      .map((name) => name.trim())
      .filter((name) => /^x-nexus-meta-[\x21-\x7e]+$/i.test(name));
    return reply
      .code(204)
      .header('access-control-allow-methods', METHODS)
      .header('access-control-allow-headers', [HEADERS, ...meta].join(', '))
      .header('access-control-max-age', MAX_AGE)
      .send();
  });
}
