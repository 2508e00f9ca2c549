/** The peer of P5 and P6: @tus/server with its file store, as its pages tell to set it up. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

const directory = mkdtempSync(join(process.env.NEXUS_TEST_BENCH_DIR ?? tmpdir(), 'tus-peer-'));
const path = '/files';
const peer = new Server({ path, datastore: new FileStore({ directory }) });
const server = peer.listen(Number(process.env.NEXUS_TEST_BENCH_PORT ?? 0), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  if (process.send) process.send({ url });
  else console.log(url);
});
const stop = (): void => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
};
process.on('message', stop);
process.on('SIGTERM', stop);
// A bench that failed leaves no peer behind.
process.on('disconnect', stop);
