/**
 * What has to be removed before a zone has ended: one finalizer for each kind of rows, and how far each has come. The
 * roof knows what each one does; here they are names, so that the answer to a deletion can name what is still to come.
 */
import { parseJson } from '../../base/parse-json.ts';

/** In this order: keys first, so that nothing of the zone works any more; blobs last, when nothing names them. */
export const FINALIZERS = [
  'keys',
  'answers',
  'agents',
  'jobs',
  'shares',
  'tuples',
  'uploads',
  'sync',
  'mounts',
  'mcp',
  'corpus',
  'tree',
  'files',
  'events',
  'blobs',
] as const;
export type FinalizerName = (typeof FINALIZERS)[number];

export interface FinalizerState {
  readonly state: 'pending' | 'completed' | 'failed';
  /** Failed tries so far. */
  readonly failures: number;
  /** Milliseconds; not tried again before. */
  readonly next_at: number;
}

export type FinalizerStates = Readonly<Record<string, FinalizerState>>;

const PENDING: FinalizerState = { state: 'pending', failures: 0, next_at: 0 };

/** Of a zone whose deletion begins. */
export const allPending = (): FinalizerStates => Object.fromEntries(FINALIZERS.map((name) => [name, PENDING]));

/** As the zone's row has them; one that a later program added is pending. */
export const finalizersOf = (zone: { readonly phase: string; readonly finalizers: string }): FinalizerStates =>
  zone.phase === 'Terminating' ? { ...allPending(), ...(parseJson(zone.finalizers) as FinalizerStates) } : {};

/** Delay before the try after the n-th failed one: 1 s, doubling up to 5 minutes. */
const backoffMs = (failures: number): number => Math.min(1000 * 2 ** (failures - 1), 300_000);

export const completed = (before: FinalizerState): FinalizerState => ({ ...before, state: 'completed' });

export function failed(before: FinalizerState, now: number): FinalizerState {
  const failures = before.failures + 1;
  return { state: 'failed', failures, next_at: now + backoffMs(failures) };
}
