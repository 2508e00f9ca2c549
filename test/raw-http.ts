/** HTTP over a bare socket, for what clients hide: targets as they are, bodies that break off, answers before the end. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ADMIN_KEY } from './harness.ts';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A request as it goes over the wire, the admin's. */
export const wire = (line: string, headers: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${ADMIN_KEY}`, ...headers, '', body].join('\r\n');

export async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}

/** Sends a text and gives the first answer; the connection is closed then. */
export async function exchange(url: string, text: string | Buffer): Promise<RawAnswer> {
  const socket = await openSocket(url);
  socket.write(text);
  try {
    return await readAnswer(socket);
  } finally {
    socket.destroy();
  }
}

/** The next answer on a connection. Its body is as long as Content-Length says. */
export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const seen: Buffer[] = [];
  let size = 0;
  let wanted: number | undefined;
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) {
    seen.push(bytes as Buffer);
    size += (bytes as Buffer).length;
    wanted ??= wholeLength(Buffer.concat(seen));
    if (wanted === undefined || size < wanted) continue;
    const answer = parseAnswer(Buffer.concat(seen));
    if (answer) return answer;
  }
  throw new Error(`the connection ended after ${JSON.stringify(Buffer.concat(seen).toString('latin1', 0, 1000))}`);
}

/** Bytes of head and body, once the head is there. */
function wholeLength(bytes: Buffer): number | undefined {
  const head = parseAnswer(bytes);
  return head && bytes.length - head.body.length + Number(head.headers['content-length'] ?? 0);
}

function parseAnswer(bytes: Buffer): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]),
  );
  return { status: Number(line.split(' ')[1]), headers, body: bytes.subarray(end + 4) };
}
