/**
 * Bytes of a request on their way into the stage, outside any transaction. Guarantees: what is told as received was synced
 * before; progress is told every 16 MiB and every 2 s, which keeps the lock too; of a body with a checksum nothing counts
 * before all of it; whoever is asked to stop, or has lost the lock, ends his connection; the hash of what came is left for the
 * next request only where these bytes have been committed as the last word of this one.
 */
import { performance } from 'node:perf_hooks';
import { release } from '../../base/byte-memory.ts';
import { Fault } from '../../base/faults.ts';
import type { Streaming } from '../../core/operation.ts';
import type { SegmentWriter } from '../../ports/stage.ts';
import { hasChecksum } from './checksum.ts';
import { type Digest, leaveDigest, takeDigest } from './digests.ts';
import { progress } from './steps.operations.ts';
import { beyondLength, type Lease, type Segment, topicOf, type UploadBody } from './upload.ts';

const SAVE_BYTES = 16 * 1024 * 1024;
const SAVE_MS = 2_000;
/** Bytes that are written at a time, while as many are gathered. */
const WRITE_BYTES = 512 * 1024;

export class Intake {
  readonly lease: Lease;
  private readonly streaming: Streaming;
  private readonly ended = new AbortController();
  private writer: SegmentWriter | undefined;
  private digest: Digest | undefined;
  /** Bytes of the upload that are in the stage, or on their way there. */
  private written: number;
  /** The same as the row has it. */
  private saved: number;
  /** Up to where bytes may count. */
  private good: number;
  private saving: Promise<unknown> = Promise.resolve();
  private savesWaiting = 0;
  /** Of the body that is taken: also what came too slowly to be written by itself. */
  private writeGathered: () => Promise<void> = async () => undefined;
  private stop: () => void = () => undefined;
  private failure: unknown;

  constructor(lease: Lease, streaming: Streaming) {
    this.lease = lease;
    this.streaming = streaming;
    this.written = this.saved = this.good = lease.received;
    this.digest = takeDigest(streaming.node, lease);
    void this.pulse();
  }

  get received(): number {
    return this.good;
  }

  /** The segments with what counts of the last one. */
  get segments(): readonly Segment[] {
    return this.segmentsAt(this.good);
  }

  private segmentsAt(received: number): readonly Segment[] {
    const { lease } = this;
    if (!this.writer) return lease.segments;
    const before = lease.segments.filter(([name]) => name !== lease.segment);
    const bytes = before.reduce((sum, [, size]) => sum + size, 0);
    return [...before, [lease.segment, received - bytes]];
  }

  /** Takes a body to its end. Faults: BODY_TOO_LARGE, CHECKSUM_MISMATCH, BAD_HEADER; what it kept by then is told by `end`. */
  async take(body: UploadBody): Promise<void> {
    this.stop = () => body.stop();
    const { signal } = this.streaming;
    const stop = (): void => body.stop();
    signal.addEventListener('abort', stop);
    const start = this.written;
    try {
      await this.open();
      await this.writeBody(body);
      await this.check(body, start);
      this.good = this.written;
    } catch (thrown) {
      // Its bytes are in the stage and count for nothing, so the next ones come in their place.
      if (body.checked) this.digest = undefined;
      else this.good = this.written;
      throw this.failure ?? thrown;
    } finally {
      this.stop = () => undefined;
      signal.removeEventListener('abort', stop);
    }
  }

  private async open(): Promise<void> {
    const { lease } = this;
    const at = lease.segments.find(([name]) => name === lease.segment)?.[1] ?? 0;
    this.writer = await this.streaming.blobs.stage.open(lease.upload_id, lease.segment, at);
    if (!lease.held) return;
    this.digest?.update(lease.held);
    await this.writer.write([lease.held]);
  }

  private async writeBody(body: UploadBody): Promise<void> {
    const { length } = this.lease;
    const most = length ?? this.streaming.limits.FILE_BYTES;
    let writing: Promise<void> = Promise.resolve();
    let gathered: Uint8Array[] = [];
    let bytes = 0;
    let came = this.written;
    // Resolves when the pieces before have been written, one after the other.
    const flush = (): Promise<void> => {
      if (bytes === 0) return writing;
      const [before, pieces, size] = [writing, gathered, bytes];
      gathered = [];
      bytes = 0;
      writing = before
        .then(() => (this.writer as SegmentWriter).write(pieces))
        .then(() => {
          release(pieces);
          this.wrote(size, body.checked);
        });
      writing.catch(() => undefined);
      return before;
    };
    this.writeGathered = () => flush().then(() => writing);
    try {
      for await (const piece of piecesOf(body)) {
        came += piece.length;
        if (came > most) throw beyondLength(most);
        this.digest?.update(piece);
        gathered.push(piece);
        bytes += piece.length;
        if (bytes >= WRITE_BYTES) await flush();
        if (this.savesWaiting > 1) await this.saving;
        if (this.failure !== undefined) throw this.failure;
      }
    } finally {
      this.writeGathered = async () => undefined;
      await flush();
      await writing;
      if (came !== this.written) this.digest = undefined;
    }
  }

  private wrote(size: number, checked: boolean): void {
    this.written += size;
    if (checked) return;
    this.good = this.written;
    if (this.good - this.saved >= SAVE_BYTES && this.savesWaiting === 0)
      this.save().catch((thrown) => this.fail(thrown));
  }

  private async check(body: UploadBody, start: number): Promise<void> {
    const checksum = body.checksum();
    if (!checksum) return;
    const range = { start: this.written - this.inSegment(), end: this.written };
    const { upload_id, segment } = this.lease;
    const from = start - range.start;
    await this.writer?.sync();
    const bytes = this.streaming.blobs.stage.read(upload_id, segment, { start: from, end: range.end - range.start });
    if (await hasChecksum(bytes, checksum)) return;
    throw checksumMismatch(checksum.algorithm);
  }

  private inSegment(): number {
    return this.segmentsAt(this.written).at(-1)?.[1] ?? 0;
  }

  /** Tells what counts now. One after the other, so that what is told never falls. */
  save(end = false): Promise<void> {
    if (end) this.ended.abort();
    this.savesWaiting++;
    const saved = this.saving.then(() => this.saveNow(end)).finally(() => this.savesWaiting--);
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  private async saveNow(end: boolean): Promise<void> {
    const { upload_id, token, length } = this.lease;
    const received = this.good;
    const news = received > this.saved;
    if (news) await this.writer?.sync();
    const told = { upload_id, token, length, received, segments: news ? this.segmentsAt(received) : null, end };
    const { wanted } = await this.streaming.run(progress, told);
    this.saved = received;
    if (end) this.leave();
    if (wanted && !end) this.fail(new Fault('LOCKED', 'Another request goes on with the upload', { retry_after: 1 }));
  }

  /** What the row does not say may be other bytes there by the next request: so nothing is left before it says so. */
  private leave(): void {
    const { digest, streaming, lease, saved } = this;
    this.digest = undefined;
    if (digest?.at !== saved) return;
    leaveDigest(streaming.node, lease.upload_id, { digest, token: lease.token, segments: this.segmentsAt(saved) });
  }

  /** The lock is kept no longer: whoever tells next of the upload does it at once, and for the last time. */
  async rest(): Promise<void> {
    this.ended.abort();
    await this.saving;
    if (this.failure !== undefined) throw this.failure;
  }

  /** Makes durable what was written, for whoever tells of it himself. */
  async sync(): Promise<void> {
    await this.saving;
    if (this.good > this.saved) await this.writer?.sync();
    if (this.failure !== undefined) throw this.failure;
  }

  private fail(thrown: unknown): void {
    this.failure ??= thrown;
    this.stop();
  }

  /** Keeps the lock, and looks whether somebody else wants it. */
  private async pulse(): Promise<void> {
    const { rings } = this.streaming;
    const { signal } = this.ended;
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    let last = performance.now();
    while (!signal.aborted) {
      await Promise.race([rings.next(topicOf(this.lease.upload_id), SAVE_MS), over]);
      if (signal.aborted) return;
      // A server that stops rings without end.
      if (rings.stopped && performance.now() - last < SAVE_MS) return;
      last = performance.now();
      await this.writeGathered()
        .then(() => this.save())
        .catch((thrown: unknown) => this.fail(thrown));
    }
  }

  /** The hash of everything, where it is known. */
  takeDigest(): Digest | undefined {
    const { digest } = this;
    this.digest = undefined;
    return digest?.at === this.good ? digest : undefined;
  }

  /** No pulse any more, and no open file; may be called again. */
  async close(): Promise<void> {
    this.ended.abort();
    await this.saving;
    await this.writer?.close();
  }
}

async function* piecesOf({ held, rest, broken }: UploadBody): AsyncGenerator<Uint8Array> {
  // A copy, since pieces are released and the call may ask for what it held again.
  if (held.length > 0) yield Buffer.from(held);
  if (broken) throw brokenOff();
  if (!rest) return;
  try {
    yield* rest;
  } catch {
    throw brokenOff();
  }
}

export const brokenOff = (): Fault =>
  new Fault('BAD_REQUEST', 'The body broke off; what came of it is kept', { reason: 'BROKEN_OFF' });

export const checksumMismatch = (algorithm: string): Fault =>
  new Fault('CHECKSUM_MISMATCH', `The body is not what its ${algorithm} says; none of it was kept, send it again`, {
    algorithm,
  });
