/**
 * What becomes of a request that writes, once its transaction has given it the lock, or said that another has it. Guarantees:
 * the holder is asked to stop and has 5 s for it; the lock is given back whatever happens, with what was received by then.
 */
import { performance } from 'node:perf_hooks';
import { type FaultWire, faultFromWire } from '../../base/faults.ts';
import type { Streaming } from '../../core/operation.ts';
import { Intake } from './intake.ts';
import { type Lease, locked, type Result, topicOf, type UploadBody } from './upload.ts';
import { makeFile } from './whole.ts';

/** Where an upload stands, as the answer of a request says. */
export interface Standing {
  readonly upload_id: string;
  readonly received: number;
  readonly length: number | null;
  readonly complete: boolean;
  readonly expires_at: number;
  readonly result: Result | null;
}

/** What a transaction came to where the request is not over with it. */
export type Begun =
  | { readonly state: 'refused'; readonly upload_id: string; readonly fault: FaultWire }
  | { readonly state: 'held'; readonly upload_id: string }
  | { readonly state: 'yours'; readonly upload_id: string; readonly lease: Lease; readonly standing: Standing };

export const isBegun = (output: Begun | Standing): output is Begun => 'state' in output;

const WAIT_MS = 5_000;
const LOOK_MS = 250;

/** Asks again until it has another answer than `held`; LOCKED after 5 s. */
export async function untilFree<B extends { readonly state?: string; readonly upload_id: string }>(
  begun: B,
  streaming: Pick<Streaming, 'rings' | 'signal'>,
  again: () => Promise<B>,
): Promise<B> {
  const until = performance.now() + WAIT_MS;
  let now = begun;
  while (now.state === 'held') {
    if (performance.now() >= until || streaming.signal.aborted) throw locked(begun.upload_id);
    await streaming.rings.next(topicOf(begun.upload_id), LOOK_MS);
    now = await again();
  }
  return now;
}

/** The end of a request. `body` is null where no byte of it is left to take. */
export async function carryOn(
  begun: Begun | Standing,
  streaming: Streaming,
  body: UploadBody | null,
): Promise<Standing> {
  if (!isBegun(begun)) return begun;
  if (begun.state === 'refused') throw faultFromWire(begun.fault);
  if (begun.state === 'held') throw locked(begun.upload_id);
  const { lease, standing } = begun;
  const intake = new Intake(lease, streaming);
  let over = false;
  try {
    if (body) await intake.take(body);
    const received = intake.received;
    const complete = received === lease.length;
    const result = complete && lease.kind !== 'partial' ? await makeFile(intake, streaming) : null;
    if (!result) await intake.save(true);
    over = true;
    return { ...standing, received, complete, result };
  } finally {
    // What made it fail is told; that the lock could not be given back either shows in its lease.
    if (!over) await intake.save(true).catch(() => undefined);
    await intake.close();
  }
}
