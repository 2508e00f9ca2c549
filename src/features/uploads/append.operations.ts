/**
 * Bytes for an upload that exists (platform.md §7.2, PATCH). Guarantees: one writer at a time; what is answered is durable;
 * with the last byte the upload is a file, or has been refused to become one.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { ancestorsOf } from '../../base/paths.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { foreseeStates } from '../files/files.sql.ts';
import { type Begun, carryOn, isBegun, type Standing, untilFree } from './carry-on.ts';
import { hasChecksum } from './checksum.ts';
import { getUpload } from './get.ts';
import { brokenOff, checksumMismatch } from './intake.ts';
import { Remembered } from './remembered.ts';
import { checkLength } from './steps.operations.ts';
import { badHeader, beyondLength, offsetMismatch, topicOf, type UploadBody, type UploadRow } from './upload.ts';
import { type Change, foreseeUpload, zoneOfUpload } from './uploads.sql.ts';
import { askHolder, beginWrite, type Coming, isLocked, standingOf } from './writing.ts';

const input = z.object({
  upload_id: z.string(),
  /** Where the bytes begin. */
  offset: z.number(),
  /** Of an upload that was begun without. */
  length: z.number().optional(),
  body: z.custom<UploadBody>(),
});
type Input = z.infer<typeof input>;

export interface ReadyAppend extends Coming {
  readonly upload_id: string;
  readonly offset: number;
  readonly length: number | undefined;
  /** Where the file goes that a small upload becomes with this body, as far as this process remembers. */
  readonly path?: string | undefined;
}

/** Small uploads that were begun here: what they look up at their end is then looked up for all of a commit together. */
export const begunHere = new Remembered<string>();

/** Then the transaction alone comes to the answer, unless the upload is more than small. */
export const isAtHand = ({ rest }: UploadBody): boolean => rest === null;

/** What a transaction is told of a body. A small one is looked at here: CHECKSUM_MISMATCH, BAD_HEADER. */
export async function comingOf(body: UploadBody): Promise<Coming> {
  if (body.rest) return { whole: null, size: body.size };
  if (body.checked) {
    if (body.broken) throw brokenOff();
    const checksum = body.checksum();
    if (checksum && !(await hasChecksum([body.held], checksum))) throw checksumMismatch(checksum.algorithm);
  }
  return { whole: body.held, size: body.held.length };
}

const readyOf = async ({ upload_id, offset, length, body }: Input): Promise<ReadyAppend> => ({
  upload_id,
  offset,
  length,
  ...(await comingOf(body)),
});

export const append: Operation<Input, Begun | Standing, ReadyAppend, Begun | Standing> = {
  name: 'upload.append',
  ownDoor: true,
  summary: 'Send bytes of an upload.',
  effect: 'write',
  who: { role: 'operator' },
  input,
  output: z.custom<Begun | Standing>(),
  faults: [
    'UPLOAD_NOT_FOUND',
    'UPLOAD_GONE',
    'CONFLICT',
    'LOCKED',
    'CHECKSUM_MISMATCH',
    'BODY_TOO_LARGE',
    'BAD_HEADER',
  ],
  locate: (tx, { upload_id }) => zoneOfUpload(tx, upload_id),
  prepare: async (input, { sql }) => ({ ...(await readyOf(input)), path: begunHere.take(sql, input.upload_id) }),
  foresee: ({ upload_id, path }, zone_id) => [
    foreseeUpload(upload_id),
    ...(path === undefined ? [] : [foreseeStates(zone_id, [...ancestorsOf(path), path])]),
  ],
  object: ({ upload_id }) => upload_id,
  rings: (output) => (isBegun(output) && output.state === 'held' ? topicOf(output.upload_id) : undefined),
  run: begin,
  lingers: (asked) => !isAtHand((asked as Input).body),
  unfinished: isBegun,
  linger: async (output, streaming, asked) => {
    const wanted = asked as Input;
    const ready = await readyOf(wanted);
    const begun = await untilFree(output, streaming, () => streaming.run(append, ready));
    return carryOn(begun, streaming, ready.whole && ready.whole.length === 0 ? null : wanted.body);
  },
};

async function begin(call: Call, ready: ReadyAppend): Promise<Begun | Standing> {
  const row = await getUpload(call, ready.upload_id);
  if (row.kind === 'final') {
    throw new Fault('ACCESS_DENIED', 'Access denied: a final upload is made of its partials and takes no bytes', {
      upload_id: row.upload_id,
    });
  }
  if (isLocked(row, call.now)) return askHolder(call, row);
  if (ready.offset !== row.received) throw offsetMismatch(row.received);
  const length = await lengthFor(call, row, ready.length);
  if (row.status === 'complete') {
    if ((ready.whole?.length ?? 1) > 0) throw beyondLength(row.received);
    return standingOf(row);
  }
  const more: Change = length === row.length ? {} : { length };
  return beginWrite(call, { ...row, length }, { coming: ready, more });
}

/** The length of an upload: set once, and then what it is. */
async function lengthFor(call: Call, row: UploadRow, given: number | undefined): Promise<number | null> {
  if (given === undefined || given === row.length) return row.length;
  if (row.length !== null) throw badHeader('Upload-Length', `is ${row.length} already`);
  if (given < row.received) throw badHeader('Upload-Length', `is below the ${row.received} bytes that are here`);
  await checkLength(call, given, row.upload_id);
  return given;
}
