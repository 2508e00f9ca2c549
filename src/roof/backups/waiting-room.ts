/**
 * What answers at the address of a server that has closed all it has while a restore runs: 503 with the reason
 * (workflows.md §13), so that clients wait and a balancer looks elsewhere. It reads nothing of what it is sent.
 */
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { newRequestId } from '../../base/ids.ts';
import { createServer } from '../../base/node-http.ts';
import { failureHeaders, restFailure } from '../../channels/http/failures.ts';
import { traceIdFrom } from '../../channels/http/trace-id.ts';
import type { Config } from '../../config.ts';
import { restoring } from '../../engines/sql-faults.ts';

export interface WaitingRoom {
  /** The address is free again. */
  close(): Promise<void>;
}

/** The server before it closes its door at about the same time. */
const AGAIN_MS = 5;

/** Opens as soon as the address is free. */
export function openWaitingRoom({ HOST, PORT }: Config): WaitingRoom {
  const server = answering();
  const closing = new AbortController();
  const opened = open(server, { HOST, PORT }, closing.signal);
  return {
    close: async () => {
      closing.abort();
      await opened;
      if (!server.listening) return;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answering(): Server {
  const fault = restoring();
  return createServer((request, reply) => {
    request.resume();
    const live = request.url === '/healthz/live';
    const id = newRequestId();
    const body = live ? { status: 'alive' } : restFailure(fault, id);
    reply.writeHead(live ? 200 : fault.row.http, {
      ...(live ? {} : failureHeaders(fault)),
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': id,
      ...(live ? {} : { 'x-trace-id': traceIdFrom(id) }),
      connection: 'close',
    });
    reply.end(JSON.stringify(body));
  });
}

async function open(server: Server, { HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>, signal: AbortSignal): Promise<void> {
  // Nobody knows the address yet.
  if (PORT === 0) return;
  while (!signal.aborted) {
    const listens = await new Promise<boolean>((resolve) => {
      const refused = (): void => resolve(false);
      server.once('error', refused);
      server.listen({ host: HOST, port: PORT }, () => {
        server.off('error', refused);
        resolve(true);
      });
    });
    if (listens) return;
    await sleep(AGAIN_MS);
  }
}
