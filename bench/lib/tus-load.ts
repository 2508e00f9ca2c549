/** Uploads over the wire, the same requests to both sides. */
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';

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

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
