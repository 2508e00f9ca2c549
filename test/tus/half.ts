/** A PATCH that has sent its beginning, has the lock, and sends no more by itself. */
import { connect, type Socket } from 'node:net';
import { ADMIN_KEY, type TestServer } from '../harness.ts';
import { BYTES } from './client.ts';
import { eventually } from './row.ts';

export interface Half {
  readonly socket: Socket;
  /** Resolves when the server, or the test, has ended the connection. */
  readonly closed: Promise<void>;
}

/** `first` has to be more than is held in memory, so that it takes the lock. */
export async function halfPatch(
  server: TestServer,
  { url, size, first }: { readonly url: string; readonly size: number; readonly first: Buffer },
): Promise<Half> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(
    `PATCH ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_KEY}\r\nTus-Resumable: 1.0.0\r\n` +
      `Content-Type: ${BYTES}\r\nUpload-Offset: 0\r\nContent-Length: ${size}\r\n\r\n`,
  );
  socket.write(first);
  const upload_id = pathname.split('/').at(-1) ?? '';
  await eventually(async () => {
    const row = await server.sql.read((tx) =>
      tx.get<{ lock_until: number | null }>('SELECT lock_until FROM uploads WHERE upload_id = ?', [upload_id]),
    );
    if (typeof row?.lock_until !== 'number') throw new Error('it has no lock');
  });
  return { socket, closed };
}
