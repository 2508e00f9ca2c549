/** What every option of every command holds: its name is its own, so that no value goes where it was not meant to. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { publicOperations } from '../../core/operations.ts';
import { shapeOf } from '../../core/shape-of.ts';
import { jsonOf } from '../http/rest-values.ts';
import { allCommands } from './commands.ts';
import { FOR_EVERYTHING } from './parse-line.ts';

let server: TestServer;
/** An MCP server of somebody else, and the requests that reach it. */
const asked: IncomingMessage[] = [];
const foreign = createServer((request, response) => {
  asked.push(request);
  response.writeHead(404).end();
});
beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_OUTBOUND_ALLOW: '["127.0.0.1"]' } });
  foreign.listen(0, '127.0.0.1');
  await once(foreign, 'listening');
});
afterAll(async () => {
  await server.stop();
  foreign.close();
});

test('every parameter of every operation says what it is', () => {
  const silent = publicOperations.flatMap((operation) =>
    Object.entries(shapeOf(operation)).flatMap(([name, schema]) =>
      jsonOf(schema).description ? [] : [[operation.name, name]],
    ),
  );
  expect(silent).toEqual([]);
});

test('no option of a command has the name of one of every command, and none stands twice', () => {
  const wrong = allCommands.flatMap(({ words, options }) => {
    const names = options.map(({ name }) => name);
    return names.filter((name, i) => FOR_EVERYTHING.has(name) || names.indexOf(name) < i).map((name) => [words, name]);
  });
  expect(wrong).toEqual([]);
});

test('a list of paths is given one by one, as JSON, or in a file', async () => {
  for (const path of ['/l/a', '/l/b', '/l/@c']) await server.ok('write', { path, content: path });
  const paths = async (...typed: string[]) => {
    const { code, out } = await typeLine(server, ['file', 'exists-batch', ...typed], { json: true });
    return code === 0 ? JSON.parse(out) : code;
  };
  expect(await paths('/l/a', '/l/none', '/l/@c')).toEqual({ '/l/a': true, '/l/none': false, '/l/@c': true });
  expect(await paths('/l/a')).toEqual({ '/l/a': true });
  expect(await paths('["/l/a", "/l/b"]')).toEqual({ '/l/a': true, '/l/b': true });
  const directory = mkdtempSync(join(tmpdir(), 'nexus-lists-'));
  const file = join(directory, 'paths.json');
  writeFileSync(file, '["/l/b"]');
  expect(await paths(`@${file}`)).toEqual({ '/l/b': true });
  rmSync(directory, { recursive: true });
  expect(await paths()).toBe(2);
  expect((await typeLine(server, ['file', 'read-bulk', '--help'])).out).toContain('nexus file read-bulk PATHS…\n');
});

test('a list of pairs is given word by word, as JSON, or in a file', async () => {
  const run = (...typed: string[]) => typeLine(server, ['file', ...typed], { json: true });
  expect(await run('write-batch', '/pairs/a', 'one', '/pairs/b', '@two')).toMatchObject({ code: 0 });
  const { code, out } = await run('rename-bulk', '/pairs/a', '/pairs/c', '/pairs/b', '/pairs/d');
  expect([code, JSON.parse(out)]).toEqual([
    0,
    { '/pairs/a': { success: true, new_path: '/pairs/c' }, '/pairs/b': { success: true, new_path: '/pairs/d' } },
  ]);
  expect((await run('edit', '/pairs/c', 'on', 'lon', 'e', 'g')).code).toBe(0);
  expect((await run('edit', '/pairs/d', '[{"old_str": "@two", "new_str": "2"}]')).code).toBe(0);
  const texts = await server.ok('read_bulk', { paths: ['/pairs/c', '/pairs/d'], encoding: 'utf-8' });
  expect(texts).toEqual({ '/pairs/c': 'long', '/pairs/d': '2' });
  for (const typed of [['/pairs/c'], ['/pairs/c', '/pairs/e', '/pairs/d']]) {
    const refused = await run('rename-bulk', ...typed);
    const left = typed.at(-1);
    expect(refused).toMatchObject({
      code: 2,
      err: expect.stringContaining(`are 2 words each: "${left}" is left over`),
    });
  }
  expect((await run('rename-bulk', '--help')).out).toContain('[old, new], in order, 2 words each or as a JSON list\n');
});

test('a command says by its exit code that a part of it failed', async () => {
  await server.ok('write', { path: '/parts/a', content: 'one' });
  const codeOf = async (...typed: string[]) => (await typeLine(server, ['file', ...typed])).code;
  expect(await codeOf('edit', '/parts/a', 'two', '2')).toBe(1);
  expect(await codeOf('edit', '/parts/a', 'one', '1')).toBe(0);
  expect(await codeOf('rename-bulk', '/parts/a', '/parts/b', '/parts/none', '/parts/c')).toBe(1);
  expect(await codeOf('delete-bulk', '/parts/b', '/parts/none')).toBe(1);
});

test('what is too long for its column of the help has a line of its own', async () => {
  const { out } = await typeLine(server, ['tuple', '--help']);
  expect(out).toMatch(/\n {2}tuple explain SUBJECT PERMISSION OBJECT\n {38}Tell why /);
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
});

test('a zone is exported by position or by option, and not two of them', async () => {
  const exported = await typeLine(server, ['export', 'root']);
  expect(exported).toMatchObject({ code: 0, out: expect.stringContaining('"sha256"') });
  expect((await typeLine(server, ['export', '--zone', 'root'])).code).toBe(0);
  const two = { code: 2, err: 'nexus: export takes one zone, not a and b\n' };
  expect(await typeLine(server, ['export', 'a', '--zone', 'b'])).toMatchObject(two);
  expect(await typeLine(server, ['export'])).toMatchObject({ code: 2, err: expect.stringContaining('[ZONE] [--out') });
});

test('an MCP server that is mounted is told what is for it, and not the key of Nexus', async () => {
  const url = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}/mcp`;
  const headers = ['--transport', 'http', '--headers', '{"authorization": "Bearer theirs"}'];
  const mounted = await typeLine(server, ['mcp-mount', 'add', 'pages', '--mount-url', url, ...headers], { json: true });
  expect(mounted).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(mounted.out)).toMatchObject({ name: 'pages', transport: 'http' });
  expect(asked.length).toBeGreaterThan(0);
  expect(new Set(asked.map((request) => request.headers.authorization))).toEqual(new Set(['Bearer theirs']));

  asked.length = 0;
  expect(await typeLine(server, ['mcp-mount', 'add', 'pages', '--url', url, ...headers])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--url is the Nexus server that is asked, and nothing was sent to it'),
  });
  expect(await typeLine(server, ['mcp-mount', 'add', 'pages'])).toMatchObject({ code: 2 });
  expect(asked).toEqual([]);
});
