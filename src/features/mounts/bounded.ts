/**
 * A backend that keeps its caller waiting no longer than the time a call of a store may take. Guarantees: every call ends in time,
 * whatever the backend does: what hangs is left behind, its signal aborted; where several do, the store is left alone for as long
 * as a call may take; anything that it throws and that is no BackendError counts as UNREACHABLE.
 */
import {
  type Backend,
  BackendError,
  type Changing,
  type Content,
  type Entry,
  type Listing,
  type Moving,
  type Opened,
  type Page,
  type Reading,
} from '../../ports/backend.ts';
import { soundEntry, soundOpened, soundPage, soundPiece } from './sound.ts';

/** "A backend call ends after 30 s with 503" (platform.md §4.2): of one that goes on, each part does. */
export const CALL_MS = 30_000;
/** Calls of one store that hang before it is left alone for a while. */
const HANGING_MOST = 4;

const late = (): BackendError => new BackendError('UNREACHABLE', 'did not answer in time');

/** Waits for a call no longer than it may take; `part` says that it goes on. */
class Watch {
  private timer: NodeJS.Timeout | undefined;
  private readonly abort = new AbortController();
  private readonly ms: number;
  private reject: (thrown: unknown) => void = () => undefined;
  wasLate = false;
  readonly over: Promise<never>;
  readonly signal: AbortSignal;

  constructor(ms: number, outer: AbortSignal) {
    this.ms = ms;
    this.signal = AbortSignal.any([outer, this.abort.signal]);
    this.over = new Promise<never>((_, reject) => {
      this.reject = reject;
    });
    this.over.catch(() => undefined);
    this.signal.addEventListener('abort', () => this.reject(late()), { once: true });
    this.part();
  }

  part(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.wasLate = true;
      this.reject(late());
      this.abort.abort();
    }, this.ms);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

export class BoundedBackend implements Backend {
  private readonly backend: Backend;
  private readonly ms: number;
  private hanging = new Set<Promise<void>>();
  private restUntil = 0;

  constructor(backend: Backend, ms: number = CALL_MS) {
    this.backend = backend;
    this.ms = ms;
  }

  private async call<T>(outer: AbortSignal, work: (watch: Watch) => Promise<T>): Promise<T> {
    if (performance.now() < this.restUntil) throw late();
    const watch = new Watch(this.ms, outer);
    // What it throws at once is no other than what it rejects with.
    const working = Promise.resolve().then(() => work(watch));
    let ended = false;
    const settled = working.then(
      () => undefined,
      () => undefined,
    );
    try {
      const result = await Promise.race([working, watch.over]);
      ended = true;
      return result;
    } catch (thrown) {
      if (thrown instanceof SourceFailed) throw thrown.cause;
      throw asBackendError(thrown);
    } finally {
      watch.end();
      if (watch.wasLate && !ended) this.leave(settled);
    }
  }

  /** Counted while it hangs; what hangs for ever is forgotten after the rest, so that a store may come back. */
  private leave(settled: Promise<void>): void {
    const { hanging } = this;
    hanging.add(settled);
    settled.then(() => hanging.delete(settled));
    if (hanging.size < HANGING_MOST) return;
    this.restUntil = performance.now() + this.ms;
    this.hanging = new Set();
  }

  stat(path: string, signal: AbortSignal): Promise<Entry | undefined> {
    return this.call(signal, async ({ signal }) => {
      const entry = await this.backend.stat(path, signal);
      return entry === undefined ? undefined : soundEntry(entry, path);
    });
  }

  async *list(directory: string, listing: Listing): AsyncGenerator<Page> {
    const stop = new AbortController();
    const signal = AbortSignal.any([listing.signal, stop.signal]);
    let pages: AsyncIterator<Page> | undefined;
    try {
      for (;;) {
        const next = await this.call(signal, (watch) => {
          // The signal of the first page is that of the listing: each page has its own time.
          pages ??= this.backend.list(directory, { ...listing, signal })[Symbol.asyncIterator]();
          watch.signal.addEventListener('abort', () => stop.abort(), { once: true });
          return pages.next();
        });
        if (next.done) return;
        yield soundPage(next.value);
      }
    } finally {
      stop.abort();
      pages?.return?.()?.catch(() => undefined);
    }
  }

  async open(path: string, reading: Reading): Promise<Opened> {
    const stop = new AbortController();
    const signal = AbortSignal.any([reading.signal, stop.signal]);
    const { entry, bytes } = await this.call(reading.signal, async (watch) => {
      watch.signal.addEventListener('abort', () => stop.abort(), { once: true });
      return soundOpened(await this.backend.open(path, { ...reading, signal }), path);
    });
    return { entry, bytes: this.pieces(bytes[Symbol.asyncIterator](), { signal, stop }) };
  }

  private async *pieces(
    pieces: AsyncIterator<Uint8Array>,
    { signal, stop }: { readonly signal: AbortSignal; readonly stop: AbortController },
  ): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const next = await this.call(signal, () => pieces.next());
        if (next.done) return;
        yield soundPiece(next.value);
      }
    } finally {
      stop.abort();
      pieces.return?.()?.catch(() => undefined);
    }
  }

  write(path: string, content: Content, changing: Changing): Promise<Entry> {
    return this.call(changing.signal, async (watch) =>
      soundEntry(await this.backend.write(path, watched(content, watch), { ...changing, signal: watch.signal }), path),
    );
  }

  remove(path: string, changing: Changing): Promise<boolean> {
    return this.call(changing.signal, ({ signal }) => this.backend.remove(path, { ...changing, signal }));
  }

  makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    return this.call(signal, ({ signal }) => this.backend.makeDirectory(path, signal));
  }

  removeDirectory(path: string, removing: { recursive: boolean; signal: AbortSignal }): Promise<boolean> {
    return this.call(removing.signal, ({ signal }) => this.backend.removeDirectory(path, { ...removing, signal }));
  }

  rename(from: string, to: string, moving: Moving): Promise<void> {
    return this.call(moving.signal, ({ signal }) => this.backend.rename(from, to, { ...moving, signal }));
  }

  close(): Promise<void> {
    return this.call(new AbortController().signal, () => this.backend.close()).catch(() => undefined);
  }
}

/** What our own source threw, which is not the store's failure. */
class SourceFailed extends Error {}

/** Each piece that is taken shows that the call goes on. */
const watched = (content: Content, watch: Watch): Content => ({
  size: content.size,
  read: async function* (start, end) {
    try {
      for await (const piece of content.read(start, end)) {
        watch.part();
        yield piece;
      }
    } catch (thrown) {
      throw new SourceFailed('the content could not be read', { cause: thrown });
    }
  },
});

function asBackendError(thrown: unknown): BackendError {
  if (thrown instanceof BackendError) return thrown;
  // A path that is none comes from us: the store is not to blame, and the log has to have it.
  if (thrown instanceof Error && thrown.name === 'AssertionError') throw thrown;
  return new BackendError('UNREACHABLE', 'failed in a way that it should not', thrown);
}
