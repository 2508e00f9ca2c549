/** What a client takes from `.env` of the working directory, and to whom it gives no key for it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { type Ended, nexus } from '../../../test/nexus-process.ts';

const place = mkdtempSync(join(tmpdir(), 'nexus-dotenv-'));
/** Nobody has it. */
const ELSEWHERE = 'http://nexus.invalid:2026';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.stop();
  rmSync(place, { recursive: true, force: true });
});

function whoami(dotenv: Readonly<Record<string, string>>, env = {}, ...options: string[]): Promise<Ended> {
  const lines = Object.entries(dotenv).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(place, '.env'), lines.join(''));
  return nexus(['whoami', '--json', ...options], { cwd: place, env: { HOME: place, ...env } });
}

test('it fills in address and key, and the environment comes first', async () => {
  const here = { NEXUS_URL: server.url, NEXUS_API_KEY: ADMIN_KEY };
  expect(await whoami(here)).toMatchObject({ code: 0, out: expect.stringContaining('admin') });
  expect(await whoami({ NEXUS_URL: ELSEWHERE, NEXUS_API_KEY: 'nobody' }, here)).toMatchObject({ code: 0 });
  expect(await whoami({ NEXUS_URL: server.url }, { NEXUS_API_KEY: ADMIN_KEY })).toMatchObject({ code: 0 });
});

test('a key that it does not hold goes to no other machine that it names', async () => {
  const refused = {
    code: 2,
    err: expect.stringMatching(/is not sent to http:\/\/nexus\.invalid:2026, which only \.env/),
  };
  const there = { NEXUS_URL: ELSEWHERE };
  expect(await whoami(there, { NEXUS_API_KEY: ADMIN_KEY })).toMatchObject(refused);
  expect(await whoami({ ...there, NEXUS_API_KEY: 'x' }, { NEXUS_API_KEY: ADMIN_KEY })).toMatchObject(refused);
  expect(await whoami(there, {}, '--key', ADMIN_KEY)).toMatchObject(refused);
  expect(await whoami({ NEXUS_URL: 'http://127.0.0.1.invalid:1' }, {}, '--key', ADMIN_KEY)).toMatchObject({ code: 2 });
  const unreachable = { code: 3 };
  expect(await whoami({ ...there, NEXUS_API_KEY: 'x' })).toMatchObject(unreachable);
  expect(await whoami(there, {}, '--key', ADMIN_KEY, '--url', ELSEWHERE)).toMatchObject(unreachable);
});

test('one that cannot be read is left out, with a warning', async () => {
  rmSync(join(place, '.env'));
  mkdirSync(join(place, '.env'));
  const env = { HOME: place, NEXUS_URL: server.url, NEXUS_API_KEY: ADMIN_KEY };
  const { code, err } = await nexus(['whoami'], { cwd: place, env });
  expect([code, err]).toEqual([0, 'warning: .env is left out: EISDIR\n']);
});
