/** The campaign of sync in its short form, and a push that is killed at each of its steps. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine } from '../harness.ts';
import { playSequence } from './sync-campaign.ts';
import { POINT, SyncWorld } from './sync-world.ts';

const SEQUENCES = 20 * Number(process.env.NEXUS_TEST_ROUNDS ?? 1);
/** More than a push of one file has. */
const STEPS = 14;
/** Behind so many of them the store has it, and nobody has heard of that. */
const ARRIVED = 7;

forEachEngine('sync', (engine) => {
  let world: SyncWorld;
  beforeAll(async () => {
    world = await SyncWorld.open(engine);
  });
  afterAll(() => world.close());

  test('random edits on both sides, with and without kills, are those of the naive model', async () => {
    for (let n = 0; n < SEQUENCES; n++) {
      const seed = 500_000 + n;
      await playSequence(world, { seed, kills: n % 2 === 1 }).catch((cause: unknown) => {
        throw new Error(`seed ${seed}`, { cause });
      });
    }
  });

  test.each(['write', 'delete'])(
    'a push of a %s that was killed anywhere is completed by the next, and is no conflict',
    async (change) => {
      await world.begin();
      const path = `${POINT}/b`;
      const outcomes = new Set<boolean>();
      for (let after = 0; after < STEPS; after++) {
        await world.change(path, `before ${after}`);
        await world.sync('push', undefined);
        await world.change(path, change === 'write' ? `ours ${after}` : undefined);
        outcomes.add((await world.sync('push', undefined, { after })) === undefined);
        // The user goes on, whatever arrived.
        await world.change(path, `newer ${after}`);
        const ran = await world.sync('push', undefined);
        expect([after, ran?.tally.detected, ran?.tally.failed]).toEqual([after, 0, 0]);
        expect(world.remote().get(path)).toBe(`newer ${after}`);
        expect(await world.pending()).toEqual([]);
      }
      expect(outcomes).toEqual(new Set([true, false]));
    },
  );

  test.each(['write', 'delete'])(
    'a push of a %s that was killed when it had arrived, and the next one anywhere, are completed, and are no conflict',
    async (change) => {
      await world.begin();
      const path = `${POINT}/b`;
      let killed = 0;
      for (let after = 0; after < STEPS; after++) {
        await world.change(path, `before ${after}`);
        await world.sync('push', undefined);
        await world.change(path, change === 'write' ? `ours ${after}` : undefined);
        expect(await world.sync('push', undefined, { after: ARRIVED })).toBeUndefined();
        expect(world.remote().get(path)).toBe(change === 'write' ? `ours ${after}` : undefined);
        await world.change(path, `newer ${after}`);
        if ((await world.sync('push', undefined, { after })) === undefined) killed++;
        await world.change(path, `newest ${after}`);
        const ran = await world.sync('push', undefined);
        expect([after, ran?.tally.detected, ran?.tally.failed]).toEqual([after, 0, 0]);
        expect(world.remote().get(path)).toBe(`newest ${after}`);
      }
      expect(killed).toBeGreaterThan(ARRIVED);
    },
  );

  test('what was attempted and replaced by somebody else is a conflict all the same', async () => {
    await world.begin();
    const path = `${POINT}/b`;
    await world.change(path, 'ours');
    await world.sync('push', undefined, { after: ARRIVED });
    world.changeRemote(path, 'theirs');
    await world.change(path, 'newer');
    expect((await world.sync('push', undefined))?.tally.detected).toBe(1);
    expect([world.remote().get(path), (await world.local()).get(path)]).toEqual(['theirs', 'newer']);
  });
});
