/**
 * A server for a whole test run, started by the first test that asks for it. Vitest runs files in several threads; the
 * server belongs to the process above them, which offers it at a loopback address and stops it at the end.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Offer {
  /** Answers a GET with the text that finds the server. */
  readonly at: string;
  withdraw(): Promise<void>;
}

export async function offer<S extends { stop(): Promise<void> }>(
  start: () => Promise<S>,
  found: (server: S) => string,
): Promise<Offer> {
  let server: Promise<S> | undefined;
  const door = createServer((_request, response) => {
    server ??= start();
    server.then(
      (started) => response.end(found(started)),
      (reason: unknown) => response.writeHead(500).end(String(reason)),
    );
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  return {
    at: `http://127.0.0.1:${(door.address() as AddressInfo).port}/`,
    withdraw: async () => {
      door.closeAllConnections();
      door.close();
      await (await server)?.stop();
    },
  };
}

/** What {@link offer} has at an address. */
export async function taken(at: string): Promise<string> {
  const response = await fetch(at);
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return answer;
}
