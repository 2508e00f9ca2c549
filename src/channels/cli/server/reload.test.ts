/** SIGHUP to a server, and to a worker: what holds at once, what waits, and what a mistake does. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startNexus } from '../../../../test/nexus-process.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };

/** A process in a directory of its own, where `settings` writes `.env`, and the lines that it logs. */
function startIn(settings: string, args: readonly string[]) {
  const place = mkdtempSync(join(tmpdir(), 'nexus-reload-'));
  const set = (text: string): void => writeFileSync(join(place, '.env'), text);
  set(settings);
  const running = startNexus([...args, '--data', 'data'], { cwd: place, env: { HOME: place } });
  onTestFinished(() => {
    running.child.kill('SIGKILL');
    rmSync(place, { recursive: true, force: true });
  });
  let written = '';
  running.child.stderr?.on('data', (text: string) => {
    written += text;
  });
  const said = (): string => written;
  const lines = (): Record<string, unknown>[] =>
    said()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  const heard = async (event: string): Promise<Record<string, unknown> | undefined> => {
    await expect.poll(() => lines().some((line) => line.event === event), PATIENCE).toBe(true);
    return lines().find((line) => line.event === event);
  };
  return { place, running, settings: set, said, heard };
}

test('`nexus start` goes by `.env` too, whose text may begin with a mark; a level that says less is told of', async () => {
  const { running: server, settings, heard } = startIn('\uFEFFNEXUS_LOG_LEVEL=info\n', ['start', '--port', '0']);
  await server.said(/Nexus is running/);
  expect(await heard('server.started')).toMatchObject({ level: 'info' });
  settings('NEXUS_LOG_LEVEL=error\n');
  server.child.kill('SIGHUP');
  expect(await heard('config.reloaded')).toMatchObject({ settings: ['NEXUS_LOG_LEVEL'] });
});

test('a signal that comes while the server starts is no end of it, and minded once it serves', async () => {
  const { running: server, settings, heard } = startIn('', ['serve', '--port', '0']);
  await heard('schema.migrated');
  settings('NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE=77\n');
  server.child.kill('SIGHUP');
  await server.said(/listening at/);
  expect(await heard('config.reloaded')).toMatchObject({ settings: ['NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE'] });
});

test('a signal that comes while the server ends is no end of what still runs', async () => {
  const { running: server, heard } = startIn('', ['serve', '--port', '0']);
  const [, url = ''] = await server.said(/listening at (\S+)\n/);
  await fetch(`${url}/api/v2/scheduler/submit`, {
    method: 'POST',
    headers: { authorization: 'Bearer nexus-dev-admin-key', 'content-type': 'application/json' },
    body: JSON.stringify({ executor: 'nexus', task_type: 'echo', payload: { value: 1, delay_ms: 2000 } }),
  });
  server.child.kill('SIGTERM');
  await heard('server.stopping');
  server.child.kill('SIGHUP');
  expect((await server.ended).code).toBe(0);
});

test('the configuration is read again, as far as it can be while the server runs', async () => {
  const { running: server, settings, heard } = startIn('NEXUS_LOG_LEVEL=warn\n', ['serve', '--port', '0']);
  const [, url = ''] = await server.said(/listening at (\S+)\n/);
  const limits = async (): Promise<(string | null)[]> => {
    const { headers } = await fetch(`${url}/api/v1/auth/whoami`, {
      headers: { authorization: 'Bearer nexus-dev-viewer-key' },
    });
    return [headers.get('x-ratelimit-limit')];
  };
  expect(await limits()).toEqual(['12000']);

  settings('NEXUS_LOG_LEVEL=debug\nNEXUS_RATE_LIMIT_VIEWER_PER_MINUTE=77\nNEXUS_REGION=elsewhere\n');
  server.child.kill('SIGHUP');
  expect(await heard('config.reloaded')).toMatchObject({
    level: 'info',
    settings: ['NEXUS_LOG_LEVEL', 'NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE'],
  });
  expect(await heard('config.left')).toMatchObject({ level: 'warn', settings: ['NEXUS_REGION'] });
  expect(await limits()).toEqual(['77']);
  await heard('http.request');

  settings('NEXUS_WORKER_SLOTS=none\nNEXUS_RATE_LIMIT_VIEWER_PER_MINUTE=5\n');
  server.child.kill('SIGHUP');
  expect(await heard('config.refused')).toMatchObject({
    level: 'error',
    msg: expect.stringContaining('NEXUS_WORKER_SLOTS'),
  });
  expect(await limits()).toEqual(['77']);
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
});

test('a worker reads it again too, and goes on', async () => {
  const { running: worker, settings, said, heard, place } = startIn('', ['worker']);
  // Which waits for somebody to begin the database.
  const server = startNexus(['serve', '--data', 'data', '--port', '0'], { cwd: place });
  await server.said(/listening at/);
  server.child.kill('SIGTERM');
  await server.ended;
  await heard('worker.started');
  settings('NEXUS_LOG_LEVEL=warn\nNEXUS_WORKER_SLOTS=2\n');
  worker.child.kill('SIGHUP');
  expect(await heard('config.left')).toMatchObject({ settings: ['NEXUS_WORKER_SLOTS'] });
  settings('NEXUS_WORKER_SLOTS=none\n');
  worker.child.kill('SIGHUP');
  expect(await heard('config.refused')).toMatchObject({ msg: expect.stringContaining('NEXUS_WORKER_SLOTS') });
  rmSync(join(place, '.env'));
  mkdirSync(join(place, '.env'));
  worker.child.kill('SIGHUP');
  await expect.poll(said, PATIENCE).toContain('.env: cannot be read: EISDIR');
  worker.child.kill('SIGTERM');
  const { code, out, err } = await worker.ended;
  // What it says of its end is below the level that it was given.
  expect([code, out, err.includes('worker.stopped')]).toEqual([0, 'processed_jobs=0\n', false]);
});
