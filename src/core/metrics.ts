/**
 * Figures of this node since its start, in one registry that is told in two forms (files.md §12, infrastructure.md §11).
 * Guarantees: a label is a route template, a method name or a fault code, never a path or a name that a client chose, so
 * memory stays level. What a request leaves here is one entry of a list, which is counted when it is long or asked for.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import { type Distribution, distribution, observe as observeIn } from '../base/distribution.ts';
import type { Decisions } from '../features/access/grant-cache.ts';
import type { Commits } from '../ports/sql.ts';
import type { IngestedFile } from './call/notes.ts';
import type { JobMove } from './call/told.ts';
import { histogramText, labelsText, metricText, type Spread } from './exposition.ts';
import { JobFigures } from './job-figures.ts';
import {
  COUNTS,
  type CountKey,
  countName,
  GAUGES,
  type GaugeKey,
  gaugeName,
  METRICS,
  type MetricName,
  STATUS_HELP,
  type StatusKey,
} from './metric-table.ts';
import { noSamples, observe, type Timing, type TimingJson, timingJson } from './timing.ts';

/** Seconds. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Figures that are asked for at each scrape, by their short names. */
const PROBES = {
  up: 'nexus_up',
  healthyNodes: 'nexus_healthy_nodes',
  statements: 'nexus_sql_statements_total',
  files: 'nexus_files',
  blobBytes: 'nexus_blob_bytes',
  databaseUp: 'nexus_db_up',
  memory: 'process_resident_memory_bytes',
  cpu: 'process_cpu_seconds_total',
} as const satisfies Record<string, MetricName>;

export type ProbeName = keyof typeof PROBES;
export type ProbeValues = Readonly<Partial<Record<ProbeName, number>>>;

/** What is asked for at each scrape. */
export interface Figures {
  readonly probes: ProbeValues;
  readonly gauges: Readonly<Partial<Record<GaugeKey, number>>>;
  readonly commits: Commits;
  readonly decisions: readonly Decisions[];
}

/** As the table has it, for the registry. */
const declared = <N extends MetricName>(name: N) => ({
  name,
  help: METRICS[name].help,
  labelNames: METRICS[name].labels,
});

/** Observations that wait to be counted, at most. */
const UNCOUNTED_MOST = 1_024;

interface Series {
  readonly counter: { inc(by: number): void };
  /** What the counter has not been told yet. */
  uncounted: number;
  /** Of the time that it takes, in seconds. */
  readonly values: Distribution;
  /** Counter of the JSON form; its timing is that of all requests. */
  readonly status?: StatusKey;
}

interface Observed {
  readonly series: Series;
  readonly seconds: number;
}

export interface JsonMetrics {
  readonly counters: Readonly<Record<string, number>>;
  readonly timings: Readonly<Record<string, TimingJson>>;
  readonly gauges: Readonly<Record<string, number>>;
}

export class Metrics {
  private readonly registry = new Registry();
  private readonly requests: Counter<string>;
  private readonly inProgress: Gauge<string>;
  private readonly operations: Counter<string>;
  private readonly messages: Counter<string>;
  private readonly plugins: Counter<string>;
  private readonly documents: Counter<string>;
  private readonly atoms: Counter<string>;
  private readonly counts = new Map<CountKey | StatusKey, number>();
  /** The series that were written before, so that the usual request looks its labels up once. */
  private readonly series = new Map<string, Series>();
  /** Told beside the registry: a histogram of it looks its labels up at each observation. */
  private readonly spreads = { requests: new Map<string, Spread>(), operations: new Map<string, Spread>() };
  private observed: Observed[] = [];
  private serving = 0;
  private readonly requestTiming: Timing = noSamples();
  private readonly jobs: JobFigures;

  /** `jobTypes`: those that have figures of their own. */
  constructor(jobTypes: readonly string[] = []) {
    const registers = [this.registry];
    this.jobs = new JobFigures(this.registry, jobTypes);
    this.requests = new Counter({ ...declared('http_requests_total'), registers });
    this.inProgress = new Gauge({ ...declared('http_requests_in_progress'), registers });
    this.operations = new Counter({ ...declared('nexus_operations_total'), registers });
    this.messages = new Counter({ ...declared('nexus_mcp_requests_total'), registers });
    this.plugins = new Counter({ ...declared('nexus_plugin_runs_total'), registers });
    this.documents = new Counter({ ...declared('nexus_ingest_documents_total'), registers });
    this.atoms = new Counter({ ...declared('nexus_ingest_atoms_total'), registers });
  }

  requestBegan(): void {
    this.serving++;
  }

  /** `endpoint` is a route template or an RPC method; `unknown` for a route that is none. */
  requestEnded(request: { method: string; status: number; endpoint: string; seconds: number }): void {
    const { method, endpoint, status, seconds } = request;
    const name = `${method} ${endpoint} ${status}`;
    const series =
      this.series.get(name) ??
      this.remember(name, {
        uncounted: 0,
        counter: this.requests.labels({ method, endpoint, status: String(status) }),
        values: spreadIn(this.spreads.requests, { method, endpoint }),
        status: `http.status.${status}`,
      });
    this.serving--;
    this.observe(series, seconds);
  }

  /** `status` is that of HTTP. */
  messageEnded(method: string, status: number): void {
    this.messages.inc({ method, status: String(status) });
  }

  operationEnded(operation: string, outcome: string, seconds: number): void {
    const name = `${operation} ${outcome}`;
    const series =
      this.series.get(name) ??
      this.remember(name, {
        uncounted: 0,
        counter: this.operations.labels({ operation, outcome }),
        values: spreadIn(this.spreads.operations, { operation, outcome }),
      });
    this.observe(series, seconds);
  }

  private observe(series: Series, seconds: number): void {
    this.observed.push({ series, seconds });
    if (this.observed.length >= UNCOUNTED_MOST) this.countObserved();
  }

  private countObserved(): void {
    const { observed } = this;
    this.observed = [];
    for (const { series, seconds } of observed) {
      series.uncounted++;
      observeIn(series.values, seconds);
      if (series.status !== undefined) observe(this.requestTiming, seconds * 1000);
    }
    for (const { series } of observed) countUncounted(series, this.counts);
  }

  /** Names are of templates, methods and codes, so there are only so many. */
  private remember(name: string, series: Series): Series {
    this.series.set(name, series);
    return series;
  }

  /** An attempt to run a plugin; names are those of the registry. */
  pluginRan(plugin: string, outcome: string): void {
    this.plugins.inc({ plugin, outcome });
  }

  ingested({ modality, status, made }: IngestedFile): void {
    this.documents.inc({ modality, status });
    for (const { level, atoms } of made) this.atoms.inc({ level }, atoms);
  }

  /** A counter of the JSON form. */
  count(key: CountKey | StatusKey, by = 1): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + by);
  }

  /** Something happened to a job. */
  jobMoved(move: JobMove): void {
    if (move.house) return;
    this.count(`jobs.${move.move}`);
    this.jobs.moved(move);
  }

  /** The exposition, text format 0.0.4. */
  async exposition(figures: Figures): Promise<string> {
    this.countObserved();
    this.inProgress.set(this.serving);
    const { requests, operations } = this.spreads;
    const own =
      (await this.registry.metrics()) +
      histogramText(declared('http_request_duration_seconds'), ...requests.values()) +
      histogramText(declared('nexus_operation_duration_seconds'), ...operations.values());
    return `${own}${doubled(own)}${this.countersText()}${figuresText(figures)}`;
  }

  json({ probes, gauges }: Figures): JsonMetrics {
    this.countObserved();
    const served = this.requestTiming.count > 0;
    const requests: JsonMetrics['timings'] = served ? { 'http.request.ms': timingJson(this.requestTiming) } : {};
    const timings: JsonMetrics['timings'] = { ...requests, ...this.jobs.json() };
    const named = Object.entries(probes).map(([name, value]) => [PROBES[name as ProbeName], value] as const);
    return { counters: Object.fromEntries(this.counts), timings, gauges: { ...gauges, ...Object.fromEntries(named) } };
  }

  /** Counters of the JSON form. */
  private countersText(): string {
    return [...this.counts]
      .map(([key, value]) => metricText({ name: countName(key), help: helpOf(key), kind: 'counter' }, { value }))
      .join('');
  }
}

const isStatus = (key: CountKey | StatusKey): key is StatusKey => key.startsWith('http.status.');
const helpOf = (key: CountKey | StatusKey): string => (isStatus(key) ? STATUS_HELP : COUNTS[key]);

/** The registry looks labels up, so each series is counted once for many of its observations. */
function countUncounted(series: Series, counts: Map<CountKey | StatusKey, number>): void {
  const { uncounted, status } = series;
  if (uncounted === 0) return;
  series.uncounted = 0;
  series.counter.inc(uncounted);
  if (status !== undefined) counts.set(status, (counts.get(status) ?? 0) + uncounted);
}

/** Where the observations with these labels are counted. */
function spreadIn(spreads: Map<string, Spread>, of: Readonly<Record<string, string>>): Distribution {
  const labels = labelsText(of);
  const spread = spreads.get(labels) ?? { labels, values: distribution(REQUEST_BUCKETS) };
  spreads.set(labels, spread);
  return spread.values;
}

/** The request metrics once more under the names that begin with `nexus_`, with `path` beside `endpoint`. */
function doubled(text: string): string {
  return text
    .split('\n')
    .filter((line) => /(^|\s)http_requests?_(total|duration_seconds)/.test(line))
    .map((line) =>
      line.replace(/http_request/, 'nexus_http_request').replace(/endpoint="([^"]*)"/, 'endpoint="$1",path="$1"'),
    )
    .map((line) => `${line}\n`)
    .join('');
}

const probeText = (name: (typeof PROBES)[ProbeName], value: number): string =>
  metricText({ name, help: METRICS[name].help, kind: METRICS[name].kind }, { value });

function figuresText({ probes, gauges, commits, decisions }: Figures): string {
  const values = Object.entries(probes).map(([name, value]) => probeText(PROBES[name as ProbeName], value));
  const asked = Object.entries(gauges).map(([key, value]) =>
    metricText({ name: gaugeName(key), help: GAUGES[key as GaugeKey], kind: 'gauge' }, { value }),
  );
  const checks = (['allowed', 'denied'] as const).flatMap((outcome) =>
    (['cached', 'read'] as const).map((how) => ({
      labels: `outcome="${outcome}",cached="${how === 'cached' ? 'yes' : 'no'}"`,
      value: decisions.reduce((sum, one) => sum + one[outcome][how], 0),
    })),
  );
  return [
    ...values,
    ...asked,
    histogramText(declared('nexus_commit_duration_seconds'), { values: commits.seconds }),
    histogramText(declared('nexus_commit_writes'), { values: commits.writes }),
    metricText({ ...declared('nexus_access_checks_total'), kind: 'counter' }, ...checks),
  ].join('');
}
