/** The peer of F1: a bare `node:http` handler that reads the same request and returns the same bytes. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const answer = Buffer.from(process.env.NEXUS_TEST_BENCH_ANSWER ?? '', 'base64');
const type = process.env.NEXUS_TEST_BENCH_TYPE ?? 'application/json';
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    Buffer.concat(chunks);
    response.writeHead(200, { 'content-type': type, 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () =>
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
);
process.on('message', () => process.exit(0));
// A bench that failed leaves no peer behind.
process.on('disconnect', () => process.exit(0));
