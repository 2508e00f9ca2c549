/** Who a push, a pull and a settlement are told as, in the event log and the audit log: who asked for them, and not the server. */
import { expect, test } from 'vitest';
import { forEachEngine } from '../../../test/harness.ts';
import { mount, withMounts } from '../../../test/mounting.ts';

const REQUEST = 'who-asked-for-it';

forEachEngine('what a job of a mount does', (engine) => {
  const { now } = withMounts(engine, { NEXUS_EMBEDDED_WORKER: 'true', NEXUS_WORKER_POLL_SECONDS: '0.1' });

  async function asked<T>(path: string, body: object, key: string): Promise<T> {
    const response = await now().server.http(`/api/v2/sync${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-agent-id': 'scout',
        'x-request-id': REQUEST,
      },
      body: JSON.stringify(body),
    });
    return (await response.json()) as T;
  }

  test('is told as that of who asked, their agent and their request', async () => {
    const { server, store, at } = now();
    await mount(server, at, { root: store.root, write_mode: 'back' });
    const key = await server.addKey({ subject: 'ada', grants: [['direct_editor', at]] });
    await store.put('theirs', 'one');
    await asked(`/mounts${at}/pull`, {}, key);
    await server.ok('write', { path: `${at}/ours`, content: 'ours' });
    await asked(`/mounts${at}/push`, {}, key);
    await server.ok('write', { path: `${at}/theirs`, content: 'two' });
    await store.put('theirs', 'three');
    const { conflicts } = await asked<{ conflicts: { id: string }[] }>(`/mounts${at}/push`, {}, key);
    await asked(`/conflicts/${conflicts[0]?.id}/resolve`, { resolution: 'keep_both' }, key);
    const events = await server.sql.read((tx) =>
      tx.all<{ type: string }>(
        `SELECT type, user_id, agent_id, request_id FROM events
          WHERE channel = 'internal' AND type NOT LIKE 'job.%' ORDER BY seq`,
      ),
    );
    const by = { user_id: 'ada', agent_id: 'scout', request_id: REQUEST };
    expect(events.map(({ type, ...who }) => [type, who])).toEqual([
      ['write', by],
      ['sync.pushed', by],
      ['conflict.opened', by],
      ['write', by],
      ['write', by],
      ['conflict.resolved', by],
      ['sync.pushed', by],
    ]);
    const logged = await server.sql.read((tx) =>
      tx.all<{ action: string }>("SELECT * FROM audit WHERE channel = 'internal' AND action LIKE 'sync.%' ORDER BY n"),
    );
    expect(logged.length).toBeGreaterThan(3);
    for (const row of logged) {
      expect(row).toMatchObject({ actor: 'user:ada', agent_id: 'scout', call_id: REQUEST });
    }
  });
});
