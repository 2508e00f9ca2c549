/** What a result says beside the answer: that it is an earlier one's, and in refusals the names by which agents know tools. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../../test/harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

describe.each([
  ['2026-07-28', 'auto'],
  ['2025-11-25', 'legacy'],
] as const)('a client of %s', (revision, mode) => {
  async function connected(headers: Readonly<Record<string, string>>): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), { requestInit: { headers } }));
    return client;
  }

  test('is told that an answer is that of an earlier call', async () => {
    const client = await connected({ authorization: `Bearer ${ADMIN_KEY}`, 'idempotency-key': `one-of-${revision}` });
    const write = { name: 'write_file', arguments: { path: `/${revision}`, content: 'x' } };
    const first = await client.callTool(write);
    expect(first.isError).toBeUndefined();
    const again = await client.callTool(write);
    expect(again.structuredContent).toEqual(first.structuredContent);
    expect([first._meta?.['nexus/idempotent-replayed'], again._meta?.['nexus/idempotent-replayed']]).toEqual([
      undefined,
      true,
    ]);
    await client.close();
  });

  test('is refused in the names of tools', async () => {
    const key = await server.addKey({ role: 'viewer', subject: 'guest' });
    const client = await connected({ authorization: `Bearer ${key}` });
    const refusal = async (name: string, args: Record<string, unknown>) => {
      const { structuredContent } = await client.callTool({ name, arguments: args });
      return (structuredContent as { error: { message: string } }).error.message;
    };
    expect(await refusal('write_file', { path: '/a', content: 'x' })).toContain('write_file takes the role operator');
    expect(await refusal('read_file', { path: '/a', pth: 1 })).toContain('is no parameter of read_file');
    expect(await refusal('call_tool', { name: 'list_zones', arguments: { x: 1 } })).toContain('of list_zones');
    await client.close();
  });
});
