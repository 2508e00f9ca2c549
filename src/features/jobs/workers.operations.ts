/** The list of workers (infrastructure.md §8). */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { Operation } from '../../core/operation.ts';
import { queueTime } from './clock.sql.ts';
import { isGone, listHeldBy, listWorkers, WORKERS_KEPT_MS } from './workers.sql.ts';

const input = z.object({ all: z.boolean().default(false).describe('those that are gone too, for a day') });

const output = z.object({
  workers: z.array(
    z.object({
      worker_id: z.string(),
      kind: z.enum(['process', 'embedded']),
      hostname: z.string(),
      pid: z.number(),
      version: z.string(),
      status: z.enum(['active', 'draining', 'gone']),
      slots: z.number(),
      running_jobs: z.array(z.string()),
      processed: z.number(),
      failed: z.number(),
      started_at: z.string(),
      last_heartbeat_at: z.string(),
    }),
  ),
});

export type WorkerList = z.infer<typeof output>;

const workerList: Operation<z.infer<typeof input>, WorkerList> = {
  name: 'worker.list',
  summary: 'List the workers that run jobs.',
  effect: 'read',
  who: 'root admin',
  input,
  output,
  faults: [],
  http: { method: 'GET', path: '/api/v1/workers', tolerant: true },
  cli: { words: 'worker list' },
  run: async (call, { all }) => {
    const now = await queueTime(call);
    const held = Map.groupBy(await listHeldBy(call.tx), ({ lease_owner }) => lease_owner);
    const rows = (await listWorkers(call.tx)).filter((row) =>
      all ? row.beat_at >= now - WORKERS_KEPT_MS : !isGone(row, now),
    );
    return {
      workers: rows.map((row) => ({
        worker_id: row.worker_id,
        kind: row.kind,
        hostname: row.hostname,
        pid: row.pid,
        version: row.version,
        status: isGone(row, now) ? ('gone' as const) : row.status,
        slots: row.slots,
        running_jobs: (held.get(row.worker_id) ?? []).map(({ job_id }) => job_id),
        processed: row.processed,
        failed: row.failed,
        started_at: isoTime(row.started_at),
        last_heartbeat_at: isoTime(row.beat_at),
      })),
    };
  },
};

export const workerOperations = [workerList] as const;
