/** What a push or a pull works with, and what it comes to. */
import { Fault, type FaultCode } from '../../base/faults.ts';
import type { Limits } from '../../base/limits.ts';
import type { Operation } from '../../core/operation.ts';
import { type Backend, BackendError, type Content } from '../../ports/backend.ts';
import type { Blobs } from '../../ports/blobs.ts';
import { gone, storeFault } from '../mounts/failures.ts';
import { announceBy, type Fetched, fetchFile } from '../mounts/fetch.ts';
import { insideOf } from '../mounts/mount.ts';
import type { MountRow } from '../mounts/mounts.sql.ts';
import type { ConflictRow } from './conflicts.sql.ts';
import type { Resolution } from './decide.ts';
import type { Local } from './steps.operations.ts';

/** Runs an operation of the server itself in the zone of the mount. */
export type Step = <I, O>(operation: Operation<I, O>, input: I) => Promise<O>;

export interface SyncParts {
  readonly mount: MountRow;
  readonly backend: Backend;
  readonly blobs: Blobs;
  readonly limits: Limits;
  readonly step: Step;
  /** Aborted when the attempt is over: what is under way ends between two paths. */
  readonly signal: AbortSignal;
}

export interface Asked {
  /** What becomes of conflicts; undefined leaves them open. */
  readonly resolution: Resolution | undefined;
  /** At and below these; undefined is everything. */
  readonly paths: readonly string[] | undefined;
  readonly dry_run: boolean;
  /** Only this conflict is to be settled: one in its place stays open. */
  readonly conflict_id?: string | undefined;
}

export interface PathError {
  readonly path: string;
  readonly code: FaultCode;
  readonly message: string;
}

/** What is told of each kind, at most; the counters are exact. */
const TOLD_MOST = 200;

export class Tally {
  pushed = 0;
  pulled = 0;
  failed = 0;
  detected = 0;
  resolved = 0;
  bytesPushed = 0;
  bytesPulled = 0;
  readonly conflicts: ConflictRow[] = [];
  readonly errors: PathError[] = [];
  private readonly paths = new Set<string>();

  /** Of a path once, whatever else is wrong with it. */
  fail(error: PathError): void {
    if (this.paths.has(error.path)) return;
    this.paths.add(error.path);
    this.failed++;
    if (this.errors.length < TOLD_MOST) this.errors.push(error);
  }

  report(conflict: ConflictRow): void {
    if (this.conflicts.length < TOLD_MOST) this.conflicts.push(conflict);
  }
}

/** No other path is worth a try: the store cannot be reached, or the zone may have no more conflicts. */
export class RunOver extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Runs work on a path, which fails by itself; the run goes on, unless the store is gone. */
export async function onPath({ mount }: SyncParts, tally: Tally, { path, work }: OnPath): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof Fault || thrown instanceof BackendError)) throw thrown;
    const fault = storeFault(thrown, mount);
    if (gone(thrown) || fault.data.limit === 'CONFLICTS_OPEN') throw new RunOver(fault);
    tally.fail({ path, code: fault.code, message: fault.message });
  }
}

export interface OnPath {
  readonly path: string;
  readonly work: () => Promise<void>;
}

/** The content of a file of the store, kept in the blob store; undefined where there is none any more. */
export const fetchTheirs = (
  { mount, backend, blobs, step, signal }: SyncParts,
  path: string,
): Promise<Fetched | undefined> =>
  fetchFile(
    {
      backend,
      blobs,
      signal,
      announce: announceBy(step),
    },
    insideOf(mount, path),
  );

export const contentOf = ({ blobs }: SyncParts, { etag, size, inline }: Local): Content => ({
  size,
  read: async function* (start, end) {
    if (inline) yield inline.subarray(start, end);
    else yield* blobs.read(etag, start, end);
  },
});
