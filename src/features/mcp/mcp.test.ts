/** MCP servers as mounts (platform.md §4.3), against real ones: over standard streams, streamable HTTP and HTTP+SSE. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { type McpAddress, programsOf, startMcpServer } from '../../../test/servers/mcp.ts';
import { sparePort } from '../../../test/servers/spare-port.ts';

const NODE = process.execPath;
const PROGRAM = join(import.meta.dirname, '../../../test/servers/mcp.ts');
const SCHEMA = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] };

const down = { mounted: false, tool_count: 0 };

forEachEngine('MCP servers as mounts', (engine) => {
  let server: TestServer;
  let there: McpAddress;
  let operator: string;
  let other: string;
  let viewer: string;
  beforeAll(async () => {
    there = await startMcpServer(['read_page', 'write_page']);
    server = await startTestServer({
      engine,
      environment: {
        NEXUS_OUTBOUND_ALLOW: '["127.0.0.1"]',
        NEXUS_MCP_COMMANDS: JSON.stringify([NODE]),
        NEXUS_LIMIT_MOUNTS: '12',
      },
    });
    operator = await server.addKey({ subject: 'olga', role: 'operator' });
    other = await server.addKey({ subject: 'otto', role: 'operator' });
    viewer = await server.addKey({ subject: 'vera', role: 'viewer' });
  });
  afterAll(async () => {
    await server.stop();
    await there.close();
  });

  const names = async (key?: string, params = {}): Promise<string[]> =>
    (await server.ok('mcp_list_mounts', params, key)).map(({ name }) => name);
  const urlOf = (path: string): string => new URL(path, there.url).href;

  test('one over HTTP is mounted with its tools, asked with its headers, and what is secret stays so', async () => {
    const asked = {
      name: 'pages',
      url: there.url,
      transport: 'http',
      headers: { authorization: 'Bearer word-of-pages' },
      description: 'the pages',
    };
    const entry = await server.ok('mcp_mount', asked);
    expect(entry).toEqual({
      name: 'pages',
      transport: 'http',
      mounted: true,
      tool_count: 2,
      tier: 'user',
      description: 'the pages',
      last_error: null,
      zone_id: 'root',
    });
    expect(await server.ok('mcp_list_mounts')).toEqual([entry]);
    expect(await server.ok('mcp_list_tools', { name: 'pages' })).toEqual([
      { name: 'read_page', description: 'does read_page', input_schema: expect.objectContaining(SCHEMA) },
      { name: 'write_page', description: 'does write_page', input_schema: expect.objectContaining(SCHEMA) },
    ]);
    expect(new Set(there.authorizations)).toEqual(new Set(['Bearer word-of-pages']));
    const rows = await server.sql.read((tx) => tx.all('SELECT * FROM mcp_mounts'));
    expect(JSON.stringify(rows)).not.toContain('word-of-pages');
    expect(JSON.stringify(rows)).not.toContain(new URL(there.url).port);
  });

  test('a url without a transport is asked over HTTP+SSE', async () => {
    const entry = await server.ok('mcp_mount', { name: 'older', url: there.sseUrl });
    expect(entry).toMatchObject({ transport: 'sse', mounted: true, tool_count: 2, last_error: null });
  });

  test('a program that is listed is started for the look, without the environment of the server, and ends', async () => {
    const entry = await server.ok('mcp_mount', { name: 'prog', command: NODE, args: [PROGRAM, 'one', 'word-of-prog'] });
    expect(entry).toMatchObject({ transport: 'stdio', mounted: true, tool_count: 2, last_error: null });
    const tools = await server.ok('mcp_list_tools', { name: 'prog' });
    expect(tools.map(({ name }) => name)).toEqual(['one', 'word-of-prog']);
    expect(programsOf('word-of-prog')).toEqual([]);
  });

  test('one that is not listed is not started, an address inside is not asked: both name the setting', async () => {
    expect(await server.ok('mcp_mount', { name: 'sh', command: 'sh', args: ['-c', 'exit'] })).toMatchObject({
      ...down,
      last_error: 'sh is not started: the operator does not list it in NEXUS_MCP_COMMANDS',
    });
    for (const transport of ['http', 'sse']) {
      const { last_error } = await server.ok('mcp_mount', { name: 'inside', url: 'http://10.0.0.1/mcp', transport });
      expect(last_error).toContain('NEXUS_OUTBOUND_ALLOW');
    }
    // Where a redirect leads to another place is told, and nobody goes there.
    const away = await server.ok('mcp_mount', { name: 'inside', url: urlOf('/away'), transport: 'http' });
    expect(away).toMatchObject({ ...down, last_error: expect.stringContaining('http://127.0.0.2:1/mcp not followed') });
    const moved = await server.ok('mcp_mount', { name: 'inside', url: urlOf('/moved'), transport: 'http' });
    expect(moved).toMatchObject({ mounted: true, tool_count: 2 });
  });

  test.each([
    ['nobody listens', { url: 'http://127.0.0.1:9/mcp', transport: 'http' }, 'ECONNREFUSED'],
    ['nobody listens', { url: 'http://127.0.0.1:9/sse' }, 'ECONNREFUSED'],
    ['the name is unknown', { url: 'http://no.such.name.invalid/', transport: 'http' }, 'no.such.name.invalid'],
    ['it is no program', { command: NODE, args: ['/nowhere.ts'] }, 'it said:'],
  ])('%s: the entry says so', async (_, place, why) => {
    const entry = await server.ok('mcp_mount', { name: 'sick', ...place });
    expect(entry).toMatchObject({ ...down, last_error: expect.stringContaining(why) });
    expect(await server.ok('mcp_list_tools', { name: 'sick' })).toEqual([]);
  });

  test('what goes wrong shows no secret', async () => {
    const failing = { command: NODE, args: [PROGRAM, '--fails'], env: { TOOL_KEY: 'word-of-env' } };
    const { last_error } = await server.ok('mcp_mount', { name: 'sick', ...failing });
    expect(last_error).toContain('it said: no such key: ***');
    const headers = { authorization: 'Bearer word-of-header' };
    const refused = await server.ok('mcp_mount', { name: 'sick', url: urlOf('/junk'), transport: 'http', headers });
    expect(refused.last_error).toMatch(/401/);
    expect(refused.last_error).not.toContain('word-of-header');
  });

  test('one that was away is connected on use, and a new look finds what has changed', async () => {
    const port = await sparePort();
    const url = `http://127.0.0.1:${port}/mcp`;
    expect(await server.ok('mcp_mount', { name: 'late', url, transport: 'http' })).toMatchObject(down);
    const late = await startMcpServer(['first'], port);
    try {
      const tools = await server.ok('mcp_list_tools', { name: 'late' });
      expect(tools.map(({ name }) => name)).toEqual(['first']);
      expect(await names(undefined, { include_unmounted: false })).toContain('late');
      late.tools = ['first', 'second'];
      const synced = { name: 'late', tool_count: 2, mounted: true, last_error: null };
      expect(await server.ok('mcp_sync', { name: 'late' })).toEqual(synced);
      expect(await server.ok('mcp_list_tools', { name: 'late' })).toHaveLength(2);
    } finally {
      await late.close();
    }
    expect(await server.ok('mcp_sync', { name: 'late' })).toMatchObject({ name: 'late', ...down });
    expect(await server.ok('mcp_list_tools', { name: 'late' })).toEqual([]);
    expect(await names(undefined, { include_unmounted: false })).not.toContain('late');
  });

  test('an equal name is replaced, and what is unmounted is gone', async () => {
    const first = await server.ok('mcp_mount', { name: 'twice', url: there.url, transport: 'http' });
    const second = await server.ok('mcp_mount', { name: 'twice', command: 'not-listed' });
    expect([first.mounted, second.mounted]).toEqual([true, false]);
    expect((await names()).filter((name) => name === 'twice')).toHaveLength(1);
    expect(await server.ok('mcp_unmount', { name: 'twice' })).toEqual({ success: true, name: 'twice' });
    expect(await names()).not.toContain('twice');
    for (const method of ['mcp_unmount', 'mcp_sync', 'mcp_list_tools']) {
      expect(await server.fault(method, { name: 'twice' })).toBe('MOUNT_NOT_FOUND');
    }
    const told = await server.http('/api/v2/events/replay?limit=1000');
    const { events } = (await told.json()) as { events: { type: string; object?: { id: string } }[] };
    const own = events.filter(({ object }) => object?.id === 'twice').map(({ type }) => type);
    expect(own).toEqual(['mount.mcp_added', 'mount.mcp_added', 'mount.mcp_removed']);
  });

  test('who mounts for whom, and who sees it', async () => {
    const place = { url: there.url, transport: 'http' };
    await server.ok('mcp_mount', { name: 'mine', ...place }, operator);
    await server.ok('mcp_mount', { name: 'ours', ...place, tier: 'zone' });
    await server.ok('mcp_mount', { name: 'everybodys', ...place, tier: 'system' });
    for (const tier of ['zone', 'system']) {
      expect(await server.fault('mcp_mount', { name: 'theirs', ...place, tier }, operator)).toBe('ACCESS_DENIED');
    }
    expect(await server.fault('mcp_mount', { name: 'mine', ...place }, viewer)).toBe('ACCESS_DENIED');
    expect(await names(operator)).toEqual(['everybodys', 'mine', 'ours']);
    expect(await names(operator, { tier: 'zone' })).toEqual(['ours']);
    expect(await names(other)).toEqual(['everybodys', 'ours']);
    expect(await names(viewer)).toEqual(['everybodys', 'ours']);
    expect(await server.fault('mcp_list_tools', { name: 'mine' }, other)).toBe('MOUNT_NOT_FOUND');
    expect(await server.ok('mcp_list_tools', { name: 'ours' }, viewer)).toHaveLength(2);
    for (const name of ['ours', 'everybodys']) {
      expect(await server.fault('mcp_unmount', { name }, operator)).toBe('ACCESS_DENIED');
    }
    // One's own is nearer than that of the zone.
    await server.ok('mcp_mount', { name: 'ours', command: 'not-listed' }, operator);
    expect(await server.ok('mcp_list_tools', { name: 'ours' }, operator)).toEqual([]);
    await server.ok('mcp_unmount', { name: 'ours' }, operator);
    expect(await server.ok('mcp_list_tools', { name: 'ours' }, operator)).toHaveLength(2);
  });

  test('another zone sees those of the server alone, and takes its own with it', async () => {
    await server.addZone('apart');
    const admin = await server.addKey({ subject: 'ada', zone_id: 'apart', role: 'admin' });
    expect(await names(admin)).toEqual(['everybodys']);
    expect(await server.ok('mcp_list_tools', { name: 'everybodys' }, admin)).toHaveLength(2);
    const refused = { name: 'x', command: 'x', tier: 'system' };
    expect(await server.fault('mcp_mount', refused, admin)).toBe('ACCESS_DENIED');
    expect(await server.fault('mcp_mount', { ...refused, zone_id: 'apart' })).toBe('INVALID_PARAMS');
    await server.ok('mcp_mount', { name: 'ours', url: there.url, transport: 'http', tier: 'zone' }, admin);
    await server.ok('zone_delete', { zone_id: 'apart' });
    const left = async (): Promise<unknown[]> =>
      server.sql.read((tx) => tx.all("SELECT name FROM mcp_mounts WHERE zone_id = 'apart'"));
    await expect.poll(left, { timeout: 60_000 }).toEqual([]);
  });

  const either = 'either command or url is required';
  test.each([
    [{ name: 'x' }, either],
    [{ name: 'x', command: 'c', url: 'http://a/' }, either],
    [{ name: '', command: 'c' }, either],
    [{ name: 'x', command: '' }, either],
    [{ name: 'x', url: 'file:///etc/passwd' }, 'url: has to be an http or https URL'],
    [{ name: 'x', url: 'nonsense' }, 'url: has to be an http or https URL'],
    [{ name: 'x', url: 'http://a/', transport: 'stdio' }, 'transport: a url takes sse or http'],
    [{ name: 'x', command: 'c', transport: 'http' }, 'transport: a command takes stdio'],
    [{ name: 'x', url: 'http://a/', headers: { Host: 'b' } }, 'headers.Host: is a header that Nexus sets'],
    [{ name: 'x', url: 'http://a/', headers: { a: 'b\r\nc: d' } }, 'headers.a: is no header'],
    [{ name: 'x', url: 'http://a/', headers: { 'a b': 'c' } }, 'headers.a b: is no header'],
    [{ name: 'x', command: 'c', env: { LD_PRELOAD: 'l' } }, 'env.LD_PRELOAD: says what a program loads'],
    [{ name: 'x', command: 'c', env: { PATH: '/p' } }, 'env.PATH: says what a program loads'],
    [{ name: 'x', command: 'c', env: { NODE_OPTIONS: '-r x' } }, 'env.NODE_OPTIONS: says what a program loads'],
  ])('%j is refused and stores nothing', async (params, message) => {
    const { error } = await server.rpc('mcp_mount', params);
    expect(error?.data.code).toBe('INVALID_PARAMS');
    expect(error?.message).toContain(message);
    expect(await names()).not.toContain('x');
  });

  test('no more than the limit are mounted, and replacing one is none more', async () => {
    await server.addZone('full');
    const admin = await server.addKey({ subject: 'ada', zone_id: 'full', role: 'admin' });
    const add = (n: number): Promise<unknown> =>
      server.ok('mcp_mount', { name: `m${n}`, command: 'not-listed' }, admin);
    for (let n = 0; n < server.config.limits.MOUNTS; n++) await add(n);
    await add(0);
    const { error } = await server.rpc('mcp_mount', { name: 'more', command: 'not-listed' }, admin);
    expect(error?.data).toMatchObject({ code: 'TOO_MANY', limit: 'MOUNTS', maximum: server.config.limits.MOUNTS });
  });
});

test('with the brick off nothing of it answers, and what was mounted is there when it is on again', async () => {
  const server = await startTestServer();
  await server.ok('mcp_mount', { name: 'kept', command: 'not-listed' });
  const brick = (verb: string): Promise<Response> => server.http(`/api/v2/bricks/mcp/${verb}`, { method: 'POST' });
  expect((await brick('unmount')).status).toBe(200);
  for (const [method, params] of [
    ['mcp_list_mounts', {}],
    ['mcp_mount', { name: 'x', command: 'c' }],
    ['mcp_list_tools', { name: 'kept' }],
  ] as const) {
    const { error } = await server.rpc(method, params);
    expect(error?.data).toMatchObject({ code: 'UNAVAILABLE', brick: 'mcp' });
  }
  expect((await brick('mount')).status).toBe(200);
  expect((await server.ok('mcp_list_mounts')).map(({ name }) => name)).toEqual(['kept']);
  await server.stop();
});
