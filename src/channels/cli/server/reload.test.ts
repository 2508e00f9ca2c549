/** SIGHUP to a server: what holds at once, what waits, and what a mistake does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startNexus } from '../../../../test/nexus-process.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };

test('the configuration is read again, as far as it can be while the server runs', async () => {
  const place = mkdtempSync(join(tmpdir(), 'nexus-reload-'));
  const settings = (text: string): void => writeFileSync(join(place, '.env'), text);
  settings('NEXUS_LOG_LEVEL=warn\nNEXUS_PORT=0\n');
  const server = startNexus(['serve', '--data', 'data'], { cwd: place, env: { HOME: place } });
  onTestFinished(() => void server.child.kill('SIGKILL'));
  let said = '';
  server.child.stderr?.on('data', (text: string) => {
    said += text;
  });
  const lines = (): Record<string, unknown>[] =>
    said
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  const heard = async (event: string): Promise<Record<string, unknown> | undefined> => {
    await expect.poll(() => lines().some((line) => line.event === event), PATIENCE).toBe(true);
    return lines().find((line) => line.event === event);
  };
  const [, url = ''] = await server.said(/listening at (\S+)\n/);
  const limits = async (): Promise<(string | null)[]> => {
    const { headers } = await fetch(`${url}/api/v1/auth/whoami`, {
      headers: { authorization: 'Bearer nexus-dev-viewer-key' },
    });
    return [headers.get('x-ratelimit-limit')];
  };
  expect(await limits()).toEqual(['12000']);

  settings('NEXUS_LOG_LEVEL=debug\nNEXUS_PORT=0\nNEXUS_RATE_LIMIT_VIEWER_PER_MINUTE=77\nNEXUS_REGION=elsewhere\n');
  server.child.kill('SIGHUP');
  expect(await heard('config.reloaded')).toMatchObject({
    level: 'info',
    settings: ['NEXUS_LOG_LEVEL', 'NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE'],
  });
  expect(await heard('config.left')).toMatchObject({ level: 'warn', settings: ['NEXUS_REGION'] });
  await expect.poll(limits, PATIENCE).toEqual(['77']);
  await heard('http.request');

  settings('NEXUS_PORT=never\nNEXUS_RATE_LIMIT_VIEWER_PER_MINUTE=5\n');
  server.child.kill('SIGHUP');
  expect(await heard('config.refused')).toMatchObject({ level: 'error', msg: expect.stringContaining('NEXUS_PORT') });
  expect(await limits()).toEqual(['77']);
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
  rmSync(place, { recursive: true });
});
