/**
 * A push: what was changed here goes to the store (platform.md §5). Guarantees: each path fails by itself; a conflict that is
 * open stops its path, unless it is said what is to become of it; a second push behind a clean one finds nothing to do.
 */
import { BackendError } from '../../ports/backend.ts';
import { insideOf, isAtOrBelow } from '../mounts/mount.ts';
import { type Compared, compare } from './compare.ts';
import type { ConflictRow } from './conflicts.sql.ts';
import { type Asked, onPath, RunOver, type SyncParts, type Tally } from './run.ts';
import { agreementOf, attemptsOf, endOf, Moved, noteConflict, resolve, sendOurs, takeIn } from './settle.ts';
import { type Agreement, agree, attemptPush, type Begun, type Settled } from './steps.operations.ts';

type PendingPath = Begun['pending'][number];

/** Files that are on their way at a time. */
const AT_ONCE = 8;
/** How often a path is compared again that changes meanwhile. */
const TRIES_MAX = 5;

export async function push(parts: SyncParts, begun: Begun, { asked, tally }: PushAsked): Promise<void> {
  const run = new PushRun(parts, { asked, tally, open: new Map(begun.open.map((one) => [one.path, one])) });
  const wanted = begun.pending.filter(({ path }) => isWanted(path, asked.paths));
  const files = wanted.filter(({ change }) => change === 'write' || change === 'delete');
  const phases: readonly (readonly [readonly PendingPath[], (path: PendingPath[]) => Promise<void>])[] = [
    [files.filter(({ change }) => change === 'delete'), (some) => run.files(some)],
    [wanted.filter(({ change }) => change === 'rmdir').reverse(), (some) => run.directories(some)],
    [wanted.filter(({ change }) => change === 'mkdir'), (some) => run.directories(some)],
    [files.filter(({ change }) => change === 'write'), (some) => run.files(some)],
  ];
  let left: readonly PendingPath[] = [];
  try {
    for (const [paths, work] of phases) {
      for (let at = 0; at < paths.length; at += AT_ONCE) {
        parts.signal.throwIfAborted();
        left = paths.slice(at);
        await work(paths.slice(at, at + AT_ONCE));
      }
    }
    await run.rest();
  } catch (thrown) {
    if (!(thrown instanceof RunOver)) throw thrown;
    const behind = phases
      .slice(phases.findIndex(([paths]) => paths.includes(left[0]!)) + 1)
      .flatMap(([paths]) => paths);
    for (const { path } of [...left, ...behind].filter((one) => !run.done.has(one.path))) {
      tally.fail({ path, code: thrown.fault.code, message: thrown.fault.message });
    }
    throw thrown;
  }
}

export interface PushAsked {
  readonly asked: Asked;
  readonly tally: Tally;
}

export const isWanted = (path: string, paths: readonly string[] | undefined): boolean =>
  paths === undefined || paths.some((one) => isAtOrBelow(path, one));

interface RunAsked extends PushAsked {
  readonly open: ReadonlyMap<string, ConflictRow>;
}

class PushRun {
  private readonly parts: SyncParts;
  private readonly run: RunAsked;
  /** Paths that need no more. */
  readonly done = new Set<string>();
  /** What was put aside, and has to get there too. */
  private readonly aside: string[] = [];

  constructor(parts: SyncParts, run: RunAsked) {
    this.parts = parts;
    this.run = run;
  }

  private get mount_id(): string {
    return this.parts.mount.mount_id;
  }

  async files(some: readonly PendingPath[]): Promise<void> {
    const ready: Compared[] = [];
    await this.all(some, async ({ path, attempt }) => {
      const { asked, tally, open } = this.run;
      const conflict = open.get(path);
      if (conflict && !asked.resolution) tally.report(conflict);
      else {
        const compared = await compare(this.parts, path, attempt);
        if (compared && (await this.decided(compared))) {
          ready.push(compared);
          return;
        }
      }
      this.done.add(path);
    });
    if (ready.length === 0) return;
    await this.parts.step(attemptPush, { mount_id: this.mount_id, attempts: attemptsOf(ready) });
    const agreed: Agreement[] = [];
    try {
      await this.all(ready, async (compared) => {
        agreed.push(await sendOurs(this.parts, compared, this.endOf(compared.path)));
        this.count(compared);
      });
    } finally {
      if (agreed.length > 0) await this.parts.step(agree, { mount_id: this.mount_id, agreed });
    }
  }

  /** Each by itself, all of them at once; the first that says that the store is gone says it for all, when they have ended. */
  private async all<T extends { readonly path: string }>(
    some: readonly T[],
    work: (one: T) => Promise<void>,
  ): Promise<void> {
    const { parts, run } = this;
    const ended = await Promise.allSettled(
      some.map((one) =>
        onPath(parts, run.tally, { path: one.path, work: () => this.again(one.path, () => work(one)) }),
      ),
    );
    for (const one of ended) if (one.status === 'rejected' && !(one.reason instanceof RunOver)) throw one.reason;
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  private async again(path: string, work: () => Promise<void>): Promise<void> {
    let next = work;
    for (let tries = 1; ; tries++) {
      try {
        await next();
        return;
      } catch (thrown) {
        if (!(thrown instanceof Moved)) throw thrown;
        if (tries === TRIES_MAX) throw new BackendError('CHANGED', `${path} kept changing`);
        next = () => this.alone(path);
      }
    }
  }

  /** Compared and settled by itself, with what was on its way there. */
  private async alone(path: string): Promise<void> {
    const compared = await compare(this.parts, path, undefined);
    if (!compared || !(await this.decided(compared))) return;
    await this.parts.step(attemptPush, { mount_id: this.mount_id, attempts: attemptsOf([compared]) });
    const agreed = await sendOurs(this.parts, compared, this.endOf(path));
    this.count(compared);
    await this.parts.step(agree, { mount_id: this.mount_id, agreed: [agreed] });
  }

  private count({ path, ours }: Compared): void {
    const { tally } = this.run;
    this.done.add(path);
    tally.pushed++;
    tally.bytesPushed += ours.local?.size ?? 0;
  }

  /** Does all that needs no push; true where ours is to be sent. */
  private async decided(compared: Compared): Promise<boolean> {
    const { asked } = this.run;
    switch (compared.decision) {
      case 'push':
        if (asked.dry_run) this.count(compared);
        return !asked.dry_run;
      case 'agree':
        if (!asked.dry_run)
          await this.parts.step(agree, {
            mount_id: this.mount_id,
            agreed: [agreementOf(compared, this.endOf(compared.path))],
          });
        return false;
      case 'pull':
        // Ours is what it was before: what waits for the store is nothing.
        if (!asked.dry_run) await takeIn(this.parts, compared, this.endOf(compared.path));
        return false;
      case 'conflict':
        await this.conflict(compared);
        return false;
    }
  }

  /** A conflict that was open and is none any more ends with what its path comes to. */
  private endOf(path: string): Settled | undefined {
    const conflict = this.run.open.get(path);
    return conflict && endOf(conflict, this.run.asked.resolution);
  }

  private async conflict(compared: Compared): Promise<void> {
    const { asked, tally, open } = this.run;
    if (asked.dry_run) {
      tally.detected++;
      return;
    }
    const known = open.get(compared.path);
    const conflict = await noteConflict(this.parts, compared);
    if (conflict.conflict_id !== known?.conflict_id) tally.detected++;
    const other = asked.conflict_id !== undefined && asked.conflict_id !== conflict.conflict_id;
    if (!asked.resolution || other) {
      tally.report(conflict);
      return;
    }
    const name = await resolve(this.parts, compared, { conflict, resolution: asked.resolution });
    tally.resolved++;
    if (name !== undefined) this.aside.push(name);
  }

  /** What was put aside goes to the store like any other file. */
  async rest(): Promise<void> {
    for (const path of this.aside.splice(0)) await this.all([{ path }], () => this.alone(path));
  }

  async directories(some: readonly PendingPath[]): Promise<void> {
    for (const one of some) await this.all([one], () => this.directory(one));
  }

  private async directory(one: PendingPath): Promise<void> {
    const { path, change, revision } = one;
    const { parts, run } = this;
    const { backend, mount, signal } = parts;
    const inside = insideOf(mount, path);
    const entry = await backend.stat(inside, signal);
    const wanted = change === 'mkdir';
    if (entry?.kind === 'file') {
      if (wanted) await this.replaceFile(one, entry.tag);
    } else if (wanted !== (entry !== undefined)) {
      if (run.asked.dry_run || (await this.changeDirectory(inside, wanted))) run.tally.pushed++;
    }
    if (run.asked.dry_run) return;
    await parts.step(agree, { mount_id: mount.mount_id, agreed: [{ path, revision, etag: null, there: null }] });
  }

  /** A directory takes the place of a file that is as it was remembered. */
  private async replaceFile({ path, base_tag }: PendingPath, tag: string): Promise<void> {
    const { backend, mount, signal } = this.parts;
    if (tag !== base_tag) throw new BackendError('NOT_A_DIRECTORY', `a file is where the directory ${path} is to be`);
    if (this.run.asked.dry_run) return;
    const inside = insideOf(mount, path);
    await backend.remove(inside, { expect: tag, signal });
    await backend.makeDirectory(inside, signal);
    this.run.tally.pushed++;
  }

  /** Where somebody else has put a file into it, it stays: a deletion yields to that. False where nothing has changed. */
  private async changeDirectory(inside: string, wanted: boolean): Promise<boolean> {
    const { backend, signal } = this.parts;
    if (wanted) {
      await backend.makeDirectory(inside, signal);
      return true;
    }
    const folders: string[] = [];
    for await (const { entries, left_out } of backend.list(inside, { recursive: true, signal })) {
      if (left_out > 0 || entries.some(({ kind }) => kind === 'file')) return false;
      folders.push(...entries.map(({ path }) => path));
    }
    // Those below come first.
    for (const folder of [inside, ...folders.sort()].reverse()) {
      await backend.removeDirectory(folder, { recursive: false, signal }).catch((thrown: unknown) => {
        if (!(thrown instanceof BackendError && thrown.code === 'NOT_EMPTY')) throw thrown;
      });
    }
    return true;
  }
}
