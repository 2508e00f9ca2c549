/** Looks at MCP servers that hang, tell too much, or are wanted by many. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type McpAddress, programsOf, startMcpServer } from '../../../test/servers/mcp.ts';
import { defaultLimits } from '../../base/limits.ts';
import type { ToolLook } from '../../core/call/tool-desk.ts';
import { openToolServers } from '../../engines/mcp/tool-servers.ts';
import { openOutbound } from '../../engines/network/outbound.ts';
import type { ToolPlace } from '../../ports/tool-servers.ts';
import { sealOf } from '../mounts/seal.ts';
import { ToolLooks, type ToolLooksParts } from './tool-looks.ts';

let there: McpAddress;
beforeAll(async () => {
  there = await startMcpServer(['first', 'second']);
});
afterAll(() => there.close());

/** Longer than any look at a server that answers takes here. */
const LONG_MS = 60_000;
const seal = sealOf('secret');

function looksWith(parts: Partial<ToolLooksParts> = {}): ToolLooks {
  const outbound = openOutbound({ allow: ['127.0.0.1'], pins: [], ca: '' });
  const servers = openToolServers({ outbound, commands: [process.execPath] });
  return new ToolLooks({ servers, seal, limits: defaultLimits, lookMs: LONG_MS, ...parts });
}

let count = 0;
const lookAt = (looks: ToolLooks, place: ToolPlace): ToolLook => ({
  mount_id: `mcp-${count++}`,
  zone_id: 'root',
  sealed: looks.seal(place, 'root'),
});
const address = (path: string, transport: 'http' | 'sse' = 'http'): ToolPlace => ({
  transport,
  url: new URL(path, there.url).href,
  headers: {},
});
const silent = (word: string): ToolPlace => ({
  transport: 'stdio',
  command: process.execPath,
  args: [new URL('../../../test/servers/mcp.ts', import.meta.url).pathname, '--silent', word],
  env: {},
});

test.each([
  ['over HTTP', () => address('/stuck')],
  ['over HTTP+SSE', () => address('/stuck', 'sse')],
])('one that never answers, %s, ends with its time', async (_, place) => {
  const looks = looksWith({ lookMs: 200 });
  const looked = await looks.look(lookAt(looks, place()));
  expect(looked).toEqual({ tools: [], error: 'did not answer in time' });
  await looks.close();
});

test('a program that never answers ends with its time, and its process with it', async () => {
  const looks = looksWith();
  const looking = looks.look(lookAt(looks, silent('word-of-silent')));
  await expect.poll(() => programsOf('word-of-silent'), { timeout: LONG_MS }).not.toEqual([]);
  await looks.close();
  expect((await looking).error).toBe('did not answer in time');
  await expect.poll(() => programsOf('word-of-silent'), { timeout: LONG_MS }).toEqual([]);
});

test('those who want the same look have it together, and the end of the server ends it', async () => {
  const looks = looksWith();
  const before = there.authorizations.length;
  const asked = lookAt(looks, address('/stuck'));
  const all = [looks.look(asked), looks.look(asked), looks.look(asked)];
  await expect.poll(() => there.authorizations.length, { timeout: LONG_MS }).toBe(before + 1);
  await looks.close();
  expect(new Set((await Promise.all(all)).map(({ error }) => error))).toEqual(new Set(['did not answer in time']));
  expect(there.authorizations.length).toBe(before + 1);
});

test('no more than eight run at once, and one that ends makes room for the next', async () => {
  const stuck = await startMcpServer([]);
  const looks = looksWith();
  const place: ToolPlace = { transport: 'http', url: new URL('/stuck', stuck.url).href, headers: {} };
  const hanging = Array.from({ length: 9 }, () => looks.look(lookAt(looks, place)));
  const good = looks.look(lookAt(looks, address('/mcp')));
  const before = there.authorizations.length;
  await expect.poll(() => stuck.authorizations.length, { timeout: LONG_MS }).toBe(8);
  expect(there.authorizations.length).toBe(before);
  await stuck.close();
  for (const { error } of await Promise.all(hanging)) expect(error).not.toBeNull();
  expect(await good).toMatchObject({ error: null, tools: [{ name: 'first' }, { name: 'second' }] });
  await looks.close();
});

test('more than the limits allow is an error that names them', async () => {
  for (const [limit, maximum] of [
    ['MCP_TOOLS', 1],
    ['MCP_TOOLS_BYTES', 100],
  ] as const) {
    const looks = looksWith({ limits: { ...defaultLimits, [limit]: maximum } });
    const looked = await looks.look(lookAt(looks, address('/mcp')));
    expect(looked).toEqual({ tools: [], error: expect.stringMatching(new RegExp(`more than the limit ${limit}$`)) });
    await looks.close();
  }
});

test('what was sealed with another key is told so', async () => {
  const looks = looksWith();
  const sealed = sealOf('another secret').seal(JSON.stringify(address('/mcp')), 'root');
  const { error } = await looks.look({ mount_id: 'mcp-x', zone_id: 'root', sealed });
  expect(error).toContain('NEXUS_SECRETS_KEY');
  await looks.close();
});
