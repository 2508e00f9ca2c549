/**
 * Every figure that a server tells, in one table (files.md §12, infrastructure.md §11): what is counted and shown is typed by
 * it, docs/metrics.md is made from it, and a test compares it with what a server answers.
 */

export interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Key of the JSON form; `<x>` stands for the value of a label. */
  readonly json?: string;
}

const row = (kind: MetricRow['kind'], help: string, more: Partial<MetricRow> = {}): MetricRow => ({
  kind,
  help,
  labels: [],
  ...more,
});
const counter = (help: string, labels: readonly string[] = []): MetricRow => row('counter', help, { labels });
const gauge = (help: string): MetricRow => row('gauge', help);

/** Counters by the key of the JSON form; in the exposition `nexus_<key>_total`. */
export const COUNTS = {
  'jobs.submitted': 'Jobs that were queued on this node.',
  'jobs.started': 'Attempts at jobs that began on this node.',
  'jobs.succeeded': 'Jobs that succeeded on this node.',
  'jobs.failed': 'Jobs that failed for good on this node.',
  'jobs.retried': 'Attempts after which a job waits for another.',
  'jobs.cancelled': 'Jobs that were cancelled on this node.',
  'jobs.recovered': 'Leases that were lost and taken back.',
  'auth.success': 'Requests with a credential that works.',
  'auth.failure': 'Credentials that were presented and do not work.',
  'auth.denied': 'Calls that were refused for their role or mode.',
  'rate.limited': 'Requests that were refused for their rate.',
  'otel.dropped': 'Spans that did not get to the collector.',
} as const satisfies Readonly<Record<string, string>>;
export type CountKey = keyof typeof COUNTS;

/** Counters of requests by the status of their answer, each a name of its own like those of {@link COUNTS}. */
export type StatusKey = `http.status.${number}`;
export const STATUS_HELP = 'Requests answered with that status.';

/** Gauges by the key of the JSON form; in the exposition `nexus_<key>`. Asked at each scrape. */
export const GAUGES = {
  nodes: 'Nodes that are known: those that serve, drain, or are missing.',
  'backup.last_success_timestamp_seconds':
    'When the newest good backup was made; 0: there was none; asked of the database.',
  'backup.last_failure_timestamp_seconds': 'When a backup last failed; 0: none did; asked of the database.',
  'backup.scheduled': 'Backups are made by a schedule; asked of the database.',
  'contents.damaged': 'Stored contents that are not what their hash says, or gone; asked of the database.',
  'contents.checked_timestamp_seconds':
    'When all stored contents had last been read again; 0: not yet; asked of the database.',
  'bricks.off': 'Bricks of this server that are switched off.',
  'db.pool.size': 'Connections to the database that are kept; on SQLite those that are open.',
  'db.pool.checked_out': 'Connections to the database that are in use.',
  'db.pool.overflow': 'Connections to the database beyond those that are kept.',
  'jobs.queued': 'Jobs that wait, of all zones; asked of the database.',
  'jobs.running': 'Jobs that run, of all zones; asked of the database.',
  'jobs.retry_wait': 'Jobs that wait for another attempt, of all zones; asked of the database.',
  'workers.active': 'Workers that were heard of and are not draining; asked of the database.',
} as const satisfies Readonly<Record<string, string>>;
export type GaugeKey = keyof typeof GAUGES;

const REQUEST_LABELS = ['method', 'status', 'endpoint'];

export const METRICS = {
  http_requests_total: counter('HTTP requests answered.', REQUEST_LABELS),
  http_request_duration_seconds: row('histogram', 'Time from the request to the end of its answer.', {
    labels: ['method', 'endpoint'],
    json: 'http.request.ms',
  }),
  http_requests_in_progress: gauge('HTTP requests being served.'),
  nexus_http_requests_total: counter('HTTP requests answered.', [...REQUEST_LABELS, 'path']),
  nexus_http_request_duration_seconds: row('histogram', 'Time from the request to the end of its answer.', {
    labels: ['method', 'endpoint', 'path'],
  }),
  nexus_operations_total: counter('Calls of operations; outcome is ok or the code of a fault.', [
    'operation',
    'outcome',
  ]),
  nexus_operation_duration_seconds: row('histogram', 'Time of an operation, its commit included.', {
    labels: ['operation', 'outcome'],
  }),
  nexus_job_duration_seconds: row(
    'histogram',
    'Time of an attempt at a job; a type that is not the server’s own is other.',
    {
      labels: ['job_type'],
      json: 'job.<job_type>.ms',
    },
  ),
  nexus_job_wait_seconds: row('histogram', 'Time from when a job could start to its start.', {
    labels: ['job_type'],
    json: 'job.wait.ms',
  }),
  nexus_jobs_finished_total: counter('Jobs that reached their last status.', ['job_type', 'status']),
  nexus_mcp_requests_total: counter('Messages that the MCP door took; a method that is none of it is other.', [
    'method',
    'status',
  ]),
  nexus_plugin_runs_total: counter('Runs of plugins of analysis; outcome is ok, unsupported, failed or missing.', [
    'plugin',
    'outcome',
  ]),
  nexus_ingest_documents_total: counter('Documents that were made of files; status is that of the file in its batch.', [
    'modality',
    'status',
  ]),
  nexus_ingest_atoms_total: counter('Atoms that were made of texts.', ['level']),
  nexus_commit_duration_seconds: row('histogram', 'Time of a group commit, its sync included.'),
  nexus_commit_writes: row('histogram', 'Writes of a group commit.'),
  nexus_access_checks_total: counter(
    'Decisions on a permission on a path; cached are those for which no row was read.',
    ['outcome', 'cached'],
  ),
  nexus_up: gauge('This node serves.'),
  nexus_healthy_nodes: gauge('Nodes that are healthy.'),
  nexus_db_up: gauge('The database answers within a second; else what is asked of it is left out.'),
  nexus_sql_statements_total: counter('SQL statements, those whose row was still known included.'),
  nexus_files: gauge('Current files of all zones; asked of the database.'),
  nexus_blob_bytes: gauge('Bytes of all stored contents, each once; asked of the database.'),
  process_resident_memory_bytes: gauge('Resident memory.'),
  process_cpu_seconds_total: counter('CPU time used.'),
} as const satisfies Readonly<Record<string, MetricRow>>;
export type MetricName = keyof typeof METRICS;

/** Name of a key of the JSON form in the exposition. */
export const countName = (key: string): string => `nexus_${key.replaceAll('.', '_')}_total`;
export const gaugeName = (key: string): string => `nexus_${key.replaceAll('.', '_')}`;

const STATUS_KEY = 'http.status.<code>';

/** Every metric of the exposition by its name, those of the JSON form with their key. */
export const allMetrics = (): Readonly<Record<string, MetricRow>> => ({
  ...METRICS,
  [countName(STATUS_KEY)]: row('counter', STATUS_HELP, { json: STATUS_KEY }),
  ...Object.fromEntries(
    Object.entries(COUNTS).map(([key, help]) => [countName(key), row('counter', help, { json: key })]),
  ),
  ...Object.fromEntries(
    Object.entries(GAUGES).map(([key, help]) => [gaugeName(key), row('gauge', help, { json: key })]),
  ),
});
