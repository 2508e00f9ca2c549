/** kill -9 in the middle of a backup or a restore: whoever comes next finds what he can go on from. */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { ADMIN_KEY } from '../harness.ts';
import { nexus, type Started, startNexus } from '../nexus-process.ts';

const SLOW = { timeout: 120_000 };
const place = mkdtempSync(join(tmpdir(), 'nexus-killed-backups-'));
const data = join(place, 'data');
const depot = join(place, 'depot');
const env = {
  NEXUS_DATA_DIR: data,
  NEXUS_ENVIRONMENT: 'prod',
  NEXUS_SCHEMA_MANAGEMENT_MODE: 'auto_create',
  NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
};
const running = new Set<Started>();
afterAll(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(place, { recursive: true, force: true });
});

async function serve(): Promise<{
  started: Started;
  ask: (method: string, path: string, body?: unknown) => Promise<Answer>;
}> {
  const started = startNexus(['serve', '--port', '0'], { env });
  running.add(started);
  const [, url] = await started.said(/listening at (\S+)/);
  const ask = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await response.json()) as Answer;
  };
  return { started, ask };
}

interface Answer {
  readonly id: string;
  readonly status: string;
  readonly dump_sha256: string;
}

async function kill(started: Started): Promise<void> {
  started.child.kill('SIGKILL');
  await started.ended;
  running.delete(started);
}

test('a backup is made to its end by the next server, and a restore begins again', SLOW, async () => {
  const first = await serve();
  const names = Array.from({ length: 400 }, (_, n) => `/files/${n}`);
  const files = names.map((path) => ({ path, content: `${path} ${randomBytes(100).toString('hex')}` }));
  await first.ask('POST', '/api/nfs/write_batch', { jsonrpc: '2.0', id: 1, method: 'write_batch', params: { files } });
  await first.ask('PUT', '/api/v2/backups/config', { destination: depot, enabled: false });
  const { id } = await first.ask('POST', '/api/v2/backups', { wait: false });
  await kill(first.started);

  const second = await serve();
  let made = await second.ask('GET', `/api/v2/backups/${id}`);
  for (; made.status !== 'succeeded'; made = await second.ask('GET', `/api/v2/backups/${id}`)) {
    expect(['queued', 'running']).toContain(made.status);
    await sleep(50);
  }
  await kill(second.started);
  expect((await nexus(['backup', 'verify', id, '--from', depot], { env })).code).toBe(0);

  const other = join(place, 'other');
  const restoring = ['backup', 'restore', id, '--from', depot, '--data', other];
  for (let round = 0; round < 3; round++) {
    const killed = startNexus(restoring, { env });
    running.add(killed);
    // From where it makes tables to where it has all rows.
    while (!existsSync(join(other, 'nexus.db-wal')) && killed.child.exitCode === null) await sleep(1);
    await sleep(randomInt(150));
    await kill(killed);
  }
  const { code, err } = await nexus(restoring, { env });
  // Or one of them had come to its end before it was killed.
  if (code !== 0) expect(err).toContain('has zones already');
  const dumped = await nexus(['dump', '--figures', '--data', other], { env });
  expect(JSON.parse(dumped.out)).toMatchObject({ sha256: made.dump_sha256 });
});
