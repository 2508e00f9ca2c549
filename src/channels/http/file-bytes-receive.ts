/**
 * The body of a PUT (files.md §10). Guarantees: a small body stays in memory, a larger one goes to a spool as it comes;
 * what is longer than FILE_BYTES, breaks off, or is not what its digest says is never handed on.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { release } from '../../base/byte-memory.ts';
import { Fault } from '../../base/faults.ts';
import { Spool, type SpooledBytes, type SpoolRoom } from './body/spool.ts';
import { one } from './request.ts';

/** Bytes of a body that wait in memory: as many as are kept inline in SQL. */
const HELD_BYTES = 64 * 1024;

export interface Receiving {
  readonly room: SpoolRoom;
  /** FILE_BYTES. */
  readonly maximum: number;
}

/** Refuses what can be refused before the body is asked for. */
export function checkPut(headers: IncomingHttpHeaders, maximum: number): void {
  if (headers['content-range'] !== undefined) {
    throw new Fault('INVALID_REQUEST', 'Invalid request: a PUT writes the whole file, Content-Range is not taken');
  }
  if (Number(headers['content-length'] ?? 0) > maximum) throw tooLarge(maximum);
}

/** Faults: BODY_TOO_LARGE, DIGEST_MISMATCH, those of a spool. A body that breaks off is the stream's own error. */
export async function receiveBody(message: IncomingMessage, receiving: Receiving): Promise<Buffer | SpooledBytes> {
  // The stream outlives a fault: the answer still has to go out on its connection.
  const pieces = message.iterator({ destroyOnReturn: false });
  const held: Buffer[] = [];
  let size = 0;
  let spool: Spool | undefined;
  for await (const piece of pieces as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > receiving.maximum) throw tooLarge(receiving.maximum);
    held.push(piece);
    if (size <= HELD_BYTES) continue;
    spool ??= await Spool.open(receiving.room);
    for (const one of held) await spool.write(one);
    release(held.splice(0));
  }
  const body = spool ? await spool.close() : Buffer.concat(held);
  checkDigest(one(message.headers, 'content-digest'), body);
  return body;
}

/** The member `sha-256` of a Content-Digest (RFC 9530); other algorithms are not looked at. */
function checkDigest(header: string | undefined, body: Buffer | SpooledBytes): void {
  const announced = /(?:^|,)\s*sha-256\s*=\s*([^,;]*)/.exec(header ?? '')?.[1]?.trim();
  if (announced === undefined) return;
  const sha256 = Buffer.isBuffer(body) ? createHash('sha256').update(body).digest() : Buffer.from(body.sha256, 'hex');
  const received = `:${sha256.toString('base64')}:`;
  if (announced === received) return;
  throw new Fault(
    'DIGEST_MISMATCH',
    `The body's sha-256 is ${received}, Content-Digest says ${announced}; send it again`,
    {
      expected: announced,
      received,
    },
  );
}

const tooLarge = (maximum: number): Fault =>
  new Fault('BODY_TOO_LARGE', `The body is larger than ${maximum} bytes (FILE_BYTES)`, {
    limit: 'FILE_BYTES',
    maximum,
  });
