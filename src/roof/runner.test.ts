/** Writes that wait for their commit are bounded, whichever engine commits them. */
import { expect, test } from 'vitest';
import { forEachEngine, startTestServer } from '../../test/harness.ts';
import { deadlineIn } from '../core/deadline.ts';
import type { CallContext } from '../core/operation.ts';
import { getOperation } from '../core/operations.ts';
import { GrantCache } from '../features/access/grant-cache.ts';
import { runnerOf } from './runner.ts';

const MAXIMUM = 5;
const WRITES = 20;

/** The first so many answers that are 503, while others still wait. */
function firstRefused(sent: readonly Promise<Response>[], count: number): Promise<Response[]> {
  const refused: Response[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Response[]>();
  for (const one of sent) {
    one.then((answer) => {
      if (answer.status === 503) refused.push(answer);
      if (refused.length === count) resolve(refused);
    }, reject);
  }
  return promise;
}

forEachEngine('the limit WRITES_WAITING', (engine) => {
  test('refuses what comes beyond it, and only that', async () => {
    const server = await startTestServer({ engine, environment: { NEXUS_LIMIT_WRITES_WAITING: String(MAXIMUM) } });
    const put = (name: string): Promise<Response> =>
      server.http(`/api/v2/files/${name}.txt`, { method: 'PUT', body: 'x' });
    try {
      const held = Promise.withResolvers<void>();
      const holding = Promise.withResolvers<void>();
      // Another process is in the middle of a change of the zone, so whatever is written waits.
      const other = server.sql.write('root', async (tx) => {
        // On PostgreSQL a write begins before the zone is its own; what it asks is answered after that.
        await tx.get('SELECT 1 AS one');
        holding.resolve();
        await held.promise;
      });
      await holding.promise;
      const sent = Array.from({ length: WRITES }, (_, i) => put(`n${i}`));
      const refused = await firstRefused(sent, WRITES - MAXIMUM);
      const first = refused[0]!;
      held.resolve();
      await other;
      const answers = await Promise.all(sent);
      const written = answers.filter(({ status }) => status === 201);
      expect(first.headers.get('retry-after')).toBe('1');
      expect(await first.json()).toMatchObject({
        error: { code: 'UNAVAILABLE', retryable: true, data: { limit: 'WRITES_WAITING', maximum: MAXIMUM } },
      });
      expect(written.length).toBeGreaterThan(0);
      expect(written.length).toBeLessThanOrEqual(MAXIMUM);
      expect(answers.filter(({ status }) => status === 503)).toHaveLength(WRITES - written.length);
      expect((await put('after')).status).toBe(201);
      expect((await server.ok('list', { path: '/' })).files).toHaveLength(written.length + 1);
    } finally {
      await server.stop();
    }
  });
});

test('a long read is answered when its time is up, though its thread is still at it', async () => {
  const server = await startTestServer();
  const atIt = Promise.withResolvers<never>();
  try {
    const { sql, blobs, rings } = server.running.server;
    const reader = { run: () => atIt.promise, close: async () => undefined, stats: async () => undefined };
    const threads = { writer: undefined, reader };
    const grants = new GrantCache();
    const config = { ...server.config, AUDIT_KEY: 'a key of the log' };
    const runner = runnerOf(config, { sql, blobs, threads, rings, grants, told: () => undefined });
    const context = { zone_id: 'root', path_prefix: '', deadline: deadlineIn(1) } as CallContext;
    // The thread is let go only after the answer.
    await expect(runner.read(getOperation('file.grep'), {}, context)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  } finally {
    atIt.resolve(undefined as never);
    await server.stop();
  }
});
