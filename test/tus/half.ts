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

export interface HalfPatch {
  readonly url: string;
  /** Bytes of the body; undefined: it comes in chunks, and nobody says how many. */
  readonly size?: number;
  /** More than is held in memory, so that it takes the lock. */
  readonly first: Buffer;
  /** The admin's unless given. */
  readonly key?: string;
}

/** A chunk of a body whose size nobody says. */
export const chunk = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

export async function halfPatch(server: TestServer, { url, size, first, key = ADMIN_KEY }: HalfPatch): Promise<Half> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(
    `PATCH ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nTus-Resumable: 1.0.0\r\n` +
      `Content-Type: ${BYTES}\r\nUpload-Offset: 0\r\n${size === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`}\r\n\r\n`,
  );
  socket.write(size === undefined ? chunk(first) : first);
  const upload_id = pathname.split('/').at(-1) ?? '';
  await eventually(async () => {
    const row = await server.sql.read((tx) =>
      tx.get<{ lock_until: number | null }>('SELECT lock_until FROM uploads WHERE upload_id = ?', [upload_id]),
    );
    if (typeof row?.lock_until !== 'number') throw new Error('it has no lock');
  });
  return { socket, closed };
}
