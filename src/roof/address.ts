/** Whether the address of a server can be had. Guarantee: nothing listens there afterwards. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../config.ts';

/** The error of the system where it cannot: told before anything is made, instead of after all is. */
export async function assertAddressFree({ HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>): Promise<void> {
  const server = createServer().listen({ host: HOST, port: PORT });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}
