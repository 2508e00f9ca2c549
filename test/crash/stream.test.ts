/**
 * A server that is killed again and again while somebody follows its log: who comes back with the last event that he has seen
 * misses none of what was acknowledged, and is given none twice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createClient, type EventObject } from '../../client/index.ts';
import { ADMIN_KEY } from '../harness.ts';
import { type Started, startNexus } from '../nexus-process.ts';

const KILLS = 3;
/** Events that are seen between two kills, at least. */
const SEEN = 30;
const WRITERS = 8;

const directory = mkdtempSync(join(tmpdir(), 'nexus-stream-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let port = '0';

async function begin(): Promise<{ server: Started; url: string }> {
  const server = startNexus(['serve', '--port', port], {
    env: {
      NEXUS_DATA_DIR: directory,
      NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      NEXUS_LOG_LEVEL: 'silent',
    },
  });
  const [, url = ''] = await server.said(/listening at (\S+)/);
  port = new URL(url).port;
  return { server, url };
}

test('a killed server leaves no gap in what is followed', async () => {
  let { server, url } = await begin();
  const client = createClient({ url, key: ADMIN_KEY });
  const acknowledged = new Set<string>();
  const done = new AbortController();
  const seen: EventObject[] = [];
  let changed = (): void => undefined;
  const following = (async () => {
    for await (const event of client.followEvents({ tail: 100 }, { signal: done.signal })) {
      seen.push(event);
      changed();
    }
  })();
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  };
  // Whoever follows is there before there is more than it asks for.
  await client.write({ path: '/first', content: 'x' });
  await until(() => seen.length > 0);
  let n = 0;
  const writing = Array.from({ length: WRITERS }, async () => {
    while (!done.signal.aborted) {
      const path = `/f${n++}`;
      const written = await client.write({ path, content: 'x' }).catch(() => undefined);
      if (written) acknowledged.add(path);
      // Whoever finds no server tries again when one may be there.
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  for (let kill = 0; kill < KILLS; kill++) {
    const before = seen.length;
    await until(() => seen.length >= before + SEEN);
    server.child.kill('SIGKILL');
    await server.ended;
    ({ server, url } = await begin());
  }
  const before = seen.length;
  await until(() => seen.length >= before + SEEN);
  const wanted = [...acknowledged];
  await until(() => {
    const paths = new Set(seen.map(({ path }) => path));
    return wanted.every((path) => paths.has(path));
  });
  done.abort();
  await Promise.all([following, ...writing]);
  const numbers = seen.map(({ sequence_number }) => sequence_number);
  expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
}, 120_000);
