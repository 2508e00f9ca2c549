/**
 * `fetch` for addresses that users name. Guarantees: every connection is judged (ports/outbound.ts); no redirect is followed here, it
 * is an answer like others; an answer longer than `maximum` bytes breaks off.
 */
import type { IncomingMessage } from 'node:http';
import { https, request } from '../../base/node-http.ts';
import { traceHeader } from '../../base/trace-context.ts';
import type { Outbound } from '../../ports/outbound.ts';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Answers that have no body by definition: a Response refuses to be given one. */
const BODILESS = new Set([204, 205, 304]);

export const outboundFetch =
  (outbound: Outbound, maximum: number): Fetch =>
  (address, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(address);
      const ask = url.protocol === 'https:' ? https().request : request;
      const options = {
        method: init.method ?? 'GET',
        headers: { ...Object.fromEntries(new Headers(init.headers)), ...traceHeader() },
        agent: outbound.agentFor(url),
        ...(init.signal ? { signal: init.signal } : {}),
      };
      const asked = ask(url, options, (response) => {
        try {
          resolve(answerOf(response, maximum));
        } catch (thrown) {
          response.destroy();
          reject(thrown);
        }
      });
      asked.on('error', reject);
      asked.end(typeof init.body === 'string' ? init.body : undefined);
    });

function answerOf(response: IncomingMessage, maximum: number): Response {
  const status = response.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const told = { status, statusText: response.statusMessage ?? '', headers };
  if (!BODILESS.has(status)) return new Response(ReadableStream.from(bounded(response, maximum)), told);
  response.resume();
  return new Response(null, told);
}

async function* bounded(response: IncomingMessage, maximum: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maximum) throw new Error(`the answer is longer than ${maximum} bytes`);
    yield chunk;
  }
}
