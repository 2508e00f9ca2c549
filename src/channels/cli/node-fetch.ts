/**
 * Requests of the command line, on Node's own HTTP client: loading `fetch` takes longer than all the rest of a command.
 * Guarantees: bodies and answers are streamed; an answer that comes before the body is sent ends the sending; one that
 * does not come, or stops coming, for five minutes is a failure.
 */
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Fetch, HttpAnswer } from '../../../client/transport.ts';

const SILENCE_MS = 300_000;
const BODILESS: ReadonlySet<number> = new Set([204, 304]);

export const nodeFetch: Fetch = (url, { method, headers, body, signal }) =>
  new Promise((resolve, reject) => {
    const options: RequestOptions = { method, headers, ...(signal ? { signal } : {}) };
    const request = clientFor(url).request(url, options, (response) => {
      response.on('end', () => request.writableFinished || request.destroy());
      // Nobody reads what has no body, and a connection that is not read to its end keeps the process for a minute.
      if (BODILESS.has(response.statusCode ?? 0) || method === 'HEAD') response.resume();
      resolve(answerOf(response));
    });
    request.on('error', reject);
    request.on('finish', () =>
      request.setTimeout(SILENCE_MS, () => request.destroy(new Error(`no answer for ${SILENCE_MS / 1000} s`))),
    );
    if (body instanceof Object && Symbol.asyncIterator in body) pipeline(body, request).catch(reject);
    else request.end(body);
  });

/** Not by `import`, which reads every name of the module, `WebSocket` among them, and so loads all of `fetch`: 40 ms. */
const clientFor = (url: string) => process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http');

function answerOf(response: IncomingMessage): HttpAnswer {
  const status = response.statusCode ?? 0;
  const text = async (): Promise<string> => {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  return {
    status,
    ok: status >= 200 && status < 300,
    headers: { get: (name) => response.headersDistinct[name]?.join(', ') ?? null },
    get body() {
      return Readable.toWeb(response);
    },
    text,
  };
}
