-- Analyses of texts (corpus.md §8). Times are milliseconds since the epoch.

-- Of a document or a branch, by a request or a job.
CREATE TABLE corpus_runs (
  zone_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  document_id TEXT,
  branch_id TEXT,
  mode TEXT NOT NULL,
  -- sync, async (by a job), shadow
  execution_mode TEXT NOT NULL,
  plugin_profile TEXT,
  job_id TEXT,
  -- The job that runs the same again, to compare.
  shadow_job_id TEXT,
  modality TEXT NOT NULL,
  -- JSON: which plugins were healthy.
  plugin_health TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, run_id)
);
CREATE INDEX corpus_runs_age ON corpus_runs (zone_id, created_at, run_id);
CREATE UNIQUE INDEX corpus_runs_job ON corpus_runs (zone_id, job_id) WHERE job_id IS NOT NULL;

CREATE TABLE corpus_run_layers (
  zone_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  layer TEXT NOT NULL,
  -- JSON.
  output TEXT NOT NULL,
  confidence DOUBLE PRECISION NOT NULL,
  provider_name TEXT NOT NULL,
  provider_version TEXT NOT NULL,
  runtime_ms BIGINT NOT NULL,
  fallback_reason TEXT,
  -- JSON: why plugins were passed over.
  skipped TEXT NOT NULL,
  PRIMARY KEY (zone_id, run_id, n)
);

-- Analyses that may use plugins of kind ML: whoever submitted the job was asked then.
CREATE TABLE corpus_ml_jobs (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (zone_id, job_id)
);
