/**
 * Times and ends of jobs, by type (infrastructure.md §11). Guarantees: a type that is none of the server's is `other`, so
 * memory stays level whatever clients call their tasks.
 */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { JobMove } from './call/told.ts';
import { METRICS, type MetricName } from './metric-table.ts';
import { noSamples, observe, type Timing, type TimingJson, timingJson } from './timing.ts';

/** Seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600];
const WAIT = 'job.wait.ms';
/** Moves after which a job is finished. */
const ENDS: ReadonlySet<JobMove['move']> = new Set(['succeeded', 'failed', 'cancelled']);

export class JobFigures {
  private readonly types: ReadonlySet<string>;
  private readonly durations: Histogram<string>;
  private readonly waits: Histogram<string>;
  private readonly finished: Counter<string>;
  private readonly timings = new Map<string, Timing>();

  constructor(registry: Registry, types: readonly string[]) {
    this.types = new Set(types);
    const registers = [registry];
    const declared = <N extends MetricName>(name: N) => ({
      name,
      help: METRICS[name].help,
      labelNames: METRICS[name].labels,
      registers,
    });
    this.durations = new Histogram({ ...declared('nexus_job_duration_seconds'), buckets: BUCKETS });
    this.waits = new Histogram({ ...declared('nexus_job_wait_seconds'), buckets: BUCKETS });
    this.finished = new Counter(declared('nexus_jobs_finished_total'));
  }

  moved({ move, job_type: given, wait_ms, duration_ms }: JobMove): void {
    const job_type = this.types.has(given) ? given : 'other';
    if (ENDS.has(move)) this.finished.inc({ job_type, status: move });
    if (wait_ms !== undefined) this.took(WAIT, this.waits.labels({ job_type }), wait_ms);
    if (duration_ms !== undefined) this.took(`job.${job_type}.ms`, this.durations.labels({ job_type }), duration_ms);
  }

  private took(key: string, histogram: { observe(seconds: number): void }, ms: number): void {
    const timing = this.timings.get(key) ?? noSamples();
    this.timings.set(key, timing);
    observe(timing, ms);
    histogram.observe(ms / 1000);
  }

  json(): Readonly<Record<string, TimingJson>> {
    return Object.fromEntries([...this.timings].map(([key, timing]) => [key, timingJson(timing)]));
  }
}
