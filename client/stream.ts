/**
 * The event log as it is streamed: everything from a place on, or everything that comes. Guarantees: items come one by one,
 * each once and in order; who follows goes on behind the last event where a connection breaks or the server restarts, and
 * hears of an error that another try would not mend.
 */
import { parseJson } from '../src/base/parse-json.ts';
import type { EventObject } from '../src/features/feed/event-line.ts';
import { NexusError, UnreachableError } from './errors.ts';
import type { Transport } from './transport.ts';

export type { EventObject } from '../src/features/feed/event-line.ts';

/** What is wanted; lists of types as `write,delete`. */
export interface ReplayQuery {
  readonly since_revision?: number | string;
  readonly since_timestamp?: string;
  readonly event_types?: string;
  readonly path_pattern?: string;
  readonly agent_id?: string;
}

export interface FollowQuery {
  readonly path?: string;
  readonly event_types?: string;
  readonly agent_id?: string;
  /** Newest events to begin with. */
  readonly tail?: number;
  /** Event behind which to begin instead. */
  readonly last_event_id?: string;
}

export interface Followed {
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** Told each time that the connection is lost, with what happened. */
  readonly onLost?: (reason: unknown) => void;
}

/** Milliseconds between two tries, unless the server names another time. */
const RETRY_MS = 1_000;

const pathWith = (path: string, query: object): string => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
};

/** Everything up to now, oldest first. */
export async function* replayEvents(transport: Transport, query: ReplayQuery = {}): AsyncGenerator<EventObject> {
  const headers = { accept: 'application/x-ndjson' };
  const path = pathWith('/api/v2/events/replay', query);
  const { body } = await transport.raw({ method: 'GET', path, headers });
  if (!body) return;
  for await (const line of linesOf(body)) if (line !== '') yield parseJson<EventObject>(line);
}

/** The newest events, then each one as it comes, until the signal is aborted or nobody takes more. */
export async function* followEvents(
  transport: Transport,
  query: FollowQuery = {},
  { signal, onLost }: Followed = {},
): AsyncGenerator<EventObject> {
  let last = query.last_event_id;
  for (;;) {
    try {
      const path = pathWith('/api/v2/events/stream', { ...query, last_event_id: last });
      const { body } = await transport.raw({ method: 'GET', path, headers: { accept: 'text/event-stream' } });
      if (!body) return;
      for await (const event of eventsIn(body, signal)) {
        last = event.event_id;
        yield event;
      }
      onLost?.(undefined);
    } catch (thrown) {
      if (!mayMend(thrown)) throw thrown;
      onLost?.(thrown);
    }
    if (signal?.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    if (signal?.aborted) return;
  }
}

/** The server is away or says that another try may help; a stream that broke off is neither. */
function mayMend(thrown: unknown): boolean {
  if (thrown instanceof NexusError) return thrown.retryable;
  return thrown instanceof UnreachableError || (thrown instanceof Error && !(thrown instanceof SyntaxError));
}

/** Each event of a stream: what stands behind `data:` (WHATWG HTML §9.2.6, of which one line each is all that we send). */
async function* eventsIn(body: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<EventObject> {
  for await (const line of linesOf(body, signal)) {
    if (line.startsWith('data: ')) yield parseJson<EventObject>(line.slice('data: '.length));
  }
}

/** The lines of a text in UTF-8; a part of one at the end is none. */
export async function* linesOf(body: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<string> {
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  signal?.addEventListener('abort', cancel);
  const decoder = new TextDecoder();
  let rest = '';
  try {
    if (signal?.aborted) return;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const lines = (rest + decoder.decode(next.value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}
