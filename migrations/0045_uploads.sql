-- Resumable uploads. Times are milliseconds, as their calls have them.

-- kind: single, partial, final. path is NULL for a partial. status: open, complete, failed (whole, but refused as a file),
-- ended (deleted or expired). received is what has been acknowledged: it lies in `held` (up to 64 KiB), or in `segments`, a
-- JSON list of [name, bytes] in the stage of the blob store, one behind the other. token is the fencing token of whoever
-- writes, lock_until its lease, NULL when it has ended well; wanted: the token that is asked to stop. staged: 1 while the
-- stage may hold something. owner is type:id of the subject; agent_id is '' without an agent.
CREATE TABLE uploads (
  upload_id TEXT PRIMARY KEY,
  zone_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  path TEXT,
  status TEXT NOT NULL,
  length BIGINT,
  received BIGINT NOT NULL,
  metadata TEXT,
  concat TEXT,
  content_type TEXT,
  file_metadata TEXT,
  held BLOB,
  segments TEXT NOT NULL,
  staged INTEGER NOT NULL,
  token BIGINT NOT NULL,
  lock_until BIGINT,
  wanted BIGINT NOT NULL,
  result TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX uploads_of_zone ON uploads (zone_id, upload_id);
CREATE INDEX uploads_open ON uploads (zone_id, owner, agent_id) WHERE status IN ('open', 'failed');
CREATE INDEX uploads_expiring ON uploads (expires_at);
