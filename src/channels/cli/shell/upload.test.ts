/** `nexus upload`, a process of its own: killed in the middle, the same command goes on. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { nexus, startNexus } from '../../../../test/nexus-process.ts';
import { eventually } from '../../../../test/tus/row.ts';

let server: TestServer;
let directory: string;
beforeAll(async () => {
  server = await startTestServer();
  directory = mkdtempSync(join(tmpdir(), 'nexus-upload-'));
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

const around = () => ({
  cwd: directory,
  env: { NEXUS_URL: server.url, NEXUS_API_KEY: ADMIN_KEY, XDG_CONFIG_HOME: join(directory, 'config') },
});

const local = (name: string, bytes: Buffer): string => {
  const file = join(directory, name);
  writeFileSync(file, bytes);
  return file;
};

const content = async (path: string): Promise<Buffer> =>
  Buffer.from(await (await server.http(`/api/v2/files${path}`)).arrayBuffer());

const uploads = () => server.sql.read((tx) => tx.all<{ lock_until: number | null }>('SELECT lock_until FROM uploads'));

test('killed in the middle it goes on with what the server has', { timeout: 60_000 }, async () => {
  const bytes = randomBytes(64 * 1024 * 1024);
  const file = local('big', bytes);
  const first = startNexus(['upload', file, '/in/'], around());
  await eventually(async () => expect((await uploads())[0]?.lock_until).toEqual(expect.any(Number)));
  first.child.kill('SIGKILL');
  await first.ended;
  const second = await nexus(['upload', file, '/in/', '--json'], around());
  expect(second.err).toBe('');
  const answer = JSON.parse(second.out) as { resumed_at: number };
  expect(answer).toMatchObject({ path: '/in/big', size: bytes.length, version: 1 });
  expect(answer.resumed_at).toBeGreaterThan(0);
  expect(await uploads()).toHaveLength(1);
  expect((await content('/in/big')).equals(bytes)).toBe(true);
});

test('a file that was changed meanwhile, or is uploaded again, begins anew', async () => {
  for (const [text, version] of [
    ['one', 1],
    ['three', 2],
    ['three', 3],
  ] as const) {
    const { out } = await nexus(['upload', 'send', local('small', Buffer.from(text)), '/small', '--json'], around());
    expect(JSON.parse(out)).toMatchObject({ path: '/small', version, resumed_at: 0 });
  }
  expect((await content('/small')).toString()).toBe('three');
});

test('what is no file, and what the server refuses, is told in a line', async () => {
  expect(await nexus(['upload', join(directory, 'none'), '/x'], around())).toMatchObject({ code: 2 });
  expect(await nexus(['upload', directory, '/x'], around())).toMatchObject({ code: 2 });
  const refused = await nexus(['upload', local('a', Buffer.from('a')), '/a/../b'], around());
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('INVALID_PATH') });
});
