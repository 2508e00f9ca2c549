-- Stores that are brought up to date with what was written here, and the other way round. Times are milliseconds since the epoch.

-- What is known of the pushes and pulls of a mount.
CREATE TABLE sync_mounts (
  mount_id TEXT PRIMARY KEY,
  zone_id TEXT NOT NULL,
  pushes_total BIGINT NOT NULL,
  pulls_total BIGINT NOT NULL,
  changes_pushed_total BIGINT NOT NULL,
  changes_failed_total BIGINT NOT NULL,
  conflicts_detected_total BIGINT NOT NULL,
  conflicts_resolved_total BIGINT NOT NULL,
  last_push_at BIGINT,
  last_error TEXT,
  -- The newest job of it that was queued, and what it was asked.
  job_id TEXT,
  asked TEXT,
  -- The attempt that is at it now; one that no longer runs has ended.
  running_job TEXT,
  running_attempt BIGINT,
  -- Of a push by the clock: not before, and how many have failed in a row.
  due_at BIGINT NOT NULL,
  failures BIGINT NOT NULL
);
CREATE INDEX sync_mounts_zone ON sync_mounts (zone_id);

-- What is on its way to a store: if nobody hears of the end, the store may have it. Null: its removal.
CREATE TABLE sync_attempts (
  zone_id TEXT NOT NULL,
  path TEXT NOT NULL,
  mount_id TEXT NOT NULL,
  etag TEXT,
  PRIMARY KEY (zone_id, path)
);

-- A path that was changed on both sides, with the contents of both. A side without etag was not there.
CREATE TABLE sync_conflicts (
  conflict_id TEXT PRIMARY KEY,
  zone_id TEXT NOT NULL,
  mount_id TEXT NOT NULL,
  mount_point TEXT NOT NULL,
  path TEXT NOT NULL,
  local_etag TEXT,
  local_size BIGINT,
  local_modified_at BIGINT,
  remote_etag TEXT,
  remote_size BIGINT,
  remote_modified_at BIGINT,
  base_etag TEXT,
  base_size BIGINT,
  base_modified_at BIGINT,
  -- Keep the contents from being collected.
  local_blob BIGINT,
  remote_blob BIGINT,
  -- open, resolved
  status TEXT NOT NULL,
  resolution TEXT,
  -- The conflict in its place, where the store had changed again.
  successor TEXT,
  -- local, remote: the side that was replaced.
  lost TEXT,
  detected_at BIGINT NOT NULL,
  resolved_at BIGINT
);
CREATE UNIQUE INDEX sync_conflicts_open ON sync_conflicts (zone_id, path) WHERE status = 'open';
CREATE INDEX sync_conflicts_zone ON sync_conflicts (zone_id, detected_at, conflict_id);
CREATE INDEX sync_conflicts_resolved ON sync_conflicts (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX sync_conflicts_local ON sync_conflicts (local_blob) WHERE local_blob IS NOT NULL;
CREATE INDEX sync_conflicts_remote ON sync_conflicts (remote_blob) WHERE remote_blob IS NOT NULL;
