/** What the group commits of both SQL engines share: writes that wait, how they ended inside a batch, and the count. */
import { observe } from '../base/distribution.ts';
import type { Commits } from '../ports/sql.ts';

/** A write that waits for its turn. */
export interface Waiting<T> {
  readonly work: (tx: T) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** How a write of the open batch ended, before the commit decides for all. */
export interface Settled<W> {
  readonly waiting: W;
  readonly value?: unknown;
  readonly failure?: { readonly reason: unknown };
}

/** The promise of a write, which `put` is handed to queue it. */
export function waitIn<T, V>(put: (waiting: Waiting<T>) => void, work: (tx: T) => Promise<V>): Promise<V> {
  return new Promise<V>((resolve, reject) => put({ work, resolve: resolve as (value: unknown) => void, reject }));
}

/** Counts a commit of so many writes, begun at that time of the monotonic clock and durable now. */
export function countCommit(commits: Commits, commit: { readonly began: number; readonly writes: number }): void {
  observe(commits.seconds, (performance.now() - commit.began) / 1000);
  observe(commits.writes, commit.writes);
}

/** Answers the writes of a batch whose commit is durable. */
export function answerAll(settled: readonly Settled<Waiting<never>>[]): void {
  for (const { waiting, value, failure } of settled) {
    if (failure) waiting.reject(failure.reason);
    else waiting.resolve(value);
  }
}

/** Fails the writes of a batch of which nothing can be said to be kept. */
export function rejectAll(settled: readonly Settled<Waiting<never>>[], reason: unknown): void {
  for (const { waiting } of settled) waiting.reject(reason);
}
