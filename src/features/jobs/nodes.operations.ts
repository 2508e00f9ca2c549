/** Which servers share a database, as steps of the servers themselves; no door reaches them. Only PostgreSQL has several. */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { queueTime } from './clock.sql.ts';

const STEP = { who: 'root admin', internal: true, anyZone: true, effect: 'write', faults: [] } as const;

const beat = z.object({ node_id: z.string(), gone_ms: z.number() });

/** A server is there; answers how many there are. One that was not heard of for `gone_ms` is gone. */
export const beatNode: Operation<z.infer<typeof beat>, number> = {
  ...STEP,
  name: 'node.beat',
  summary: 'Say that a server is there, and count those that are.',
  input: beat,
  output: z.number(),
  run: async (call, { node_id, gone_ms }) => {
    const now = await queueTime(call);
    await call.tx.run(
      'INSERT INTO nodes (node_id, beat_at) VALUES (?, ?) ON CONFLICT (node_id) DO UPDATE SET beat_at = excluded.beat_at',
      [node_id, now],
    );
    await call.tx.run('DELETE FROM nodes WHERE beat_at < ?', [now - gone_ms]);
    return (await call.tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM nodes'))?.n ?? 1;
  },
};

export const leaveNode: Operation<{ node_id: string }, null> = {
  ...STEP,
  name: 'node.leave',
  summary: 'Say that a server ends.',
  input: z.object({ node_id: z.string() }),
  output: z.null(),
  run: async (call, { node_id }) => {
    await call.tx.run('DELETE FROM nodes WHERE node_id = ?', [node_id]);
    return null;
  },
};
