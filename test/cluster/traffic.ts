/**
 * Steady traffic as clients make it that never try again: so many requests a second while no more than some wait; seven
 * of ten read, the others write files, small ones and such that lie in the bucket, and submit jobs. What was acknowledged can
 * be looked for afterwards.
 */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 10;
const LARGE_BYTES = 80_000;
const SEEDS = 20;
/** A machine that is busy with other things gets no more than it can do. */
const IN_FLIGHT_MOST = 24;
const ANSWER_MS_MAX = 60_000;

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

export interface Failure {
  readonly method: string;
  readonly path: string;
  /** HTTP status, or what became of the connection. */
  readonly what: string;
  /** When it was sent, of the monotonic clock. */
  readonly began: number;
}

export interface Report {
  sent: number;
  readonly failures: Failure[];
  /** Milliseconds. */
  slowest: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const post = (path: string, body: object): Exchange => ({ method: 'POST', path, body: JSON.stringify(body) });
const contentOf = (n: number): string => `write ${n}\n`.repeat(n % 20 === 3 ? LARGE_BYTES / 10 : 1);
const seedPath = (n: number): string => `/load/seed/${n % SEEDS}`;
const seedOf = (n: number): string => seedPath(Math.floor(n / 10));

export class Traffic {
  readonly report: Report = { sent: 0, failures: [], slowest: 0 };
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 200 });
  private readonly place: { readonly url: string; readonly key: string };
  /** Number of each write that was acknowledged, and id of each job. */
  private readonly files: number[] = [];
  private readonly jobs: string[] = [];
  private readonly open = new Set<Promise<void>>();
  private running = true;
  private loop: Promise<void> = Promise.resolve();
  private next = 0;

  constructor(place: { readonly url: string; readonly key: string }) {
    this.place = place;
  }

  async seed(): Promise<void> {
    for (let n = 0; n < SEEDS; n++) {
      const { status, text } = await this.send({
        method: 'PUT',
        path: `/api/v2/files${seedPath(n)}`,
        body: contentOf(n),
      });
      if (status >= 300) throw new Error(`seed: ${status} ${text}`);
    }
  }

  start(perSecond: number): void {
    const began = performance.now();
    this.loop = (async () => {
      for (let due = 0; this.running; due = ((performance.now() - began) / 1000) * perSecond) {
        for (; this.next < due; this.next++) if (this.open.size < IN_FLIGHT_MOST) this.one(this.next);
        await sleep(TICK_MS);
      }
    })();
  }

  async stop(): Promise<Report> {
    this.running = false;
    await this.loop;
    await Promise.all(this.open);
    return this.report;
  }

  /** What was acknowledged and is not there, or is another. */
  async missing(): Promise<string[]> {
    const found = await Promise.all([
      ...this.files.map((n) => this.wrongFile(n)),
      ...this.jobs.map((id) => this.wrongJob(id)),
    ]);
    return found.filter((one) => one !== undefined);
  }

  get acknowledged(): number {
    return this.files.length + this.jobs.length;
  }

  close(): void {
    this.agent.destroy();
  }

  private one(n: number): void {
    const work = this.exchange(n).finally(() => this.open.delete(work));
    this.open.add(work);
  }

  private async exchange(n: number): Promise<void> {
    const kind = n % 10;
    if (kind === 3 || kind === 6) {
      const done = await this.checked({ method: 'PUT', path: `/api/v2/files/load/w/${n}`, body: contentOf(n) });
      if (done) this.files.push(n);
    } else if (kind === 9) {
      const job = { job_type: 'echo', payload: { value: n }, idempotency_key: `load-${n}` };
      const done = await this.checked(post('/api/v1/jobs/submit', job));
      if (done) this.jobs.push((JSON.parse(done.text) as { job_id: string }).job_id);
    } else if (kind % 3 === 0) await this.checked(post('/api/nfs/list', { params: { path: '/load/seed' } }));
    else if (kind % 3 === 1) await this.checked({ method: 'GET', path: `/api/v2/files${seedOf(n)}` });
    else await this.checked(post('/api/nfs/read', { params: { path: seedOf(n) } }));
  }

  /** The answer of a request that went well; of another, which one it was is written down. */
  private async checked(exchange: Exchange): Promise<Answer | undefined> {
    const began = performance.now();
    this.report.sent++;
    const answer = await this.send(exchange).catch((thrown: unknown) => String(thrown));
    this.report.slowest = Math.max(this.report.slowest, performance.now() - began);
    if (typeof answer !== 'string' && answer.status < 300) return answer;
    const what = typeof answer === 'string' ? answer : `${answer.status} ${answer.text.slice(0, 200)}`;
    this.report.failures.push({ method: exchange.method, path: exchange.path, what, began });
    return undefined;
  }

  private async wrongFile(n: number): Promise<string | undefined> {
    const { status, text } = await this.sure({ method: 'GET', path: `/api/v2/files/load/w/${n}` });
    return status === 200 && text === contentOf(n) ? undefined : `file ${n}: ${status}, ${hash(text)}`;
  }

  private async wrongJob(id: string): Promise<string | undefined> {
    for (;;) {
      const { status, text } = await this.sure({ method: 'GET', path: `/api/v1/jobs/${id}` });
      const job = JSON.parse(text) as { status: string; attempts: readonly { status: string }[] };
      const waits = ['queued', 'running', 'retry_wait'].includes(job.status);
      if (status === 200 && waits) await sleep(200);
      else {
        const once = job.attempts?.filter((attempt) => attempt.status === 'succeeded').length === 1;
        return job.status === 'succeeded' && once ? undefined : `job ${id}: ${text}`;
      }
    }
  }

  /** A question about what is there: asked again where a connection that was idle has ended meanwhile. */
  private async sure(exchange: Exchange, tries = 3): Promise<Answer> {
    return this.send(exchange).catch((thrown: unknown) => {
      if (tries === 0) throw thrown;
      return this.sure(exchange, tries - 1);
    });
  }

  private send({ method, path, body }: Exchange): Promise<Answer> {
    const { url, key } = this.place;
    const type = path.startsWith('/api/v2/files') ? 'application/octet-stream' : 'application/json';
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url + path, { method, agent: this.agent, headers, timeout: ANSWER_MS_MAX }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);
