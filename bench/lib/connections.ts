/** Kept connections to a server, for calls whose answers are read to their end and looked at by status only. */
import { Agent, request } from 'node:http';
import type { Account } from './calls.ts';

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
}

export interface Connections {
  send(exchange: Exchange): Promise<{ readonly status: number }>;
  close(): void;
}

export function openConnections({ url, key }: Account, count: number): Connections {
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  const authorization = `Bearer ${key}`;
  return {
    send: ({ method, path, body, type }) =>
      new Promise((resolve, reject) => {
        const headers = {
          authorization,
          ...(type ? { 'content-type': type } : {}),
          'content-length': Buffer.byteLength(body ?? ''),
        };
        const sent = request(url + path, { method, agent, headers }, (response) => {
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0 }));
          response.resume();
        });
        sent.on('error', reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}
