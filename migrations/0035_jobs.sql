-- The one queue of durable work. Times are milliseconds of the database's clock.

-- status: queued, retry_wait, blocked (a scheduled job that waits for the one before it), running; succeeded, failed,
-- cancelled. door: how it came: scheduler, api, schedule, feature, house. rank: its tier, lifted where io_wait says so, less
-- its boost; the next job is the due one with the smallest run_at + 120000 * rank. class: 0 interactive, 1 batch, 2 background.
-- attempt is the fencing token of whoever runs it. owner is type:id of the subject; agent_id is '' without an agent.
CREATE TABLE jobs (
  job_id TEXT PRIMARY KEY,
  zone_id TEXT NOT NULL,
  type TEXT NOT NULL,
  executor TEXT NOT NULL,
  door TEXT NOT NULL,
  status TEXT NOT NULL,
  rank INTEGER NOT NULL,
  run_at BIGINT NOT NULL,
  tier INTEGER NOT NULL,
  class INTEGER NOT NULL,
  boost INTEGER NOT NULL,
  request_state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  backoff TEXT NOT NULL,
  deadline BIGINT,
  service_time DOUBLE PRECISION,
  execution_mode TEXT NOT NULL,
  idempotency_key TEXT,
  schedule_id TEXT,
  retry_of TEXT,
  owner TEXT NOT NULL,
  user_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  key_id TEXT,
  request_id TEXT NOT NULL,
  lease_owner TEXT,
  lease_subject TEXT,
  lease_until BIGINT,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  updated_at BIGINT NOT NULL,
  payload TEXT NOT NULL,
  result TEXT,
  error TEXT
);
-- What may be claimed: of an executor in a zone, and of Nexus's own in all zones. Finished jobs are in neither.
CREATE INDEX jobs_waiting ON jobs (zone_id, executor, rank, run_at, job_id, class)
  WHERE status IN ('queued', 'retry_wait');
CREATE INDEX jobs_waiting_here ON jobs (rank, run_at, job_id, zone_id)
  WHERE executor = 'nexus' AND status IN ('queued', 'retry_wait');
CREATE INDEX jobs_running ON jobs (lease_until) WHERE status = 'running';
CREATE INDEX jobs_deadlines ON jobs (deadline)
  WHERE deadline IS NOT NULL AND status IN ('queued', 'retry_wait', 'blocked');
CREATE INDEX jobs_blocked ON jobs (schedule_id, job_id) WHERE status = 'blocked';
CREATE INDEX jobs_scheduled ON jobs (schedule_id) WHERE schedule_id IS NOT NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX jobs_keys ON jobs (zone_id, owner, agent_id, type, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_newest ON jobs (zone_id, created_at, job_id);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

-- An attempt that has ended; the one in hand stands in the job. outcome: succeeded, failed, cancelled. ended_by: holder,
-- lease, cancel, deadline.
CREATE TABLE job_attempts (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  claimed_by TEXT NOT NULL,
  outcome TEXT NOT NULL,
  ended_by TEXT NOT NULL,
  error TEXT,
  started_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  PRIMARY KEY (job_id, attempt)
);

-- What a job left behind.
CREATE TABLE job_artifacts (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  type TEXT NOT NULL,
  ref TEXT,
  payload TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (job_id, n)
);

-- How many jobs a zone has, by status and, while they wait, by class. The server's own housekeeping is not counted.
CREATE TABLE job_counts (
  zone_id TEXT PRIMARY KEY,
  interactive BIGINT NOT NULL,
  batch BIGINT NOT NULL,
  background BIGINT NOT NULL,
  running BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  cancelled BIGINT NOT NULL
);

-- A loop that claims jobs. Its row goes at a clean end; one whose beats are missed is gone.
CREATE TABLE workers (
  worker_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  hostname TEXT NOT NULL,
  pid BIGINT NOT NULL,
  version TEXT NOT NULL,
  status TEXT NOT NULL,
  slots INTEGER NOT NULL,
  beat_ms BIGINT NOT NULL,
  processed BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  beat_at BIGINT NOT NULL
);

-- A cron line that enqueues.
CREATE TABLE schedules (
  schedule_id TEXT PRIMARY KEY,
  zone_id TEXT NOT NULL,
  name TEXT NOT NULL,
  cron TEXT NOT NULL,
  timezone TEXT NOT NULL,
  executor TEXT NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  tier INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  backoff TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  catch_up TEXT NOT NULL,
  overlap TEXT NOT NULL,
  next_run_at BIGINT,
  last_run_at BIGINT,
  last_job_id TEXT,
  skipped_total BIGINT NOT NULL,
  owner TEXT NOT NULL,
  user_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  key_id TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE enabled = 1;
CREATE INDEX schedules_newest ON schedules (zone_id, created_at, schedule_id);
