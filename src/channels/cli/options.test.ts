/** What every option of every command holds: its name is its own, so that no value goes where it was not meant to. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
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
