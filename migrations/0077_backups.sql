-- A backup that is asked for, under way, or over. Backups themselves lie at their destination; this is who makes them.
CREATE TABLE backup_runs (
  backup_id TEXT PRIMARY KEY,
  -- asked, schedule, safety
  reason TEXT NOT NULL,
  -- queued, running, succeeded, failed
  status TEXT NOT NULL,
  destination TEXT NOT NULL,
  phase TEXT NOT NULL,
  done BIGINT NOT NULL,
  total BIGINT NOT NULL,
  error TEXT,
  -- Milliseconds: contents are held back from collection until then.
  held_until BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX backup_runs_open ON backup_runs (created_at) WHERE ended_at IS NULL;
CREATE INDEX backup_runs_held ON backup_runs (held_until);
