/**
 * One PostgreSQL for a whole test run, started by the first test that asks for it. Vitest runs files in several threads;
 * the server belongs to the process above them, which offers it at a loopback address and stops it at the end.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { createDatabase, type PostgresServer, startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers a GET with the URL of the server's database `postgres`. */
    postgresAt: string;
  }
}

/** Vitest's global setup: before the first test; what it returns runs after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<PostgresServer> | undefined;
  const door = createServer((_request, response) => {
    server ??= startPostgres();
    server.then(
      ({ urlOf }) => response.end(urlOf('postgres')),
      (reason: unknown) => response.writeHead(500).end(String(reason)),
    );
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  project.provide('postgresAt', `http://127.0.0.1:${(door.address() as AddressInfo).port}/`);
  return async () => {
    door.closeAllConnections();
    door.close();
    await (await server)?.stop();
  };
}

/** A fresh database of the shared server. */
export async function freshDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const response = await fetch(inject('postgresAt'));
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return createDatabase({ urlOf: (database) => answer.replace(/postgres$/, database) });
}
