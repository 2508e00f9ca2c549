/** A store of S3 that holds nothing, and that can be made to answer every request with one failure. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SayingS3 {
  readonly endpoint: string;
  /** What it answers from here on; undefined: an empty bucket that takes what is written. */
  says: { readonly status: number; readonly code: string } | undefined;
  stop(): Promise<void>;
}

export async function startSayingS3(): Promise<SayingS3> {
  const server = createServer((request, response) => {
    request.resume();
    if (saying.says) return fail(response, saying.says);
    if (request.url?.includes('list-type=2')) return send(response, 200, '<ListBucketResult></ListBucketResult>');
    if (request.method === 'PUT') return send(response, 200, '');
    return fail(response, { status: 404, code: 'NoSuchKey' });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const saying: SayingS3 = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    says: undefined,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return saying;
}

const fail = (response: ServerResponse, { status, code }: NonNullable<SayingS3['says']>): void =>
  send(response, status, `<Error><Code>${code}</Code><Message>it says so</Message></Error>`);

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(body);
}
