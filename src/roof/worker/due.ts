/** What there is to do for a worker. Guarantees: it is not looked for more often than it has to be: most of what a short job costs is asking. */
import type { BrickBoard } from '../../core/brick-board.ts';
import { dueHousework } from '../../features/jobs/house.operations.ts';
import { dueJobs } from '../../features/jobs/worker-steps.operations.ts';
import type { RunStep } from '../system.ts';

const BUSY_ZONE_MS = 50;

export interface DueParts {
  readonly step: RunStep;
  readonly bricks: Pick<BrickBoard, 'waitingTypes'>;
  readonly pollMs: number;
}

export class Due {
  private readonly parts: DueParts;
  /** Of the monotonic clock, in milliseconds. */
  private nextHouseLook = 0;
  /** A zone that had all of the next jobs, and until when that is taken to be so. */
  private busyZone: { readonly zone_id: string; readonly until: number } | undefined;

  constructor(parts: DueParts) {
    this.parts = parts;
  }

  /** Zones with the next jobs. While one zone has them all, it is asked again without a look at the others, for a short time. */
  async zones(
    limit: number,
    isFree: (zone_id: string) => boolean,
  ): Promise<readonly { readonly zone_id: string; readonly n: number }[]> {
    if (limit <= 0) return [];
    const { zone_id, until } = this.busyZone ?? { zone_id: '', until: 0 };
    if (performance.now() < until && isFree(zone_id)) return [{ zone_id, n: limit }];
    const due = await this.parts.step(dueJobs, 'root', { limit, without: this.without() });
    const [only] = due;
    const alone = only !== undefined && due.length === 1 && only.n === limit;
    this.busyZone = alone ? { zone_id: only.zone_id, until: performance.now() + BUSY_ZONE_MS } : undefined;
    return due;
  }

  /** A zone had fewer than it was asked for. */
  hadFewer(): void {
    this.busyZone = undefined;
  }

  /** Jobs of the server itself. They are not looked for each time that others do come. */
  async housework(limit: number): Promise<number> {
    if (limit <= 0 || performance.now() < this.nextHouseLook) return 0;
    this.nextHouseLook = performance.now() + this.parts.pollMs / 2;
    return this.parts.step(dueHousework, 'root', { limit, without: this.without() });
  }

  /** Somebody said that there is some of that. */
  hasHousework(): void {
    this.nextHouseLook = 0;
  }

  private without(): string[] {
    return [...this.parts.bricks.waitingTypes];
  }
}
