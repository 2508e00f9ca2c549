/**
 * The bundle of the published package: its command line knows the same commands as the source, works against a server,
 * and a client command loads neither the server nor a schema nor `fetch`, so that it starts at once (workflows.md §6), and
 * the texts of help only where it shows them. A server that nobody calls has loaded nothing for calls of others, and has
 * no thread for long reads.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pdfOf } from './corpus/pdf.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './harness.ts';
import { nexus } from './nexus-process.ts';
import { sparePort } from './servers/spare-port.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
const PLACE = mkdtempSync(join(tmpdir(), 'nexus-bundle-'));
const MODULES = join(PLACE, 'modules.json');
const SLOW = { timeout: 120_000 };
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  for (const part of ['bin', 'migrations', 'package.json'])
    cpSync(join(ROOT, part), join(PLACE, part), { recursive: true });
  await run(process.execPath, [join(ROOT, 'tools/build.ts'), join(PLACE, 'dist')]);
  writeFileSync(
    join(PLACE, 'tell.mjs'),
    `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(${JSON.stringify(MODULES)}, JSON.stringify(process.moduleLoadList)));`,
  );
}, SLOW.timeout);
afterAll(async () => {
  await server.stop();
  rmSync(PLACE, { recursive: true, force: true });
});

interface Loaded {
  readonly out: string;
  /** Node's own modules. */
  readonly modules: readonly string[];
  /** Of the bundle. */
  readonly bytes: number;
}

/** A command of the bundle, and what it loaded. */
async function load(...line: string[]): Promise<Loaded> {
  const coverage = join(PLACE, 'coverage');
  const env = { NEXUS_URL: server.url, NEXUS_API_KEY: ADMIN_KEY, HOME: PLACE, NODE_V8_COVERAGE: coverage };
  const tell = ['--import', join(PLACE, 'tell.mjs'), join(PLACE, 'bin/nexus.mjs')];
  const { stdout } = await run(process.execPath, [...tell, ...line], { env });
  const [report = ''] = readdirSync(coverage);
  const { result } = JSON.parse(readFileSync(join(coverage, report), 'utf8')) as { result: { url: string }[] };
  rmSync(coverage, { recursive: true });
  const parts = result.map(({ url }) => url).filter((url) => url.includes('/dist/'));
  const bytes = parts.map((url) => statSync(join(PLACE, 'dist', basename(url))).size).reduce((sum, size) => sum + size);
  return { out: stdout, modules: JSON.parse(readFileSync(MODULES, 'utf8')), bytes };
}

const SLOW_MODULES = /deps\/undici|internal\/crypto|sqlite/;

test('a client command loads little: no server, no schema, no fetch', SLOW, async () => {
  await server.ok('write', { path: '/b/one.txt', content: 'one' });
  const lines = [['whoami'], ['ls', '/b'], ['cat', '/b/one.txt'], ['zone', 'list'], ['seed-text', 'list'], ['--help']];
  for (const line of lines) {
    const { modules, bytes, out } = await load(...line);
    expect([line, out === '']).toEqual([line, false]);
    expect([line, modules.filter((name) => SLOW_MODULES.test(name))]).toEqual([line, []]);
    expect(bytes).toBeLessThan(120_000);
  }
  expect((await load('--version')).bytes).toBeLessThan(5_000);
});

test('texts of help are read by help alone', SLOW, async () => {
  const texts = join(PLACE, 'dist', 'command-texts.json');
  const away = `${texts}.away`;
  renameSync(texts, away);
  try {
    for (const line of [['whoami'], ['zone', 'list'], ['backup', 'list']]) {
      expect([line, (await load(...line)).out === '']).toEqual([line, false]);
    }
    await expect(load('zone', 'list', '--help')).rejects.toThrow('command-texts.json');
  } finally {
    renameSync(away, texts);
  }
});

test('the bundle has the commands and options of the source, and they work', SLOW, async () => {
  const key = { env: { NEXUS_URL: server.url, NEXUS_API_KEY: ADMIN_KEY } };
  for (const line of [
    ['--help'],
    ['file', '--help'],
    ['file', 'write', '--help'],
    ['file', 'stat', '/b/one.txt', '--json'],
  ]) {
    expect((await load(...line)).out).toBe((await nexus(line, key)).out);
  }
  // On a terminal, with its progress bar.
  const local = JSON.stringify(join(PLACE, 'bin'));
  const shown = await run(
    'script',
    ['-qec', `${process.execPath} ${join(PLACE, 'bin/nexus.mjs')} files import ${local} /in`, '/dev/null'],
    key,
  );
  expect(shown.stdout).toContain('1 file, ');
  const written = await load('file', 'write', '/b/two.txt', 'two', '--metadata', '{"a":1}', '--if-none-match=true');
  expect(JSON.parse(written.out)).toMatchObject({ path: '/b/two.txt', version: 1 });
});

interface ServedThread {
  readonly role: string;
  readonly modules: readonly string[];
}

/** Serves until `use` is through, and gives what each thread had loaded at its end. */
async function serve(use: (url: string, pid: number) => Promise<unknown>): Promise<ServedThread[]> {
  const told = join(PLACE, 'threads');
  const teller = join(PLACE, 'tell-threads.mjs');
  writeFileSync(
    teller,
    `import { appendFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
const role = workerData?.role ?? (workerData ? 'other' : 'main');
const tell = () => appendFileSync(${JSON.stringify(told)}, JSON.stringify({ role, modules: process.moduleLoadList }) + '\\n');
process.on('exit', tell);`,
  );
  rmSync(told, { force: true });
  const port = await sparePort();
  const env = { HOME: PLACE, NEXUS_DATA_DIR: join(PLACE, 'data'), NEXUS_PORT: String(port) };
  const server = spawn(process.execPath, ['--import', teller, join(PLACE, 'bin/nexus.mjs'), 'serve'], { env });
  const ended = once(server, 'exit');
  const url = `http://127.0.0.1:${port}`;
  try {
    const ready = () => fetch(`${url}/healthz/ready`).then(({ status }) => status, String);
    await expect.poll(ready, { timeout: SLOW.timeout / 2 }).toBe(200);
    await use(url, server.pid ?? 0);
  } finally {
    server.kill();
    await ended;
  }
  const lines = readFileSync(told, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as ServedThread);
}

test(
  'a server loads no TLS, no HTTP/2 and no fetch, and reads at length in a thread that comes with the first call',
  SLOW,
  async () => {
    const roles = (threads: readonly ServedThread[]) =>
      threads.map(({ role }) => role).filter((role) => role !== 'other');
    const idle = await serve(async () => undefined);
    expect(roles(idle).sort()).toEqual(['main', 'writer']);
    expect(
      idle.flatMap(({ modules }) => modules.filter((name) => /deps\/undici|http2\/core|tls\/wrap/.test(name))),
    ).toEqual([]);
    const tmp = join(PLACE, 'data', 'blobs', 'tmp');
    const called = await serve(async (url, pid) => {
      // What is half written when the thread comes is not a leftover.
      writeFileSync(join(tmp, `${pid}-half-written`), 'half');
      const headers = { authorization: 'Bearer nexus-dev-admin-key', 'content-type': 'application/json' };
      const body = JSON.stringify({ params: { path: '/' } });
      const listed = await fetch(`${url}/api/nfs/list`, { method: 'POST', headers, body });
      expect(listed.status).toBe(200);
      expect(readdirSync(tmp)).toEqual([`${pid}-half-written`]);
    });
    expect(roles(called).sort()).toEqual(['main', 'reader', 'writer']);
  },
);

test('a thread of the bundle reads a PDF', SLOW, async () => {
  await serve(async (url) => {
    const headers = { authorization: 'Bearer nexus-dev-admin-key', 'content-type': 'application/json' };
    const written = await fetch(`${url}/api/v2/files/a.pdf`, { method: 'PUT', headers, body: pdfOf([['Read', 'me']]) });
    expect(written.status).toBe(201);
    const batch = JSON.stringify({ source_paths: ['nexus:///a.pdf'] });
    const ingested = await fetch(`${url}/api/v1/ingest/batch`, { method: 'POST', headers, body: batch });
    expect(await ingested.json()).toMatchObject({ documents_ingested: 1, warnings: [] });
    const listed = await fetch(`${url}/api/v1/documents`, { headers });
    const { documents } = (await listed.json()) as { documents: readonly { id: string }[] };
    const text = await fetch(`${url}/api/v1/documents/${documents[0]?.id}/text`, { headers });
    expect(await text.text()).toBe('Read\nme');
  });
});
