/** The audit log at the command line: a table for people, files, and a check whose exit code says what it found. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlace, type Place } from '../../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../../test/harness.ts';
import { nexus, nexusOnTerminal } from '../../../../test/nexus-process.ts';

const SLOW = { timeout: 120_000 };
let server: TestServer;
let place: Place;

beforeAll(async () => {
  server = await startTestServer();
  place = openPlace(server);
  const key = await server.addKey({ subject: 'rob', role: 'viewer' });
  await server.ok('write', { path: '/docs/a.txt', content: 'x' });
  await Promise.all([1, 2, 3].map(() => server.fault('read', { path: '/docs/a.txt' }, key)));
});
afterAll(async () => {
  await server.stop();
  place.remove();
});

const run = (...line: string[]) => nexus(line, place.around);
const see = async (...line: string[]) => (await nexusOnTerminal(line, place.around)).out;

test('list is a table for people and the page for programs', SLOW, async () => {
  const shown = await see('audit', 'list', '--object', '/docs');
  expect(shown).toMatch(/WHEN +WHO +ACTION +OBJECT +OUTCOME +WHY +VIA/);
  expect(shown).toMatch(/user:admin +file\.write +\/docs\/a\.txt +allowed +rpc 127\.0\.0\.1/);
  expect(shown).toMatch(/user:rob +file\.read +\/docs\/a\.txt +denied +ACCESS_DENIED/);
  expect(await see('audit', 'list', '--action', 'no.such')).toBe('nothing\n');
  const { out } = await run('audit', 'list', '--action', 'file.write');
  expect(JSON.parse(out)).toMatchObject({ entries: [{ action: 'file.write' }], has_more: false, next_cursor: null });
  expect(await see('audit', 'list', '--limit', '1')).toMatch(/… more: --cursor \S+/);
});

test('export writes lines or CSV, to a file or to standard output', SLOW, async () => {
  const lines = (await run('audit', 'export', '--action', 'file.write')).out.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).object)).toEqual(['/docs/a.txt']);
  expect(await run('audit', 'export', 'log.csv', '--outcome', 'denied')).toMatchObject({ code: 0 });
  const [head, ...rows] = readFileSync(join(place.directory, 'log.csv'), 'utf8').trimEnd().split('\r\n');
  expect(head).toMatch(/^id,at,zone_id/);
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect(row).toContain('"user:rob"');
  expect(await run('audit', 'export', '--format', 'xml')).toMatchObject({ code: 2 });
});

test('verify exits 0 while the log is whole, keeps heads, and names what is wrong with exit 1', SLOW, async () => {
  expect(await run('audit', 'verify', '--all', '--heads', 'heads.json')).toMatchObject({ code: 0 });
  const heads = JSON.parse(readFileSync(join(place.directory, 'heads.json'), 'utf8'));
  expect(heads).toContainEqual({ zone_id: 'root', log: 'changes', n: expect.any(Number), hash: expect.any(String) });
  expect(await see('audit', 'verify', '--heads', 'heads.json')).toMatch(
    /root +changes +\d+ .*\n(.*\n)*the log is as it was written/,
  );
  const kept = readFileSync(join(place.directory, 'heads.json'), 'utf8');
  await server.sql.write('root', (tx) =>
    tx.run("UPDATE audit SET actor = 'user:eve' WHERE zone_id = 'root' AND n = 1"),
  );
  const { code, out } = await run('audit', 'verify', '--heads', 'heads.json');
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ ok: false, problems: [{ log: 'changes', problem: 'changed', n: 1 }] });
  expect(await see('audit', 'verify')).toMatch(/root changes: row 1 is not as it was written\n1 problem found/);
  expect(readFileSync(join(place.directory, 'heads.json'), 'utf8')).toBe(kept);
  writeFileSync(join(place.directory, 'other.json'), '{"not":"heads"}');
  expect(await run('audit', 'verify', '--heads', 'other.json')).toMatchObject({ code: 2 });
});
