/** Contents that are no files: one side of a conflict (platform.md §5), the text of a document (corpus.md §14). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { nameOf } from '../../base/paths.ts';
import { invoke } from '../../core/invoke.ts';
import type { AnyOperation, StoredBytes } from '../../core/operation.ts';
import { getOperation } from '../../core/operations.ts';
import { slotOf } from '../../core/rate-slots.ts';
import type { DocumentText } from '../../features/corpus/documents/documents.operations.ts';
import type { ConflictContent } from '../../features/sync/sync.operations.ts';
import type { Arrive, Door } from './door.ts';
import { attachment } from './file-bytes-headers.ts';
import { sendAtOnce, sendPieces } from './file-bytes-send.ts';
import type { OwnCall } from './own-calls.ts';
import { isV1, requestOf } from './request.ts';

interface Content {
  readonly content: StoredBytes;
  readonly type: string;
  /** A name under which browsers keep it. */
  readonly saved?: string;
}

interface Route extends OwnCall {
  readonly operation: AnyOperation;
  readonly path: string;
  readonly contentOf: (output: unknown) => Content;
}

/** A route of its own for an operation that answers with a content. */
function routeOf<O>(
  name: string,
  route: Pick<Route, 'path' | 'query'> & { readonly media: string; contentOf(output: O): Content },
): Route {
  const operation = getOperation(name);
  const { summary } = operation;
  const saved = { 'Content-Disposition': 'the name of the file' };
  return {
    ...route,
    id: name,
    method: 'GET',
    summary,
    operation,
    status: 200,
    gives: { [route.media]: undefined },
    answers: { ETag: 'the SHA-256 of the content', ...(route.media === '*/*' ? saved : {}) },
    contentOf: (output) => route.contentOf(output as O),
  };
}

export const ROUTES: readonly Route[] = [
  routeOf<ConflictContent>('conflict.content', {
    path: '/api/v2/sync/conflicts/:id/content',
    query: { side: 'local or remote' },
    media: '*/*',
    contentOf: ({ path, content_type, content }) => ({ content, type: content_type, saved: nameOf(path) }),
  }),
  routeOf<DocumentText>('document.text', {
    path: '/api/v1/documents/:document_id/text',
    media: 'text/plain',
    contentOf: ({ content }) => ({ content, type: 'text/plain; charset=utf-8' }),
  }),
];

export function addContents(app: FastifyInstance, door: Door, arrive: Arrive): void {
  for (const route of ROUTES) {
    const { operation } = route;
    const config = { slot: slotOf(operation.name), brick: operation.brick, calls: [route] };
    app.get(route.path, { config, exposeHeadRoute: false }, async (request, reply) => {
      const raw = { ...(request.query as object), ...(request.params as object) };
      const asked = { raw, request: { ...requestOf(arrive(request), 'http'), tolerant: isV1(request) } };
      const { output } = await invoke(door.server, operation, asked);
      return send(door, { request, reply }, route.contentOf(output));
    });
  }
}

interface Answering {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function send(
  door: Door,
  { request, reply }: Answering,
  { content, type, saved }: Content,
): Promise<FastifyReply> {
  const { sha256, size, inline } = content;
  const headers = {
    'content-type': type,
    'content-length': size,
    ...(saved === undefined ? {} : { 'content-disposition': attachment(saved) }),
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
