/**
 * A stock client of the protocol in a browser, on a page of another origin: whole files, parts at once, a page that is loaded
 * again in the middle, a network that is cut. Guarantees looked at: no acknowledged byte is sent again, and the file is exact.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../harness.ts';
import { type Browser, type Page, startChromium } from '../servers/chromium.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';

const CLIENT = fileURLToPath(import.meta.resolve('tus-js-client')).replace(/\/lib[^/]*\/.*$/, '/dist/tus.min.js');
const SIZE = 6_000_000;

interface Job {
  readonly endpoint: string;
  readonly path: string;
  readonly size: number;
  readonly seed: number;
  readonly options: object;
}

interface Seen {
  /** `sends`, `done`, or what went wrong. */
  state: string;
  resumed: boolean;
  /** The first progress that was told. */
  from: number;
  retries: number;
}

/** The same bytes in the page and here. */
function bytesOf(seed: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let x = seed;
  for (let at = 0; at < size; at++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = x >>> 24;
  }
  return bytes;
}

/** Runs in the page. */
function begin(job: Job): void {
  const here = globalThis as unknown as { tus: typeof import('tus-js-client'); seen: Seen };
  const file = new File([bytesOf(job.seed, job.size)], job.path, { type: 'text/x-browser', lastModified: job.seed });
  const seen: Seen = { state: 'sends', resumed: false, from: -1, retries: 0 };
  here.seen = seen;
  const upload = new here.tus.Upload(file, {
    endpoint: job.endpoint,
    metadata: { path: job.path, filetype: file.type },
    retryDelays: Array.from({ length: 1_000 }, () => 50),
    onShouldRetry: () => {
      seen.retries++;
      return true;
    },
    onProgress: (sent) => {
      if (seen.from < 0) seen.from = sent;
    },
    onSuccess: () => {
      seen.state = 'done';
    },
    onError: (error) => {
      seen.state = String(error);
    },
    ...job.options,
  });
  upload.findPreviousUploads().then(([previous]) => {
    seen.resumed = previous !== undefined;
    if (previous) upload.resumeFromPreviousUpload(previous);
    upload.start();
  });
}

let server: TestServer;
let proxy: TcpProxy;
let pages: Server;
let browser: Browser;
let page: Page;
let origin: string;
let count = 0;

beforeAll(async () => {
  pages = createServer((request, response) => {
    const isClient = request.url === '/tus.js';
    response.setHeader('content-type', isClient ? 'text/javascript' : 'text/html');
    response.end(isClient ? readFileSync(CLIENT) : '<!doctype html><script src="/tus.js"></script>');
  }).listen(0, '127.0.0.1');
  await once(pages, 'listening');
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  server = await startTestServer({ environment: { NEXUS_CORS_ORIGINS: JSON.stringify([origin]) } });
  proxy = await startTcpProxy(Number(new URL(server.url).port));
  browser = await startChromium();
  page = await browser.newPage();
});
afterAll(async () => {
  await browser.stop();
  await proxy.stop();
  await server.stop();
  pages.closeAllConnections();
  pages.close();
});

function newJob(more: object = {}): Job {
  const seed = ++count;
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const endpoint = `http://127.0.0.1:${proxy.port}/api/v2/uploads`;
  return { endpoint, path: `/browser/${seed}`, size: SIZE, seed, options: { headers, ...more } };
}
const start = (job: Job): Promise<unknown> => page.evaluate(`${bytesOf}; (${begin})(${JSON.stringify(job)})`);
const seen = async (): Promise<Seen> => (await page.evaluate('seen')) as Seen;

/** Tells how many bytes the page has sent, and does something once these are more. */
function watch(limit = Number.POSITIVE_INFINITY, reached: () => void = () => undefined): () => number {
  let sent = 0;
  proxy.judge = (packet) => {
    const before = sent;
    sent += packet.length;
    if (before <= limit && sent > limit) reached();
    return 'pass';
  };
  return () => sent;
}

async function isExact({ path, seed, size }: Job): Promise<void> {
  await expect.poll(async () => (await seen()).state, { timeout: 60_000 }).toBe('done');
  const answer = await server.http(`/api/v2/files${path}`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/x-browser']);
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytesOf(seed, size))).toBe(true);
}

interface Held {
  readonly upload_id: string;
  readonly status: string;
  readonly upload_offset: number;
}
/** Bytes by upload that are here of what is not complete, once there are any. */
async function kept(): Promise<ReadonlyMap<string, number>> {
  const look = async (): Promise<Held[]> => {
    const { uploads } = (await (await server.http('/api/v2/uploads')).json()) as { uploads: Held[] };
    return uploads.filter(({ status, upload_offset }) => status === 'open' && upload_offset > 0);
  };
  await expect.poll(async () => (await look()).length, { timeout: 30_000 }).toBeGreaterThan(0);
  return new Map((await look()).map(({ upload_id, upload_offset }) => [upload_id, upload_offset]));
}
const sumOf = (bytes: ReadonlyMap<string, number>): number => [...bytes.values()].reduce((sum, one) => sum + one, 0);

/** Where each request with bytes of an upload begins from now on, beside where it may begin at the earliest. */
function watchOffsets(there: ReadonlyMap<string, number>): () => readonly (readonly [from: number, least: number])[] {
  const begun: [number, number][] = [];
  proxy.judge = (packet) => {
    const head = /^PATCH \/api\/v2\/uploads\/([\w-]+) .*?^upload-offset: (\d+)/ims.exec(packet.toString('latin1'));
    if (head) begun.push([Number(head[2]), there.get(head[1] ?? '') ?? 0]);
    return 'pass';
  };
  return () => begun;
}

/** What was here was not sent again, and what was not was begun behind it. */
function isResumed(begun: readonly (readonly [from: number, least: number])[]): void {
  expect(begun.filter(([from, least]) => from < least)).toEqual([]);
  expect(begun.filter(([, least]) => least > 0)).not.toEqual([]);
}

const WAYS: readonly (readonly [string, object])[] = [
  ['in one request', {}],
  ['in chunks', { chunkSize: 1_000_000 }],
  ['three parts at once', { parallelUploads: 3 }],
];

test.each(WAYS)('%s', async (_, options) => {
  await page.open(origin);
  watch();
  const job = newJob(options);
  await start(job);
  await isExact(job);
});

test.each(WAYS)('%s, and the page is loaded again in the middle', async (_, options) => {
  await page.open(origin);
  const job = newJob(options);
  // From there on nothing comes through, so that it cannot be over before.
  const sent = watch(SIZE / 2, () => {
    proxy.mute = true;
  });
  await start(job);
  await expect.poll(sent, { timeout: 30_000 }).toBeGreaterThan(SIZE / 2);
  await page.reload();
  const there = await kept();
  expect(sumOf(there)).toBeLessThan(SIZE);
  proxy.mute = false;
  const begun = watchOffsets(there);
  await start(job);
  await isExact(job);
  expect(await seen()).toMatchObject({ resumed: true });
  isResumed(begun());
});

test.each(WAYS)('%s, and the network is cut in the middle', async (_, options) => {
  await page.open(origin);
  const job = newJob(options);
  watch(SIZE / 2, () => {
    proxy.shut = true;
    proxy.cut();
  });
  await start(job);
  await expect.poll(async () => (await seen()).retries, { timeout: 30_000 }).toBeGreaterThan(0);
  const there = await kept();
  const begun = watchOffsets(there);
  proxy.shut = false;
  await isExact(job);
  isResumed(begun());
});
