/**
 * Files as plain bytes: GET, HEAD, PUT and DELETE of `/api/v2/files/{path}` (files.md §10). Guarantees: conditions are
 * tried in the order of RFC 9110 §13.2.2, those of a change inside its transaction; a GET sends the version it began
 * with to its end; content is never held whole, whoever reads or writes it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault, invalidParams, unknownNames } from '../../base/faults.ts';
import { nameOf } from '../../base/paths.ts';
import { invoke } from '../../core/invoke.ts';
import type { AnyOperation, StoredBytes } from '../../core/operation.ts';
import { slotOf } from '../../core/rate-slots.ts';
import type { WriteResult } from '../../features/files/file-object.ts';
import type { ReadOutput } from '../../features/files/read-shapes.ts';
import { SpoolRoom } from './body/spool.ts';
import { type ByteRange, rangeOf } from './byte-range.ts';
import type { Arrive, Door } from './door.ts';
import { DELETE, FILE_CALLS, OPEN, STAT, WRITE } from './file-bytes-calls.ts';
import { attachment, contentHeaders, type Headers, metadataOf, stateHeaders } from './file-bytes-headers.ts';
import { filePathOf, fileUrlOf } from './file-bytes-path.ts';
import { checkPut, receiveBody } from './file-bytes-receive.ts';
import { sendAtOnce, sendPieces } from './file-bytes-send.ts';
import { sendJson } from './json-answer.ts';
import { allowsRange, type Conditions, conditionsOf, decideRead, writeConditions } from './preconditions.ts';
import { bodyOf, checkUnencoded, one, requestOf, withBranch } from './request.ts';
import { type TextRules, type Texts, textRulesOf, valuesOf } from './rest-values.ts';

/** What the queries take; `download` is the door's own. */
const QUERY_RULES: TextRules = {
  ...textRulesOf(OPEN),
  download: { number: false, boolean: true, text: false, items: undefined },
};
const READ_QUERY = ['version', 'as_of', 'branch', 'zone_id', 'download'];
const CHANGE_QUERY = ['branch', 'zone_id'];

/** The path may be empty, which is the root. */
const DOCUMENTED = '/api/v2/files/*';

export function addFileBytes(app: FastifyInstance, door: Door, arrive: Arrive): void {
  const bytes: FileBytes = { door, arrive };
  for (const url of ['/api/v2/files', DOCUMENTED]) {
    app.route({
      method: ['GET', 'HEAD'],
      url,
      config: { ...rateOf(OPEN), ...(url === DOCUMENTED ? { calls: FILE_CALLS } : {}) },
      handler: (request, reply) => get(bytes, request, reply),
    });
    app.put(url, { config: rateOf(WRITE) }, (request, reply) => put(bytes, request, reply));
    app.delete(url, { config: rateOf(DELETE) }, (request, reply) => remove(bytes, request, reply));
  }
}

const rateOf = ({ name }: AnyOperation): { slot: number } => ({ slot: slotOf(name) });

interface FileBytes {
  readonly door: Door;
  readonly arrive: Arrive;
}

async function get(bytes: FileBytes, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const now = Date.now();
  const path = filePathOf(request.raw.url ?? '');
  const { download, ...query } = queryOf(request, READ_QUERY);
  if (typeof download !== 'boolean' && download !== undefined) {
    throw invalidParams({ path: 'download', message: 'has to be true or false' });
  }
  const opened = (await ask(bytes, request, { operation: OPEN, params: { path, ...query } })) as ReadOutput;
  const { row, content } = opened;
  const current = { etag: content.sha256, modifiedAt: row.modified_at };
  const conditions = conditionsOf(request.headers, now);
  const decision = decideRead(conditions, current);
  if (decision === 'failed') throw preconditionFailed(opened.path, conditions, content.sha256);
  const headers = stateHeaders(opened);
  if (decision === 'not modified') return reply.headers(headers).code(304).send();
  const range = allowsRange(conditions, current, now) ? rangeAsked(request, content.size) : 'whole';
  if (range === 'none') throw notSatisfiable(content.size);
  Object.assign(headers, contentHeaders(opened));
  if (download) headers['content-disposition'] = attachment(nameOf(row.path));
  if (range !== 'whole') {
    reply.code(206);
    headers['content-range'] = `bytes ${range.start}-${range.end - 1}/${content.size}`;
  }
  return sendContent(bytes, {
    request,
    reply,
    headers,
    content,
    range: range === 'whole' ? { start: 0, end: content.size } : range,
  });
}

/** Ranges are for GET alone (RFC 9110 §14.2). */
const rangeAsked = (request: FastifyRequest, size: number): ByteRange | 'whole' | 'none' =>
  rangeOf(request.method === 'GET' ? one(request.headers, 'range') : undefined, size);

interface Sent {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly headers: Headers;
  readonly content: StoredBytes;
  readonly range: ByteRange;
}

async function sendContent(
  { door }: FileBytes,
  { request, reply, headers, content, range }: Sent,
): Promise<FastifyReply> {
  const { inline, sha256 } = content;
  const { start, end } = range;
  headers['content-length'] = end - start;
  if (inline && request.method === 'GET') {
    return sendAtOnce(reply, Buffer.from(inline.buffer, inline.byteOffset + start, end - start), headers);
  }
  reply.headers(headers);
  if (request.method === 'HEAD') return reply.send();
  return sendPieces(reply, {
    pieces: door.server.blobs.read(sha256, start, end),
    length: end - start,
    onBroken: (reason) => {
      const err = reason instanceof Error ? reason.stack : String(reason);
      door.server.log('error', 'content.broken', { request_id: request.id, sha256, err });
    },
  });
}

async function put(bytes: FileBytes, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const { server, spools } = bytes.door;
  const { caller } = bytes.arrive(request);
  const path = filePathOf(request.raw.url ?? '');
  const query = queryOf(request, CHANGE_QUERY);
  const maximum = server.limits.FILE_BYTES;
  const metadata = metadataOf(request.headers);
  checkUnencoded(request.headers);
  checkPut(request.headers, maximum);
  const room = new SpoolRoom(spools(caller?.zone_id));
  try {
    const content = await receiveBody(bodyOf(request, reply), { room, maximum });
    const content_type = one(request.headers, 'content-type');
    const params = { path, ...query, content, content_type, metadata };
    const written = (await change(bytes, request, { operation: WRITE, params })) as WriteResult;
    if (written.created) reply.header('location', locationOf(written.path, query.branch));
    reply.code(written.created ? 201 : 200).header('etag', `"${written.etag}"`);
    return await sendJson(reply, written, server.blobs);
  } finally {
    await room.close();
  }
}

function locationOf(path: string, branch: unknown): string {
  return fileUrlOf(path) + (typeof branch === 'string' ? `?branch=${encodeURIComponent(branch)}` : '');
}

async function remove(bytes: FileBytes, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const path = filePathOf(request.raw.url ?? '');
  await change(bytes, request, { operation: DELETE, params: { path, ...queryOf(request, CHANGE_QUERY) } });
  return reply.code(204).send();
}

interface Wanted {
  readonly operation: AnyOperation;
  readonly params: object;
}

/** The output of an operation, which is as its own schema says. */
async function ask({ door, arrive }: FileBytes, request: FastifyRequest, wanted: Wanted): Promise<unknown> {
  const { operation, params } = wanted;
  const { output } = await invoke(door.server, operation, {
    raw: withBranch(operation, params, request.headers),
    request: { ...requestOf(arrive(request), 'http'), tolerant: false },
  });
  return output;
}

/** A change under the conditions of the request; all that fail are 412 here (files.md §10). */
async function change(bytes: FileBytes, request: FastifyRequest, wanted: Wanted): Promise<unknown> {
  const conditions = conditionsOf(request.headers, Date.now());
  const params = { ...wanted.params, ...writeConditions(conditions) };
  try {
    return await ask(bytes, request, { ...wanted, params });
  } catch (thrown) {
    if (!(thrown instanceof Fault && thrown.code === 'ALREADY_EXISTS')) throw thrown;
    const current_etag = await etagAt(bytes, request, wanted.params);
    throw new Fault('ETAG_MISMATCH', thrown.message, { ...thrown.data, expected_etag: null, current_etag });
  }
}

/** Null where it has gone meanwhile, or may not be looked at. */
async function etagAt(bytes: FileBytes, request: FastifyRequest, params: object): Promise<string | null> {
  const { path, branch } = params as { readonly path: string; readonly branch?: string };
  const asked = { path, ...(branch === undefined ? {} : { branch }) };
  const found = await ask(bytes, request, { operation: STAT, params: asked }).catch(() => undefined);
  return (found as { readonly etag?: string } | undefined)?.etag ?? null;
}

/** The query's values; a name that the route does not take is refused, lest `?verison=3` give the newest. */
function queryOf(request: FastifyRequest, known: readonly string[]): Record<string, unknown> {
  const texts = request.query as Texts;
  const unknown = Object.keys(texts).filter((name) => !known.includes(name));
  if (unknown.length === 0) return valuesOf(texts, QUERY_RULES);
  throw unknownNames(unknown, 'is no parameter of this route');
}

function preconditionFailed(path: string, conditions: Conditions, current_etag: string): Fault {
  const { ifMatch } = conditions;
  const wanted = ifMatch && ifMatch !== '*' ? ifMatch.map((tag) => tag.etag) : [];
  return new Fault('ETAG_MISMATCH', `${path} is not in the expected state; read it again`, {
    path,
    expected_etag: wanted.length > 1 ? wanted : (wanted[0] ?? null),
    current_etag,
  });
}

const notSatisfiable = (size: number): Fault =>
  new Fault('RANGE_NOT_SATISFIABLE', `The range lies outside the ${size} bytes of the file`, { size });
