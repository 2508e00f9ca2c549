/** Requests of the upload protocol as they go over the wire, to any server by its URL. Imports nothing of ours. */
import { randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';

export interface TusAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TusRequest {
  readonly method: string;
  /** Absolute, or behind the origin of the server. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  readonly trailers?: Readonly<Record<string, string>>;
  /** Breaks the connection off behind so many bytes of the body. */
  readonly breakAt?: number;
  /** Without `Tus-Resumable`. */
  readonly plain?: boolean;
}

export const VERSION = '1.0.0';
export const BYTES = 'application/offset+octet-stream';
export const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** A new one each time, so that no store can answer from what it knows. */
export const someBytes = (size: number): Buffer => randomBytes(size);

export class TusClient {
  readonly url: string;
  private readonly more: Readonly<Record<string, string>>;

  /** `url` is the collection of uploads; `more` are headers of every request, credentials for example. */
  constructor(url: string, more: Readonly<Record<string, string>> = {}) {
    this.url = url;
    this.more = more;
  }

  /** Undefined where the request was broken off. */
  send(asked: TusRequest & { breakAt: number }): Promise<undefined>;
  send(asked: TusRequest): Promise<TusAnswer>;
  send(asked: TusRequest): Promise<TusAnswer | undefined> {
    const { method, url, body, trailers, breakAt, plain } = asked;
    const version: Record<string, string> = plain ? {} : { 'tus-resumable': VERSION };
    const headers: Record<string, string> = { ...this.more, ...version, ...asked.headers };
    const chunked = trailers !== undefined;
    if (chunked) headers['transfer-encoding'] = 'chunked';
    else if (body || method === 'POST' || method === 'PATCH') headers['content-length'] = String(body?.length ?? 0);
    return new Promise((resolve, reject) => {
      const sent = request(new URL(url, this.url), { method, headers, agent: false }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces).toString(),
          }),
        );
      });
      sent.on('error', (error) => (breakAt === undefined ? reject(error) : resolve(undefined)));
      if (breakAt !== undefined) {
        sent.write((body ?? Buffer.alloc(0)).subarray(0, breakAt), () => sent.destroy(new Error('broken off')));
        return;
      }
      if (body) sent.write(body);
      if (trailers) sent.addTrailers(trailers);
      sent.end();
    });
  }

  create(headers: Readonly<Record<string, string>>, body?: Uint8Array): Promise<TusAnswer> {
    return this.send({ method: 'POST', url: this.url, headers, body });
  }

  /** The URL of a new upload of so many bytes. */
  async begin(size: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const made = await this.create({ 'upload-length': String(size), ...headers });
    if (made.status !== 201) throw new Error(`creation: ${made.status} ${made.body}`);
    return made.headers.location ?? '';
  }

  patch(
    url: string,
    { offset, body, headers = {} }: { offset: number; body: Uint8Array; headers?: Readonly<Record<string, string>> },
  ): Promise<TusAnswer> {
    const own = { 'upload-offset': String(offset), 'content-type': BYTES };
    return this.send({ method: 'PATCH', url, headers: { ...own, ...headers }, body });
  }

  head(url: string): Promise<TusAnswer> {
    return this.send({ method: 'HEAD', url });
  }

  /** Where an upload stands; -1 where it says no offset. */
  async offset(url: string): Promise<number> {
    return Number((await this.head(url)).headers['upload-offset'] ?? -1);
  }

  options(headers: Readonly<Record<string, string>> = {}): Promise<TusAnswer> {
    return this.send({ method: 'OPTIONS', url: this.url, plain: true, headers });
  }
}
