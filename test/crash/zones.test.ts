/** kill -9 in the middle of an import: the zone is there as it was exported, or there is none. */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { ADMIN_KEY } from '../harness.ts';
import { type Started, startNexus } from '../nexus-process.ts';

const FILES = 600;
/** `KILLS=20` for more of them. */
const KILLS = Number(process.env.KILLS ?? 1);
const place = mkdtempSync(join(tmpdir(), 'nexus-killed-imports-'));
const env = {
  NEXUS_DATA_DIR: join(place, 'data'),
  NEXUS_ENVIRONMENT: 'prod',
  NEXUS_SCHEMA_MANAGEMENT_MODE: 'auto_create',
  NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
};
let running: Started | undefined;
const kill = async (): Promise<void> => {
  running?.child.kill('SIGKILL');
  await running?.ended;
  running = undefined;
};
afterAll(async () => {
  await kill();
  rmSync(place, { recursive: true, force: true });
});

type Ask = (method: string, path: string, body?: unknown) => Promise<Response>;

async function serve(): Promise<Ask> {
  running = startNexus(['serve', '--port', '0'], { env });
  const [, url] = await running.said(/listening at (\S+)/);
  return (method, path, body) =>
    fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
}

test('it leaves all of a zone or nothing', { timeout: 120_000 }, async () => {
  let ask = await serve();
  await ask('POST', '/api/zones', { zone_id: 'team', name: 'Team' });
  const files = Array.from({ length: FILES }, (_, n) => ({
    path: `/f/${n}`,
    content: randomBytes(500).toString('hex'),
  }));
  const params = { files, zone_id: 'team' };
  await ask('POST', '/api/nfs/write_batch', { jsonrpc: '2.0', id: 1, method: 'write_batch', params });
  const exported = await (await ask('GET', '/api/v2/zones/team/export')).text();
  expect(exported.split('\n').length).toBeGreaterThan(2 * FILES);
  expect((await ask('PUT', '/api/v2/files/team.zone', exported)).status).toBe(201);
  for (let round = 0; round < KILLS; round++) {
    const zone_id = `copy-${round}`;
    const importing = ask('POST', '/api/v2/zones/import', { path: '/team.zone', zone_id }).catch(() => undefined);
    await sleep(randomInt(400));
    await kill();
    await importing;
    ask = await serve();
    const left = await ask('GET', `/api/v2/zones/${zone_id}/export`);
    if (left.status === 404) expect((await ask('GET', `/api/zones/${zone_id}`)).status).toBe(404);
    else
      expect((await left.text()).replaceAll(`"${zone_id}"`, '"team"').split('\n').slice(0, -2)).toEqual(
        exported.split('\n').slice(0, -2),
      );
    const again = await ask('POST', '/api/v2/zones/import', { path: '/team.zone', zone_id });
    expect(again.status).toBe(left.status === 404 ? 201 : 409);
  }
});
