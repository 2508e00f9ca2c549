/** An HTTPS server of texts on this machine, under a name of somebody else that a server of a test is given with a pin. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';

export interface TextServer {
  /** Settings of a server that is to find it. */
  readonly environment: Readonly<Record<string, string>>;
  /** PEM. */
  readonly certificate: string;
  /** `name:443=127.0.0.1:port`. */
  readonly pin: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** What a path answers; 404 unless told. */
  answer(path: string, how: (response: ServerResponse) => unknown): void;
  stop(): Promise<void>;
}

export async function startTextServer(name: string): Promise<TextServer> {
  const made = makeCertificate(name);
  const folder = mkdtempSync(join(tmpdir(), 'nexus-texts-'));
  const file = join(folder, 'ca.pem');
  writeFileSync(file, made.cert);
  const answers = new Map<string, (response: ServerResponse) => unknown>();
  const asked: string[] = [];
  const server = createServer(made, (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const how = answers.get(path);
    if (how) how(response);
    else response.writeHead(404).end('nothing here');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pin = `${name}:443=127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    environment: { NEXUS_CA_FILE: file, NEXUS_RESOLVE: JSON.stringify([pin]) },
    certificate: made.cert,
    pin,
    asked,
    answer: (path, how) => answers.set(path, how),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}
