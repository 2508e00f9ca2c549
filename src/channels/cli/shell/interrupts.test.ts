/** Ctrl-C in what takes long: the terminal is as it was, no part is left, what goes on is told, and the code is the usual one. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nexus, startNexus, startOnTerminal } from '../../../../test/nexus-process.ts';
import { eventually } from '../../../../test/tus/row.ts';

const SLOW = { timeout: 60_000 };
const END = `{"contents":0,"sha256":"${'0'.repeat(64)}"}\n`;

/** Takes and begins everything, and ends nothing. */
const stalling = createServer((request: IncomingMessage, response: ServerResponse) => {
  request.resume();
  const { method, url = '' } = request;
  const json = (body: object): unknown =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (method === 'DELETE' || url === '/healthz') return json({});
  if (url.startsWith('/api/v2/backups'))
    return json({ id: 'bk-1', status: 'running', phase: 'rows', done: 1, total: 9 });
  if (method === 'POST' && url === '/api/v2/uploads')
    return response.writeHead(201, { location: '/api/v2/uploads/1', 'upload-offset': '0' }).end();
  if (url === '/api/v2/zones/whole/export') return response.end(END);
  if (url.endsWith('/export')) return response.write('the first bytes\n');
  return undefined;
});
let place: string;
let url: string;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'nexus-interrupts-'));
  mkdirSync(join(place, 'tree'));
  for (const name of ['big', 'tree/one']) writeFileSync(join(place, name), 'x'.repeat(1_000_000));
  await new Promise<void>((resolve) => stalling.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(stalling.address() as AddressInfo).port}`;
});
afterAll(() => {
  stalling.closeAllConnections();
  stalling.close();
  rmSync(place, { recursive: true, force: true });
});

const around = () => ({
  cwd: place,
  env: { NEXUS_URL: url, NEXUS_API_KEY: 'sk-key', XDG_CONFIG_HOME: join(place, 'config') },
});

test.each([
  ['upload big /there', 'the same line goes on where this one was'],
  ['files import tree /there', 'what was sent stays; the same line again writes the rest'],
  ['backup now', 'the backup goes on in the server: nexus backup get bk-1'],
  ['export --zone slow --out part.zone', ''],
  ['import big', 'the zone is there whole or not at all'],
])('nexus %s', SLOW, async (line, told) => {
  const before = readdirSync(place).filter((name) => name !== 'config');
  const { child, said, ended } = startOnTerminal(line.split(' '), { ...around(), stdin: { open: true } });
  await said(/\u001b\[\?7l/);
  child.stdin?.write('\u0003');
  const { code, out } = await ended;
  expect({ code, out }).toEqual({ code: 130, out: expect.stringContaining(told) });
  for (const [off, on] of [
    ['\u001b[?25l', '\u001b[?25h'],
    ['\u001b[?7l', '\u001b[?7h'],
  ] as const) {
    expect(out.lastIndexOf(on)).toBeGreaterThan(out.lastIndexOf(off));
  }
  expect(readdirSync(place).filter((name) => name !== 'config')).toEqual(before);
});

test('a part of a file goes with a SIGTERM and without a terminal too', SLOW, async () => {
  const { child, ended } = startNexus(['export', '--zone', 'slow', '--out', 'part.zone'], around());
  const parts = (): string[] => readdirSync(place).filter((name) => name.startsWith('part.zone'));
  await eventually(async () => expect(parts()).toHaveLength(1));
  child.kill('SIGTERM');
  expect((await ended).code).toBe(143);
  expect(parts()).toEqual([]);
});

test('an exported zone, which has the hashes of keys, is for its owner alone', SLOW, async () => {
  writeFileSync(join(place, 'open.zone'), '', { mode: 0o644 });
  for (const out of ['new.zone', 'open.zone']) {
    expect(await nexus(['export', '--zone', 'whole', '--out', out], around())).toMatchObject({ code: 0 });
    expect(statSync(join(place, out)).mode & 0o777).toBe(0o600);
  }
});
