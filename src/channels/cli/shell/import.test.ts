/** A local tree is brought in whole, and what could not be taken is named. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlace, type Place } from '../../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../../test/harness.ts';
import { nexus, nexusOnTerminal } from '../../../../test/nexus-process.ts';

const SLOW = { timeout: 60_000 };
/** Larger than what travels in a batch. */
const LARGE = 'large line\n'.repeat(60_000);
const NAMES = [
  'plain.txt',
  ' blank at the edges ',
  'per%20cent',
  'häßlich 日本 😀',
  'quote\'"\\',
  '#?*[]{}',
  '.hidden',
];

let server: TestServer;
let place: Place;

beforeAll(async () => {
  server = await startTestServer();
  place = openPlace(server);
  chmodSync(place.directory, 0o755);
  mkdirSync(join(place.directory, 'tree/deep/er'), { recursive: true });
  for (const name of NAMES) writeFileSync(join(place.directory, 'tree/deep', name), name);
  for (const name of ['same-1', 'same-2', 'deep/er/same-3']) writeFileSync(join(place.directory, 'tree', name), LARGE);
  writeFileSync(join(place.directory, 'tree/empty'), '');
  writeFileSync(join(place.directory, 'tree/new\nline'), 'x');
  symlinkSync('same-1', join(place.directory, 'tree/link'));
});
afterAll(async () => {
  await server.stop();
  place.remove();
});

test('files of any name and size arrive, duplicates are counted once, the rest is named', SLOW, async () => {
  const { code, out } = await nexus(['files', 'import', 'tree', '/in'], place.around);
  expect(code).toBe(0);
  const told = JSON.parse(out);
  expect(told).toMatchObject({ files: NAMES.length + 4, saved_bytes: 2 * LARGE.length });
  expect(told.skipped.map((one: { reason: string }) => one.reason).sort()).toEqual(['name', 'symbolic link']);
  for (const name of NAMES) {
    expect(await server.ok('read', { path: `/in/deep/${name}`, encoding: 'utf-8' })).toBe(name);
  }
  expect((await server.ok('stat', { path: '/in/deep/er/same-3' })).size).toBe(LARGE.length);
});

test('a person is told in lines, and a second run writes the same tree', SLOW, async () => {
  const { code, out } = await nexusOnTerminal(['import', 'files', 'tree', '/in'], place.around);
  expect(code).toBe(0);
  expect(out).toContain(`${NAMES.length + 4} files, `);
  expect(out).toContain('2 not taken:\n');
  expect(out).toMatch(/tree\/link: symbolic link\n/);
});

test('what may not be read is named, and the rest arrives', SLOW, async () => {
  for (const name of ['shut/in', 'closed', 'large']) {
    mkdirSync(join(place.directory, 'partly/shut'), { recursive: true });
    writeFileSync(join(place.directory, 'partly', name), name === 'large' ? LARGE : name);
  }
  writeFileSync(join(place.directory, 'partly/open'), 'open');
  for (const name of ['shut', 'closed', 'large']) chmodSync(join(place.directory, 'partly', name), 0);
  // The superuser may read everything, so the command runs as somebody else.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534 } : {};
  const { code, out } = await nexus(['files', 'import', 'partly', '/partly'], { ...place.around, ...nobody });
  chmodSync(join(place.directory, 'partly/shut'), 0o755);
  expect(code).toBe(0);
  const told = JSON.parse(out) as { files: number; skipped: { path: string; reason: string }[] };
  expect(told.files).toBe(1);
  expect(told.skipped.map(({ path, reason }) => [path, reason]).sort()).toEqual([
    ['partly/closed', 'EACCES'],
    ['partly/large', 'EACCES'],
    ['partly/shut', 'EACCES'],
  ]);
});

test('a directory that is not there is a mistake of the line', SLOW, async () => {
  const { code, err } = await nexus(['files', 'import', 'nowhere'], place.around);
  expect({ code, err }).toEqual({ code: 2, err: 'nexus: cannot read nowhere: ENOENT\n' });
});

test('that no server answers is told before the tree is looked at', SLOW, async () => {
  const line = ['files', 'import', join(place.directory, 'none'), '/x', '--url', 'http://127.0.0.1:1'];
  expect(await nexus(line, place.around)).toMatchObject({ code: 3, err: expect.stringContaining('no server answers') });
  expect((await nexus(line.slice(0, 4), place.around)).code).toBe(2);
});
