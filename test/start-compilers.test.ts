/**
 * The optimizing compilers of V8 in a server of `bin/nexus.mjs`: they have no part in its start, which runs once, and all of
 * them in what runs afterwards.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sparePort } from './servers/spare-port.ts';

const BIN = join(import.meta.dirname, '../bin/nexus.mjs');
/** As bin/nexus.mjs has it. */
const START_MS = 2_000;
/** What Node compiles before it comes to our first line; a start would have hundreds. */
const FEW = 10;

test('they begin when a server has started, and then compile what is called often', { timeout: 120_000 }, async () => {
  const place = mkdtempSync(join(tmpdir(), 'nexus-compilers-'));
  const port = await sparePort();
  const env = { HOME: place, NEXUS_DATA_DIR: join(place, 'data'), NEXUS_PORT: String(port) };
  const began = performance.now();
  const server = spawn(process.execPath, ['--trace-opt', BIN, 'serve'], { env });
  const ended = once(server, 'exit');
  onTestFinished(async () => {
    server.kill();
    await ended;
    rmSync(place, { recursive: true, force: true });
  });
  let traced = '';
  let early = 0;
  server.stdout.setEncoding('utf8').on('data', (text: string) => {
    traced += text;
    if (performance.now() - began < START_MS) early = traced.split('[completed compiling').length - 1;
  });
  const url = `http://127.0.0.1:${port}`;
  const ready = () => fetch(`${url}/healthz/ready`).then(({ status }) => status, String);
  await expect.poll(ready, { timeout: 60_000 }).toBe(200);
  const headers = { authorization: 'Bearer nexus-dev-admin-key' };
  const calls = async () => {
    for (let n = 0; n < 100; n++) expect((await fetch(`${url}/api/v1/auth/whoami`, { headers })).status).toBe(200);
    return ['MAGLEV', 'TURBOFAN_JS'].filter((target) => traced.includes(`(target ${target}) - took`));
  };
  await expect.poll(calls, { timeout: 60_000 }).toEqual(['MAGLEV', 'TURBOFAN_JS']);
  expect(early).toBeLessThan(FEW);
});
