/**
 * Random edits here and in the store, pushes and pulls in between, and kills between any two of their steps. Without kills every
 * state is that of the naive model (sync-model.ts). With and without them nothing is lost silently, and once conflicts are settled
 * both sides are equal and another push finds nothing to do.
 *
 * `node test/model/sync-campaign.ts --sequences 10000 [--seed N]`
 */
import { strict as assert } from 'node:assert';
import { parseArgs } from 'node:util';
import { asidePath } from '../../src/features/sync/aside.ts';
import { RESOLUTIONS, type Resolution } from '../../src/features/sync/decide.ts';
import type { Action } from '../../src/features/sync/syncer.ts';
import { listed, SyncModel } from './sync-model.ts';
import { POINT, SyncWorld } from './sync-world.ts';

const FOLDER = `${POINT}/d`;
const PATHS = ['a.txt', 'b', 'd/x.txt', 'd/e/y'].map((name) => `${POINT}/${name}`);

/** A small generator of numbers with a seed: the same sequence every time (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const SETTLED = ['detected', 'resolved'] as const;

export interface Sequence {
  readonly seed: number;
  readonly kills: boolean;
}

export async function playSequence(world: SyncWorld, { seed, kills }: Sequence): Promise<number> {
  await world.begin();
  const play = new Play(world, randomOf(seed), kills);
  await play.all();
  return play.killed;
}

class Play {
  killed = 0;
  private readonly world: SyncWorld;
  private readonly random: (below: number) => number;
  private readonly kills: boolean;
  private readonly model = new SyncModel();
  /** Contents that both sides had at the same path at some time: whoever replaces one of those knew it. */
  private readonly agreed = new Set<string>();
  private contents = 0;
  /** The store changes by pushes alone: then nothing is a conflict, whoever was killed when. */
  private readonly oursOnly: boolean;
  /**
   * Directories go too, of which the model knows nothing: pushes of them are not counted, and there are no pulls, which leave
   * alone what is below one whose removal has not been pushed.
   */
  private readonly folders: boolean;

  constructor(world: SyncWorld, random: (below: number) => number, kills: boolean) {
    this.world = world;
    this.random = random;
    this.kills = kills;
    this.oursOnly = kills && random(3) === 0;
    this.folders = random(3) === 0;
  }

  async all(): Promise<void> {
    const steps = 4 + this.random(10);
    for (let n = 0; n < steps; n++) await this.one();
    await this.end();
  }

  private async one(): Promise<void> {
    const what = this.random(10);
    const path = PATHS[this.random(this.oursOnly ? 2 : PATHS.length)]!;
    const content = this.random(4) === 0 ? undefined : this.content();
    if (this.folders && this.random(6) === 0) await this.folderGoes();
    else if (what < 3 || (what < 6 && this.oursOnly)) await this.here(path, content);
    else if (what < 6) this.there(path, content);
    else {
      const resolution = this.random(2) === 0 ? undefined : RESOLUTIONS[this.random(3)];
      await this.sync(what < 9 || this.folders ? 'push' : 'pull', resolution);
    }
  }

  /** Mostly new; now and then one of few, so that both sides come to the same. */
  private content(): string {
    return this.random(5) === 0 ? `same ${this.random(2)}` : `content ${this.contents++}`;
  }

  private async here(path: string, content: string | undefined): Promise<void> {
    await this.world.change(path, content);
    this.model.change(path, content);
  }

  private async folderGoes(): Promise<void> {
    await this.world.removeDirectory(FOLDER);
    for (const path of [...this.model.local.keys()]) {
      if (path.startsWith(`${FOLDER}/`)) this.model.change(path, undefined);
    }
  }

  private there(path: string, content: string | undefined): void {
    this.world.changeRemote(path, content);
    this.model.changeRemote(path, content);
  }

  private async sync(action: Action, resolution: Resolution | undefined): Promise<void> {
    const before = await this.sides();
    this.note(before);
    const kill = this.kills && this.random(2) === 0 ? { after: this.random(this.oursOnly ? 12 : 16) } : undefined;
    const ran = await this.world.sync(action, resolution, kill);
    if (!ran) this.killed++;
    if (this.oursOnly) assert.deepEqual([...(await this.world.open())], []);
    if (this.oursOnly && ran) assert.equal(ran.tally.detected, 0);
    await this.checkNothingLost(before);
    if (this.kills) return;
    assert.equal(ran?.error ?? null, null);
    const name = (path: string): string =>
      asidePath(path, { at: this.world.bare.clock.now(), taken: this.taken(path), nameBytes: 1_024 });
    const counts = this.model[action](resolution, name);
    const moved = action === 'push' ? (['pushed'] as const) : (['pulled'] as const);
    for (const figure of [...(this.folders ? [] : moved), ...SETTLED]) {
      assert.deepEqual([figure, ran!.tally[figure]], [figure, counts[figure]]);
    }
    await this.checkModel();
  }

  /** The clock of the test stands still, so that names aside are counted on. */
  private taken(path: string): number {
    for (let taken = 0; ; taken++) {
      const name = asidePath(path, { at: this.world.bare.clock.now(), taken, nameBytes: 1_024 });
      if (!this.model.local.has(name)) return taken;
    }
  }

  private async checkModel(): Promise<void> {
    const { world, model } = this;
    assert.deepEqual(listed(await world.local()), listed(model.local));
    assert.deepEqual(listed(world.remote()), listed(model.remote));
    assert.deepEqual((await world.pending()).sort(), [...model.pending].sort());
    const open = [...model.open].map(([path, theirs]) => [path, theirs === undefined ? null : world.hashOf(theirs)]);
    assert.deepEqual([...(await world.open())].sort(), open.sort());
    const kept = await world.kept();
    for (const content of model.kept) assert(kept.has(world.hashOf(content)), `${content} was replaced and not kept`);
  }

  private async sides(): Promise<readonly [Map<string, string>, Map<string, string>]> {
    return [await this.world.local(), this.world.remote()];
  }

  private note([local, remote]: readonly [Map<string, string>, Map<string, string>]): void {
    for (const [path, content] of local) if (remote.get(path) === content) this.agreed.add(`${path} ${content}`);
  }

  /** What one side had, the other never had there, and is nowhere now, has been lost. */
  private async checkNothingLost(before: readonly [Map<string, string>, Map<string, string>]): Promise<void> {
    const after = await this.sides();
    const there = new Set(after.flatMap((side) => [...side.values()]));
    const kept = await this.world.kept();
    for (const side of before) {
      for (const [path, content] of side) {
        const safe =
          there.has(content) || kept.has(this.world.hashOf(content)) || this.agreed.has(`${path} ${content}`);
        assert(safe, `${content} of ${path} is lost`);
      }
    }
    this.note(after);
  }

  /** Both sides become equal, and stay as they are. */
  private async end(): Promise<void> {
    const { world } = this;
    const resolution = RESOLUTIONS[this.random(3)];
    for (const action of ['push', 'pull', 'push'] as const) {
      const before = await this.sides();
      const ran = await world.sync(action, resolution);
      assert.equal(ran?.error ?? null, null);
      await this.checkNothingLost(before);
    }
    const [local, remote] = await this.sides();
    assert.deepEqual(listed(local), listed(remote));
    assert.deepEqual(await world.pending(), []);
    assert.deepEqual([...(await world.open())], []);
    const seq = await world.seq();
    for (const action of ['push', 'pull'] as const) {
      const { tally } = (await world.sync(action, resolution))!;
      const { pushed, pulled, failed, detected, resolved } = tally;
      assert.deepEqual([pushed, pulled, failed, detected, resolved], [0, 0, 0, 0, 0]);
    }
    assert.equal(await world.seq(), seq);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { sequences: { type: 'string' }, seed: { type: 'string' } } });
  const sequences = Number(values.sequences ?? 1_000);
  const first = Number(values.seed ?? 1);
  const world = await SyncWorld.open();
  let killed = 0;
  for (let n = 0; n < sequences; n++) {
    const seed = first + n;
    try {
      killed += await playSequence(world, { seed, kills: n % 2 === 1 });
    } catch (thrown) {
      throw new Error(`seed ${seed}, ${n % 2 === 1 ? 'with' : 'without'} kills`, { cause: thrown });
    }
    if ((n + 1) % 500 === 0) console.log(`${n + 1} sequences, ${killed} kills`);
  }
  await world.close();
  console.log(`${sequences} sequences, ${killed} kills: nothing lost, both sides equal`);
}

if (process.argv[1] === import.meta.filename) await main();
