/** The cause of a fault is logged, once, wherever it arose, and shown to nobody. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY } from '../../test/harness.ts';
import { freshDatabase } from '../../test/servers/shared-postgres.ts';
import { startTcpProxy, type TcpProxy } from '../../test/servers/tcp-proxy.ts';
import { Fault, faultFromWire, faultToWire } from '../base/faults.ts';
import { loadConfig } from '../config.ts';
import { type Running, start } from '../roof/server.ts';

interface Line {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const place = mkdtempSync(join(tmpdir(), 'nexus-cause-'));
let database: Awaited<ReturnType<typeof freshDatabase>>;
let proxy: TcpProxy;
let running: Running;
const lines: Line[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startTcpProxy(Number(new URL(database.url).port));
  const { config } = loadConfig({
    environment: {},
    given: {
      NEXUS_PORT: '0',
      NEXUS_DATA_DIR: place,
      NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      NEXUS_DATABASE_URL: Object.assign(new URL(database.url), { port: String(proxy.port) }).href,
      NEXUS_DB_POOL_RECYCLE: '30',
    },
  });
  running = await start({ config, log: (level, event, fields) => lines.push({ level, event, fields }) });
});
afterAll(async () => {
  await running.stop();
  await database.drop();
  rmSync(place, { recursive: true });
});

const list = async (): Promise<readonly [number, string]> => {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'x-request-id': 'asked' };
  const answer = await fetch(`${running.url}/api/nfs/list`, { method: 'POST', headers });
  return [answer.status, await answer.text()];
};

const told = (): Line[] => lines.filter(({ event }) => event === 'fault.cause');

test('a cause crosses threads as text', () => {
  const fault = Object.assign(new Fault('UNAVAILABLE', 'away'), { cause: new Error('because') });
  const crossed = faultFromWire(structuredClone(faultToWire(fault)));
  expect(crossed).toMatchObject({ code: 'UNAVAILABLE', cause: expect.stringMatching(/^Error: because\n/) });
  expect(faultFromWire(faultToWire(new Fault('INTERNAL', 'x'))).cause).toBeUndefined();
});

test('a database out of reach is logged with its reason, which no answer has', async () => {
  expect((await list())[0]).toBe(200);
  await proxy.stop();
  for (let n = 0; n < 3; n++) {
    lines.length = 0;
    const [status, body] = await list();
    expect(status).toBe(503);
    expect(body).not.toMatch(/ECONN|terminated|127\.0\.0\.1|connection/i);
    const causes = told();
    // Of the call, and of the second look at the key before a failure is told.
    expect([1, 2]).toContain(causes.length);
    for (const { level, fields } of causes) {
      const err = expect.stringMatching(/./);
      expect([level, fields]).toMatchObject(['warn', { request_id: 'asked', code: 'UNAVAILABLE', err }]);
    }
  }
  expect(told().at(-1)?.fields.err).toContain('ECONNREFUSED');
});
