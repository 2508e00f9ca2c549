/**
 * Zones in which a schedule could not fire. Guarantees: such a zone is left alone for longer after each failure, and then what
 * else is due in it comes first, so what is stuck keeps neither its own zone nor another from being looked at, and costs little;
 * from when the cause is gone on, no instant is missed by that; a failure is told of once a minute for each zone and cause.
 * Nothing is lost with it: what is due stands in rows, and after a kill all of it is tried at once.
 */
import { LATE_MS } from '../../features/jobs/cron.ts';

const REST_MS = 1_000;
/** What came in a rest is still late after it, and not missed: there are two seconds for the looks that follow. */
const REST_MOST_MS = LATE_MS - 2_000;
const TELL_MS = 60_000;

interface Rest {
  until: number;
  failures: number;
  /** Schedules that were tried and failed, since one fired or all had been tried. */
  readonly failed: Set<string>;
  /** When each cause was told. */
  readonly told: Map<string, number>;
}

export interface DueSchedule {
  readonly zone_id: string;
  readonly schedule_id: string;
}

export interface Without {
  readonly zones: string[];
  readonly schedules: string[];
}

export class Rests {
  private readonly zones = new Map<string, Rest>();
  private readonly now: () => number;

  /** Milliseconds of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** What is to be left alone now. */
  without(): Without {
    const now = this.now();
    for (const [zone_id, { until }] of this.zones) if (now - until > TELL_MS) this.zones.delete(zone_id);
    const resting = [...this.zones].filter(([, { until }]) => until > now);
    return {
      zones: resting.map(([zone_id]) => zone_id),
      schedules: [...this.zones.values()].flatMap(({ until, failed }) => (until > now ? [] : [...failed])),
    };
  }

  /** These zones had something due beside what was left alone; where others had not, what failed there comes again. */
  looked(due: ReadonlySet<string>): void {
    const now = this.now();
    for (const [zone_id, { until, failed }] of this.zones) if (until <= now && !due.has(zone_id)) failed.clear();
  }

  fired(zone_id: string): void {
    const rest = this.zones.get(zone_id);
    rest?.failed.clear();
    if (rest) rest.failures = 0;
  }

  /** Is it to be told? */
  failed({ zone_id, schedule_id }: DueSchedule, cause: string): boolean {
    const now = this.now();
    const rest = this.zones.get(zone_id) ?? { until: now, failures: 0, failed: new Set(), told: new Map() };
    this.zones.set(zone_id, rest);
    rest.failures++;
    rest.until = now + Math.min(REST_MOST_MS, REST_MS * rest.failures);
    rest.failed.add(schedule_id);
    if (now - (rest.told.get(cause) ?? Number.NEGATIVE_INFINITY) < TELL_MS) return false;
    rest.told.set(cause, now);
    return true;
  }
}
