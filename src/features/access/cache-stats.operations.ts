/** What the thread that answers checks keeps of decisions, in numbers since its node started (access.md §11). */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { askingOf } from './grants.ts';

const input = z.object({});

const counts = z.object({
  hits: z.int(),
  misses: z.int(),
  sets: z.int(),
  invalidations: z.int(),
  l1_size: z.int(),
  l2_enabled: z.literal(false),
});
const output = z.object({ access_cache: counts, tiger_cache: counts });

export const cacheStats: Operation<z.infer<typeof input>, z.infer<typeof output>> = {
  name: 'cache.stats',
  tool: 'get_cache_stats',
  summary: 'Count what this node answered from kept decisions, and what it had to read.',
  effect: 'read',
  who: { role: 'viewer' },
  zone: 'caller',
  input,
  output,
  faults: [],
  http: { method: 'GET', path: '/api/v2/cache/stats' },
  cli: { words: 'cache stats' },
  examples: [{ title: 'all', input: {} }],
  run: async (call) => {
    const { hits, misses, sets, invalidations, size } = askingOf(call.access).cache;
    // One cache under both names that clients know.
    const told = { hits, misses, sets, invalidations, l1_size: size, l2_enabled: false } as const;
    return { access_cache: told, tiger_cache: told };
  },
};
