/** The bell of many nodes: the port's suite, and its way back after its connection ended. */
import { expect, test, vi } from 'vitest';
import { runOn } from '../../../test/servers/postgres.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { bellContract } from '../../ports/bell.contract.ts';
import { openPostgresBell } from './postgres-bell.ts';

bellContract('postgres', async () => {
  const { url, drop } = await freshDatabase();
  return { open: () => openPostgresBell(url), remove: drop };
});

test('a bell whose connection ended rings and hears again', async () => {
  const { url, drop } = await freshDatabase();
  const [here, there] = [await openPostgresBell(url), await openPostgresBell(url)];
  const heard: string[] = [];
  there.listen('t', (payload) => heard.push(payload));
  await runOn(
    url,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
  );
  const rings = vi.fn(() => {
    here.ring('t', 'again');
    expect(heard).toContain('again');
  });
  await vi.waitFor(rings, { timeout: 20_000 });
  await here.close();
  await there.close();
  here.ring('t', 'closed');
  await drop();
  await expect(openPostgresBell(url)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
