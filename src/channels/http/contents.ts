/** The bytes of one side of a conflict: `GET /api/v2/sync/conflicts/{id}/content?side=` (platform.md §5). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { nameOf } from '../../base/paths.ts';
import { invoke } from '../../core/invoke.ts';
import { getOperation } from '../../core/operations.ts';
import { slotOf } from '../../core/rate-slots.ts';
import type { ConflictContent } from '../../features/sync/sync.operations.ts';
import type { Arrive, Door } from './door.ts';
import { attachment } from './file-bytes-headers.ts';
import { sendAtOnce, sendPieces } from './file-bytes-send.ts';
import type { OwnCall } from './own-calls.ts';
import { requestOf } from './request.ts';

const CONTENT = getOperation('conflict.content');

const CALLS: readonly OwnCall[] = [
  {
    id: CONTENT.name,
    method: 'GET',
    summary: CONTENT.summary,
    operation: CONTENT,
    status: 200,
    query: ['side'],
    gives: '*/*',
    answers: { ETag: 'the SHA-256 of the content', 'Content-Disposition': 'the name of the file' },
  },
];

export function addConflictContent(app: FastifyInstance, door: Door, arrive: Arrive): void {
  const config = { slot: slotOf(CONTENT.name), brick: CONTENT.brick, calls: CALLS };
  app.get('/api/v2/sync/conflicts/:id/content', { config, exposeHeadRoute: false }, async (request, reply) => {
    const raw = { ...(request.query as object), ...(request.params as object) };
    const asked = { raw, request: { ...requestOf(arrive(request), 'http'), tolerant: false } };
    const { output } = await invoke(door.server, CONTENT, asked);
    return send(door, { request, reply }, output as ConflictContent);
  });
}

interface Answering {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function send(
  door: Door,
  { request, reply }: Answering,
  { path, content_type, content }: ConflictContent,
): Promise<FastifyReply> {
  const { sha256, size, inline } = content;
  const headers = {
    'content-type': content_type,
    'content-length': size,
    'content-disposition': attachment(nameOf(path)),
    etag: `"${sha256}"`,
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
  };
  if (inline) return sendAtOnce(reply, Buffer.from(inline.buffer, inline.byteOffset, inline.byteLength), headers);
  return sendPieces(reply.headers(headers), {
    pieces: door.server.blobs.read(sha256, 0, size),
    length: size,
    onBroken: (reason) => {
      const err = reason instanceof Error ? reason.stack : String(reason);
      door.server.log('error', 'content.broken', { request_id: request.id, sha256, err });
    },
  });
}
