/** The counts of kept decisions: each check is a hit or a miss, with the cache off always a miss; a change ends what is kept. */
import { expect, test } from 'vitest';
import { startTestServer } from '../../../test/harness.ts';

interface Stats {
  readonly access_cache: Readonly<Record<string, number | boolean>>;
  readonly tiger_cache: unknown;
}

const NAMES = ['hits', 'misses', 'sets', 'invalidations', 'l1_size', 'l2_enabled'];

test.each(['on', 'off'])('with the cache %s', async (cache) => {
  const server = await startTestServer({ environment: { NEXUS_ACCESS_CACHE: cache } });
  try {
    const key = await server.addKey({ subject: 'ada', role: 'viewer', grants: [['direct_viewer', '/a']] });
    const stats = async (): Promise<Stats> => {
      const response = await server.http('/api/v2/cache/stats', { headers: { authorization: `Bearer ${key}` } });
      return (await response.json()) as Stats;
    };
    const check = { subject: ['user', 'ada'], permission: 'read', object: ['file', '/a/b'] };
    await server.ok('rebac_check', check, key);
    const before = await stats();
    expect(Object.keys(before.access_cache)).toEqual(NAMES);
    expect(before.tiger_cache).toEqual(before.access_cache);
    expect(before.access_cache.l2_enabled).toBe(false);
    for (let n = 0; n < 5; n++) await server.ok('rebac_check', check, key);
    const after = await stats();
    const moved = (name: string) => Number(after.access_cache[name]) - Number(before.access_cache[name]);
    expect([moved('hits'), moved('misses')]).toEqual(cache === 'on' ? [5, 0] : [0, 5]);
  } finally {
    await server.stop();
  }
});
