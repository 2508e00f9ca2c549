/** A caller of a server that counts what comes back: answers by class, and of each 5xx whether it names its trace. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { ADMIN_KEY } from '../harness.ts';
import { listen } from '../listener.ts';

export interface Sending {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly type?: string;
  /** Instead of a body. */
  readonly json?: object;
}

export interface Caller {
  /** What the answer holds, where it is JSON, and its header `location`. */
  call(method: string, path: string, sending?: Sending): Promise<unknown>;
  /** The result of an RPC, undefined where it is a fault. */
  rpc(method: string, params: object): Promise<unknown>;
  /** Hears events until the function that it gives is called. */
  listen(): Promise<() => void>;
}

export interface Counts {
  calls: number;
  refused: number;
  readonly failed: string[];
  untraced: number;
}

interface Answer {
  readonly message: IncomingMessage;
  readonly text: string;
}

export class CountingCaller implements Caller {
  readonly counts: Counts = { calls: 0, refused: 0, failed: [], untraced: 0 };
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, connections: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  readonly call = async (method: string, path: string, sending: Sending = {}): Promise<unknown> => {
    const { message, text } = await this.#send(method, path, sending);
    this.#count(`${method} ${path}`, message);
    const { location, 'content-type': type } = message.headers;
    if (!type?.startsWith('application/json')) return { location };
    return { location, ...JSON.parse(text) };
  };

  readonly rpc = async (method: string, params: object): Promise<unknown> => {
    const answer = await this.call('POST', `/api/nfs/${method}`, { json: { params } });
    return (answer as { result?: unknown }).result ?? undefined;
  };

  readonly listen = async (): Promise<() => void> => {
    const listener = await listen(this.#url, {});
    return () => listener.vanish();
  };

  close(): void {
    this.#agent.destroy();
  }

  #count(what: string, { statusCode: status = 0, headers }: IncomingMessage): void {
    this.counts.calls++;
    if (status >= 400 && status < 500) this.counts.refused++;
    if (status < 500) return;
    this.counts.failed.push(`${what}: ${status}, trace ${headers['x-trace-id'] ?? 'missing'}`);
    if (headers['x-trace-id'] === undefined) this.counts.untraced++;
  }

  #send(method: string, path: string, { key = ADMIN_KEY, headers, body, type, json }: Sending): Promise<Answer> {
    const bytes = Buffer.from(json ? JSON.stringify(json) : (body ?? ''));
    const kind = json ? 'application/json' : type;
    const given = {
      authorization: `Bearer ${key}`,
      'content-length': bytes.length,
      ...(kind ? { 'content-type': kind } : {}),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const target = new URL(path, this.#url);
      const sent = request(target, { method, agent: this.#agent, headers: given }, (message) => {
        const chunks: Buffer[] = [];
        message.on('data', (chunk: Buffer) => chunks.push(chunk));
        message.on('error', reject);
        message.on('end', () => resolve({ message, text: Buffer.concat(chunks).toString() }));
      });
      sent.on('error', reject);
      sent.end(bytes);
    });
  }
}
