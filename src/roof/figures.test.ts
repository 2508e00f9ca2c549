/** What a server tells of its commits and decisions, and that the whole exposition is one that Prometheus takes. */
import { expect, test } from 'vitest';
import { readExposition, type Samples } from '../../test/exposition.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../test/harness.ts';

const scrape = async (server: TestServer): Promise<Samples> =>
  readExposition(await (await fetch(`${server.url}/metrics/prometheus`)).text());

const checks = (samples: Samples): Record<string, number> =>
  Object.fromEntries(
    ['allowed', 'denied'].flatMap((outcome) =>
      ['yes', 'no'].map((cached) => [
        `${outcome} ${cached}`,
        samples.get(`nexus_access_checks_total{outcome="${outcome}",cached="${cached}"}`) ?? Number.NaN,
      ]),
    ),
  );

forEachEngine('figures', (engine) => {
  test('commits are told as histograms of their time and of their writes', async () => {
    const server = await startTestServer({ engine });
    try {
      await server.ok('write', { path: '/first', content: 'x' });
      const before = await scrape(server);
      await Promise.all(Array.from({ length: 20 }, (_, i) => server.ok('write', { path: `/f${i}`, content: 'x' })));
      const after = await scrape(server);
      const grown = (key: string): number => (after.get(key) ?? Number.NaN) - (before.get(key) ?? Number.NaN);
      expect(grown('nexus_commit_writes_sum')).toBeGreaterThanOrEqual(20);
      expect(grown('nexus_commit_writes_count')).toBeGreaterThan(0);
      expect(grown('nexus_commit_writes_bucket{le="+Inf"}')).toBe(grown('nexus_commit_writes_count'));
      expect(grown('nexus_commit_duration_seconds_count')).toBe(grown('nexus_commit_writes_count'));
      expect(grown('nexus_commit_duration_seconds_sum')).toBeGreaterThan(0);
      expect(grown('nexus_commit_duration_seconds_sum')).toBeLessThan(60);
    } finally {
      await server.stop();
    }
  });

  test('every decision is counted by its outcome, and by whether the grants were known', async () => {
    const server = await startTestServer({ engine });
    try {
      await server.ok('write', { path: '/mine/a', content: 'x' });
      const key = await server.addKey({ grants: [['direct_viewer', '/mine']] });
      const between = async (calls: () => Promise<unknown>): Promise<Record<string, number>> => {
        const before = checks(await scrape(server));
        await calls();
        const after = checks(await scrape(server));
        return Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - (before[name] ?? Number.NaN)]));
      };
      const read = (): Promise<unknown> => server.ok('read', { path: '/mine/a' }, key);
      expect(await between(read)).toEqual({ 'allowed yes': 0, 'allowed no': 1, 'denied yes': 0, 'denied no': 0 });
      expect(await between(read)).toEqual({ 'allowed yes': 1, 'allowed no': 0, 'denied yes': 0, 'denied no': 0 });
      const refused = () => server.fault('read', { path: '/other' }, key);
      expect(await between(refused)).toEqual({ 'allowed yes': 0, 'allowed no': 0, 'denied yes': 1, 'denied no': 0 });
      // Decided in the thread of long reads, whose grants are its own.
      const list = await between(() => server.ok('list', { path: '/mine' }, key));
      expect(list['allowed no']).toBeGreaterThan(0);
      expect((list['denied yes'] ?? 0) + (list['denied no'] ?? 0)).toBe(0);
      const wider = await between(() => server.fault('list', { path: '/other' }, key));
      expect(wider['denied yes']).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  });

  // Reads of the embedded engine wait for nobody.
  if (engine === 'postgres')
    test('what the database does not say within a second is left out', async () => {
      const server = await startTestServer({ engine });
      try {
        expect((await scrape(server)).get('nexus_db_up')).toBe(1);
        await server.sql.write('root', async (tx) => {
          await tx.run('LOCK TABLE job_counts IN ACCESS EXCLUSIVE MODE');
          const samples = await scrape(server);
          expect([samples.get('nexus_db_up'), samples.get('nexus_up')]).toEqual([0, 1]);
          expect([...samples.keys()].filter((name) => /^nexus_(jobs_queued|files|backup_)/.test(name))).toEqual([]);
        });
        expect((await scrape(server)).has('nexus_jobs_queued')).toBe(true);
      } finally {
        await server.stop();
      }
    });
});
