/** Keys that expired long ago: they are revoked, and count no longer; those of late can still be given another end. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bare, openBare } from '../../test/bare.ts';
import { forEachEngine } from '../../test/harness.ts';
import { revokeEndedLongAgo } from './key-ends.ts';

const DAY_MS = 86_400_000;

forEachEngine('keys that expired', (engine) => {
  let bare: Bare;
  beforeAll(async () => {
    bare = await openBare(engine);
    await bare.call('zone_create', { zone_id: 'corp', name: 'Corp', limits: { keys: 2 } });
  });
  afterAll(() => bare.close());

  const add = (name: string, days: number) =>
    bare.call<{ key_id: string }>('admin_create_key', { zone_id: 'corp', name, expires_days: days });
  const pass = () => revokeEndedLongAgo({ step: bare.step, clock: bare.clock, signal: new AbortController().signal });

  test('are revoked a month later, each as one event, and make room for others', async () => {
    const [short, long] = [await add('short', 1), await add('long', 20)];
    await expect(add('third', 1)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    bare.clock.set(bare.clock.now() + 30 * DAY_MS);
    expect(await pass()).toBe(0);
    bare.clock.set(bare.clock.now() + 2 * DAY_MS);
    expect(await pass()).toBe(1);
    expect(await pass()).toBe(0);
    await expect(bare.call('admin_get_key', { key_id: short.key_id })).resolves.toMatchObject({ revoked: true });
    await expect(bare.call('admin_get_key', { key_id: long.key_id })).resolves.toMatchObject({ revoked: false });
    expect(await bare.call('admin_update_key', { key_id: long.key_id, expires_at: null })).toBeTruthy();
    await add('third', 1);
    const told = await bare.sql.read((tx) =>
      tx.all("SELECT object_id, data FROM events WHERE type = 'key.revoked' AND zone_id = 'corp'"),
    );
    expect(told).toEqual([{ object_id: short.key_id, data: '{"reason":"expired"}' }]);
  });
});
