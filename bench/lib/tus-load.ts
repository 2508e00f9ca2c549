/** Uploads over the wire, the same requests to both sides. */
import { once } from 'node:events';
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface TusSide {
  /** The collection of uploads. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `Upload-Metadata` of the n-th upload. */
  readonly metadata: (n: number) => string;
}

interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: Agent;
  readonly body?: Iterable<Buffer>;
}

function send({ method, url, headers, agent, body }: Sent): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    const write = async (): Promise<void> => {
      for (const piece of body ?? []) {
        if (!sent.write(piece)) await new Promise((go) => sent.once('drain', go));
      }
      sent.end();
    };
    write().catch(reject);
  });
}

export interface OneUpload {
  readonly n: number;
  readonly bytes: number;
  /** Bytes of one PATCH. */
  readonly chunk: number;
  readonly agent: Agent;
}

/** Other bytes in each upload, so that no store can keep one for two. */
function* pieces(n: number, bytes: number): Generator<Buffer> {
  const size = 64 * 1024;
  const piece = Buffer.alloc(Math.min(size, bytes), `nexus ${n} `);
  for (let left = bytes; left > 0; left -= size) yield left < size ? piece.subarray(0, left) : piece;
}

export async function uploadOne(side: TusSide, { n, bytes, chunk, agent }: OneUpload): Promise<void> {
  const common = { ...side.headers, 'tus-resumable': '1.0.0' };
  const made = await send({
    method: 'POST',
    url: new URL(side.url),
    headers: { ...common, 'upload-length': String(bytes), 'upload-metadata': side.metadata(n), 'content-length': '0' },
    agent,
  });
  if (made.status !== 201) throw new Error(`POST is ${made.status}`);
  const url = new URL(String(made.headers.location), side.url);
  for (let at = 0; at < bytes; at += chunk) {
    const size = Math.min(chunk, bytes - at);
    const headers = {
      ...common,
      'upload-offset': String(at),
      'content-type': 'application/offset+octet-stream',
      'content-length': String(size),
    };
    const { status } = await send({ method: 'PATCH', url, headers, agent, body: pieces(n + at, size) });
    if (status !== 204) throw new Error(`PATCH is ${status}`);
  }
}

/**
 * Small uploads one after the other over a bare socket: a client of Node's takes as much of the processor as a third of a
 * server does, and both are on the same machine.
 */
export class SmallUploads {
  private readonly side: TusSide;
  private readonly url: URL;
  private readonly socket: Socket;
  private heard = '';
  private told: PromiseWithResolvers<string> | undefined;

  constructor(side: TusSide) {
    this.side = side;
    this.url = new URL(side.url);
    this.socket = connect(Number(this.url.port), this.url.hostname).setNoDelay(true).setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.heard += text;
      this.look();
    });
    this.socket.on('close', () => this.told?.reject(new Error('the connection was closed')));
  }

  async upload(n: number, bytes: number): Promise<void> {
    const length = { 'upload-length': String(bytes), 'upload-metadata': this.side.metadata(n) };
    const made = await this.ask({ method: 'POST', path: this.url.pathname, headers: length, body: '' }, 201);
    const location = /\r\nlocation: (\S+)/i.exec(made)?.[1] ?? '';
    const headers = { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
    const body = `nexus ${n} `.repeat(bytes).slice(0, bytes);
    await this.ask({ method: 'PATCH', path: new URL(location, this.url).pathname, headers, body }, 204);
  }

  async close(): Promise<void> {
    this.told = undefined;
    this.socket.destroy();
    await once(this.socket, 'close');
  }

  /** The head of the answer. */
  private async ask({ method, path, headers, body }: Asked, status: number): Promise<string> {
    const all = { ...this.side.headers, ...headers, 'tus-resumable': '1.0.0', 'content-length': String(body.length) };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.told = Promise.withResolvers();
    this.socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${this.url.host}\r\n${lines.join('')}\r\n${body}`, 'latin1');
    const head = await this.told.promise;
    if (!head.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`${method}: ${head.slice(0, 500)}`);
    return head;
  }

  /** Tells of an answer that is there as a whole. */
  private look(): void {
    const end = this.heard.indexOf('\r\n\r\n') + 4;
    if (end < 4) return;
    const head = this.heard.slice(0, end);
    const chunked = /\r\ntransfer-encoding: chunked/i.test(head);
    const rest = chunked ? LAST_CHUNK.length : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const whole = end + rest;
    if (this.heard.length < whole) return;
    if (chunked && this.heard.slice(end, whole) !== LAST_CHUNK) throw new Error(`an answer with a body: ${head}`);
    this.heard = this.heard.slice(whole);
    this.told?.resolve(head);
  }
}

const LAST_CHUNK = '0\r\n\r\n';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
