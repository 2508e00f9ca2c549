/**
 * A worker: claims jobs of executor `nexus` and runs them. Guarantees: at most `slots` at a time; a lease is renewed each
 * third of it, and a handler whose attempt was taken away is aborted; what an attempt gave is kept until the database has
 * taken it; a stop waits for the jobs in hand as long as it may, aborts the others and gives them back.
 *
 * Outcomes and claims of one moment share a transaction, so the more there is to do, the less each costs.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogFields } from '../../base/log.ts';
import type { LogEvent } from '../../base/log-events.ts';
import type { BrickBoard } from '../../core/brick-board.ts';
import type { Offer } from '../../core/call/job-hands.ts';
import type { Rings } from '../../core/rings.ts';
import type { Runner } from '../../core/transact.ts';
import { type ClaimedJob, takenBy } from '../../features/jobs/claimed.ts';
import { ENDED, HOUSEWORK, WAITING } from '../../features/jobs/topics.ts';
import {
  beatWorker,
  heldStill,
  leaveWorker,
  ownJob,
  ROLL,
  recoverJob,
  renewJobs,
  workOnJobs,
} from '../../features/jobs/worker-steps.operations.ts';
import { asWorker, type RunStep, systemSteps } from '../system.ts';
import { type AttemptParts, attemptJob, failedBy, STOPPED, TAKEN } from './attempt.ts';
import { Due } from './due.ts';
import { Ends } from './ends.ts';
import { tellingFailures } from './failures.ts';
import { Hands } from './hands.ts';
import { Lanes } from './lanes.ts';
import { presenceOf, workerId } from './presence.ts';
import type { Ended, InHand, Run } from './runs.ts';
import type { WorkerSettings } from './settings.ts';

export interface WorkerParts extends AttemptParts {
  readonly runner: Runner;
  readonly rings: Rings;
  readonly bricks: Pick<BrickBoard, 'waitingTypes' | 'onChange'>;
  readonly settings: WorkerSettings;
}

/** One that lasts keeps no other waiting. */
const HOUSE_SLOTS = 2;

export class Worker {
  readonly worker_id: string;
  processed = 0;
  failures = 0;
  private readonly parts: WorkerParts;
  private readonly step: RunStep;
  private readonly running = new Map<string, Run>();
  private readonly hands = new Hands();
  private readonly ends: Ends;
  /** Ends what it began to listen to and to look at. */
  private readonly ending: (() => void)[] = [];
  /** Where attempts are ended and jobs claimed, as many as the sizes say; and where leases are renewed. */
  private readonly working: Lanes;
  private readonly renewing: Lanes;
  private readonly startedAt: number;
  private status: 'active' | 'draining' = 'active';
  private claimed = 0;
  private closed = false;
  /** Slots that wait for a job which somebody is about to queue. */
  private offered = 0;
  /** Handlers of the server's own jobs; none is left behind. */
  private readonly housework = new Set<Promise<unknown>>();
  private readonly due: Due;
  /** Of the monotonic clock, in milliseconds. */
  private nextRenewal = 0;
  /** Somebody said that there may be something to do. */
  private woken = true;
  private wake: () => void = () => undefined;
  private pumping: Promise<void> | undefined;
  private beating: Promise<unknown> = Promise.resolve();
  private readonly warn: (thrown: unknown) => void;

  constructor(parts: WorkerParts, startedAt: number) {
    this.parts = parts;
    this.startedAt = startedAt;
    this.worker_id = workerId(parts.settings.name);
    this.step = systemSteps(parts.runner, asWorker(this.worker_id));
    this.due = new Due({ step: this.step, bricks: parts.bricks, pollMs: parts.settings.pollMs });
    this.warn = tellingFailures(parts.log, 'worker.failed', { fields: { worker_name: this.worker_id } });
    this.ends = new Ends(({ job }, thrown) => failedBy(thrown, { job, log: parts.log }));
    this.working = new Lanes({ failed: this.warn, over: () => this.nudge() });
    this.renewing = new Lanes({ failed: this.warn });
  }

  start(): void {
    const { settings, rings, bricks } = this.parts;
    const { beatMs, pollMs, leaseMs } = settings;
    if (settings.claims) this.every(beatMs, () => this.beat());
    this.every(Math.min(pollMs, leaseMs / 3), () => this.look());
    for (const topic of [WAITING, ENDED]) this.ending.push(rings.listen(topic, () => this.nudge()));
    const housework = (): void => {
      this.putAside();
      this.due.hasHousework();
      this.nudge();
    };
    if (settings.keepsHouse) this.ending.push(rings.listen(HOUSEWORK, housework));
    this.ending.push(bricks.onChange(housework));
    if (settings.claims) this.beating = this.beat().catch(this.warn);
    this.pumping = this.pump();
    this.say('worker.started');
  }

  /** Runs the next job that is due, if there is one. */
  async once(): Promise<void> {
    await this.beat();
    this.say('worker.started');
    await this.round();
    while (this.isBusy) {
      await this.look();
      if (this.ends.size > 0) await this.round();
      else await this.pause(this.parts.settings.pollMs);
    }
  }

  /** Works until as many jobs as it may claim have ended, or until it is stopped. */
  async run(): Promise<void> {
    this.start();
    await this.pumping;
  }

  /** No more claims from now on. */
  retire(): void {
    if (this.status === 'active') this.say('worker.draining', { running: this.running.size });
    this.status = 'draining';
  }

  /** What still runs when its time is over, of the monotonic clock, is given back. */
  async stop(until = performance.now() + this.parts.settings.drainMs): Promise<void> {
    const { settings } = this.parts;
    this.retire();
    if (settings.claims && this.running.size > 0) await this.beat().catch(() => undefined);
    for (const run of this.running.values()) if (run.lane === 'house') run.abort.abort(STOPPED);
    await Promise.all(this.housework);
    while (this.isBusy && performance.now() < until) await this.pause(Math.min(50, until - performance.now()));
    await this.giveBack();
    if (this.ends.size > 0) await this.round().catch(this.warn);
    this.closed = true;
    for (const end of this.ending) end();
    this.nudge();
    await Promise.all([this.pumping, this.working.idle()]);
    // What was claimed meanwhile.
    await this.giveBack();
    await this.beating.catch(() => undefined);
    await this.step(leaveWorker, ROLL, { worker_id: this.worker_id }).catch(() => undefined);
    this.say('worker.stopped');
  }

  /** The server's own jobs for what is off go on when it is there again. */
  private putAside(): void {
    const { waitingTypes } = this.parts.bricks;
    for (const run of this.running.values()) {
      if (run.lane === 'house' && waitingTypes.includes(run.type)) run.abort.abort(STOPPED);
    }
  }

  private get isBusy(): boolean {
    return this.running.size + this.ends.size + this.offered > 0 || this.working.isBusy;
  }

  /** One that claims nothing is no worker to whoever reads the log. */
  private say(event: LogEvent, more: LogFields = {}): void {
    if (this.parts.settings.claims) this.parts.log('info', event, { worker_name: this.worker_id, ...more });
  }

  private nudge(): void {
    this.woken = true;
    this.wake();
  }

  private every(ms: number, work: () => Promise<unknown>): void {
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      work()
        .catch(this.warn)
        .finally(() => {
          busy = false;
        });
    }, ms);
    this.ending.push(() => clearInterval(timer));
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async pump(): Promise<void> {
    const { pollMs, maxJobs } = this.parts.settings;
    while (!this.closed && !(this.claimed >= maxJobs && !this.isBusy)) {
      this.woken = false;
      const worked = await this.round().catch((thrown: unknown) => {
        this.warn(thrown);
        return 'failed' as const;
      });
      // Handlers that end at once have ended then: their ends and the next claims share a transaction.
      if (worked === true) await nextTurn();
      if (worked === true || (this.woken && worked === false)) continue;
      await this.pause(pollMs);
    }
  }

  /** Tells what has ended and claims what is next; false where there was neither. */
  private async round(): Promise<boolean> {
    const limit = Math.min(this.free, this.parts.settings.maxJobs - this.claimed - this.working.size);
    const [due, housework] = await Promise.all([
      this.due.zones(limit, (zone_id) => this.working.isFree(zone_id)),
      this.due.housework(this.freeForHouse),
    ]);
    const wanted = new Map(due.map(({ zone_id, n }) => [zone_id, n]));
    const zones = [...wanted.keys(), ...this.ends.zones, ...(housework > 0 ? ['root'] : [])];
    const claims = new Map(zones.map((zone_id) => [zone_id, wanted.get(zone_id) ?? 0]));
    const begun = await this.working.each(claims, (zone_id) =>
      this.workIn(zone_id, { claim: claims.get(zone_id) ?? 0, housework: zone_id === 'root' ? housework : 0 }),
    );
    return begun > 0;
  }

  private get free(): number {
    const { claims, slots } = this.parts.settings;
    return claims && this.status === 'active' ? slots - this.offered - this.busy('slot') - this.working.size : 0;
  }

  private busy(lane: Run['lane']): number {
    return [...this.running.values()].filter((run) => run.lane === lane).length;
  }

  /** Jobs of the server itself that it may take now. */
  private get freeForHouse(): number {
    return this.parts.settings.keepsHouse && this.status === 'active' ? HOUSE_SLOTS - this.busy('house') : 0;
  }

  private async workIn(
    zone_id: string,
    { claim, housework }: { readonly claim: number; readonly housework: number },
  ): Promise<void> {
    const telling = this.ends.take(zone_id);
    const ended = telling.ends.map(({ job, outcome }) => ({ job, outcome }));
    const { leaseMs } = this.parts.settings;
    try {
      const wanted = telling.alone ? { claim: 0, housework: 0 } : { claim, housework };
      const without = [...this.parts.bricks.waitingTypes];
      const input = { ended, ...wanted, without, worker_id: this.worker_id, lease_ms: leaseMs };
      const { claimed } = await this.step(workOnJobs, zone_id, input);
      const own = claimed.filter(({ job }) => job.door !== 'house').length;
      this.claimed += own;
      if (own < wanted.claim) this.due.hadFewer();
      this.over(telling.ends);
      for (const one of claimed) {
        this.begin(one, { lane: one.job.door === 'house' ? 'house' : 'slot', settled: () => undefined });
      }
    } catch (thrown) {
      this.over(this.ends.refused(zone_id, telling, thrown));
      throw thrown;
    }
  }

  /** Nothing more is told of these. */
  private over(ends: readonly Ended[]): void {
    for (const { job } of ends) this.hands.drop(job.job_id, job.attempt);
    for (const { settled } of ends) settled();
  }

  /** Runs a job that was claimed in its name; resolves when the database has been told of the end of its attempt. */
  async runHanded({ zone_id, job_id }: { readonly zone_id: string; readonly job_id: string }): Promise<void> {
    const claimed = await this.step(ownJob, zone_id, { job_id, worker_id: this.worker_id });
    if (!claimed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begin(claimed, { lane: 'handed', settled: resolve });
    await promise;
  }

  /** A slot for a job that is about to be queued, so that the transaction which queues it may claim it too. */
  offer(type: string): Offer | undefined {
    const { settings, bricks } = this.parts;
    const { waitingTypes: without } = bricks;
    if (this.free <= 0 || settings.maxJobs < Number.POSITIVE_INFINITY || without.includes(type)) return undefined;
    this.offered++;
    return { worker_id: this.worker_id, leaseMs: settings.leaseMs, without: [...without] };
  }

  /** Runs the job that was queued under an offer, if it was claimed for it; else it waits for whoever is first. */
  answer(offer: Offer, job: { readonly zone_id: string; readonly job_id: string } | undefined): void {
    const known = job && takenBy(offer);
    if (!job || known) {
      this.endOffer(job, known);
      return;
    }
    const isNews = this.hands.ask(job.job_id);
    this.step(ownJob, job.zone_id, { job_id: job.job_id, worker_id: this.worker_id })
      .catch((thrown: unknown) => this.warn(thrown))
      .then((claimed) => this.endOffer(job, (isNews() && claimed) || undefined));
  }

  private endOffer(job: unknown, claimed: ClaimedJob | undefined): void {
    this.offered--;
    if (claimed && !this.closed) this.begin(claimed, { lane: 'slot', settled: () => undefined });
    else if (job) this.parts.rings.ring(WAITING);
    if (!claimed) this.nudge();
  }

  private begin(claimed: ClaimedJob, how: Pick<Run, 'lane' | 'settled'>): void {
    const { job } = claimed;
    if (!this.hands.begin(job.job_id, job.attempt)) {
      how.settled();
      return;
    }
    const abort = new AbortController();
    const run: Run = { type: job.type, zone_id: job.zone_id, attempt: job.attempt, abort, ...how };
    // Its lease is fresh, and nobody else's is older.
    if (this.running.size === 0) this.nextRenewal = performance.now() + this.parts.settings.leaseMs / 3;
    this.takeAway(job.job_id);
    this.running.set(job.job_id, run);
    const attempting = attemptJob(this.parts, claimed, abort).then((outcome) => {
      this.housework.delete(attempting);
      // It was taken away meanwhile: nobody asks for what it gave.
      if (this.running.get(job.job_id) !== run) return;
      this.running.delete(job.job_id);
      if (run.lane !== 'house') this.processed++;
      if (run.lane !== 'house' && outcome.kind === 'failed') this.failures++;
      // Its end is told with the row as it was claimed. Payloads are large, and only the server's own are asked for then.
      const kept = run.lane === 'house' ? job : { ...job, payload: '' };
      this.ends.add(job.zone_id, [{ job: kept, outcome, settled: run.settled }]);
      this.nudge();
    });
    if (run.lane === 'house') this.housework.add(attempting);
  }

  /** Looks whether the jobs in hand are still its own, and renews their leases in time. */
  private async look(): Promise<void> {
    if (this.running.size === 0) return;
    const before = [...this.running];
    if (performance.now() < this.nextRenewal) {
      return this.keepOnly(before, await this.step(heldStill, 'root', { job_ids: before.map(([job_id]) => job_id) }));
    }
    this.nextRenewal = performance.now() + this.parts.settings.leaseMs / 3;
    const zones = Map.groupBy(before, ([, { zone_id }]) => zone_id);
    const sizes = new Map([...zones].map(([zone_id, { length }]) => [zone_id, length]));
    await this.renewing.each(sizes, async (zone_id) => {
      const own = zones.get(zone_id) ?? [];
      const held = await this.renew(zone_id, own).catch((thrown: unknown) => {
        this.nextRenewal = 0;
        throw thrown;
      });
      this.keepOnly(own, held);
    });
  }

  /** Those in hand that are its own no longer are let go. */
  private keepOnly(before: InHand, held: readonly { readonly job_id: string; readonly attempt: number }[]): void {
    const known = new Set(held.map(({ job_id, attempt }) => `${job_id} ${attempt}`));
    for (const [job_id, run] of before) {
      if (known.has(`${job_id} ${run.attempt}`) || this.running.get(job_id) !== run) continue;
      this.takeAway(job_id);
      this.nudge();
    }
  }

  /** The attempt in hand is over: whoever is at it is told, and what it gives is dropped. */
  private takeAway(job_id: string): void {
    const run = this.running.get(job_id);
    if (!run) return;
    this.running.delete(job_id);
    this.hands.drop(job_id, run.attempt);
    if (run.lane !== 'house') this.processed++;
    run.abort.abort(TAKEN);
    run.settled();
  }

  private renew(zone_id: string, runs: InHand) {
    const jobs = runs.map(([job_id, { attempt }]) => ({ job_id, zone_id, attempt }));
    return this.step(renewJobs, zone_id, { jobs, worker_id: this.worker_id, lease_ms: this.parts.settings.leaseMs });
  }

  private beat(): Promise<unknown> {
    const { worker_id, status, processed, failures: failed, startedAt: started_at } = this;
    const worker = presenceOf(this.parts.settings, { worker_id, status, processed, failed, started_at });
    return this.step(beatWorker, ROLL, { worker });
  }

  private async giveBack(): Promise<void> {
    for (const [job_id, { zone_id, attempt }] of [...this.running]) {
      this.takeAway(job_id);
      await this.step(recoverJob, zone_id, { job_id, attempt, worker_id: this.worker_id }).catch(this.warn);
    }
  }
}
