/**
 * A text of somebody else over HTTPS. Guarantees: each connection, redirects too, goes to an address that was judged; it ends
 * when the signal does, and with more bytes than were asked for; whatever it fails with is {@link SeedNotFetched}.
 */
import type { IncomingMessage } from 'node:http';
import { https } from '../../base/node-http.ts';
import { type Outbound, OutboundRefused } from '../../ports/outbound.ts';
import { SeedNotFetched } from '../../ports/seed-texts.ts';

const REDIRECTS_MAX = 5;

export interface Download {
  readonly outbound: Outbound;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

/** The bytes of what is at a URL, in pieces. */
export async function* download(url: URL, by: Download): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const piece of (await followed(url, by)) as AsyncIterable<Buffer>) {
      bytes += piece.byteLength;
      if (bytes > by.bytesMax) throw new SeedNotFetched(`it is larger than ${by.bytesMax} bytes`);
      yield piece;
    }
  } catch (thrown) {
    throw notFetched(thrown, by.signal);
  }
}

async function followed(url: URL, by: Download): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await ask(at, by);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200) return response;
    response.destroy();
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) {
      throw new SeedNotFetched(`${at.host} answers with status ${statusCode}`);
    }
    at = redirected(at, headers.location);
  }
  throw new SeedNotFetched(`${url.host} redirects more than ${REDIRECTS_MAX} times`);
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (to?.protocol === 'https:') return to;
  throw new SeedNotFetched(`${from.host} redirects to what is no HTTPS`);
}

function ask(url: URL, { outbound, signal }: Download): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = { agent: outbound.agentFor(url), signal, headers: { 'accept-encoding': 'identity' } };
  https().get(url, options, resolve).on('error', reject);
  return promise;
}

function notFetched(cause: unknown, signal: AbortSignal): SeedNotFetched {
  if (cause instanceof SeedNotFetched) return cause;
  if (signal.aborted) return new SeedNotFetched('it takes too long', { cause });
  if (cause instanceof OutboundRefused) return new SeedNotFetched(cause.message, { cause });
  const { code, message } = cause as NodeJS.ErrnoException;
  return new SeedNotFetched(`the connection fails: ${code ?? message}`, { cause });
}
