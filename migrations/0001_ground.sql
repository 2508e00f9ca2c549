-- The ground floor: zones, keys, tuples, events, audit, blobs, and the states of files.
-- Written in the common subset. On PostgreSQL every TEXT compares by byte (COLLATE "C") and BLOB is BYTEA; IDENTITY_KEY
-- is the engine's own growing integer key. Times are milliseconds since the epoch.

CREATE TABLE zones (
  zone_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  domain TEXT,
  description TEXT,
  phase TEXT NOT NULL,
  limits TEXT NOT NULL,
  -- Sequence number of the newest event: the revision of the zone.
  seq BIGINT NOT NULL,
  -- Time of the newest event, so that times never fall along the sequence.
  seq_at BIGINT NOT NULL,
  -- +1 for each transaction that changes tuples, keys, roles or the phase.
  access_revision BIGINT NOT NULL,
  audit_seq BIGINT NOT NULL,
  used_storage_bytes BIGINT NOT NULL,
  used_files BIGINT NOT NULL,
  used_keys BIGINT NOT NULL,
  used_tuples BIGINT NOT NULL,
  -- Oldest revision whose history is complete.
  oldest_revision BIGINT NOT NULL,
  finalizers TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT
);

CREATE TABLE keys (
  key_id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  zone_id TEXT NOT NULL,
  name TEXT NOT NULL,
  user_id TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  role TEXT NOT NULL,
  inherit_permissions INTEGER NOT NULL,
  rate_limit_per_minute BIGINT,
  key_prefix TEXT NOT NULL,
  -- Which start-up rule made it (bootstrap:admin, init …), so that a changed value revokes the former one.
  origin TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX keys_by_zone ON keys (zone_id, created_at, key_id);

CREATE TABLE tuples (
  tuple_id TEXT PRIMARY KEY,
  zone_id TEXT NOT NULL,
  subject_zone_id TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  subject_relation TEXT NOT NULL,
  relation TEXT NOT NULL,
  object_type TEXT NOT NULL,
  object_id TEXT NOT NULL,
  expires_at BIGINT,
  conditions TEXT,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX tuples_fact ON tuples
  (zone_id, subject_type, subject_id, subject_relation, relation, object_type, object_id, subject_zone_id);
CREATE INDEX tuples_by_object ON tuples (zone_id, object_type, object_id);

CREATE TABLE events (
  zone_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  type TEXT NOT NULL,
  path TEXT NOT NULL,
  old_path TEXT,
  branch TEXT,
  object_type TEXT,
  object_id TEXT,
  user_id TEXT NOT NULL,
  agent_id TEXT,
  channel TEXT NOT NULL,
  request_id TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (zone_id, seq)
);

CREATE TABLE audit (
  zone_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  key_id TEXT,
  agent_id TEXT,
  action TEXT NOT NULL,
  effect TEXT NOT NULL,
  object TEXT NOT NULL,
  outcome TEXT NOT NULL,
  code TEXT,
  channel TEXT NOT NULL,
  session_id TEXT,
  call_id TEXT NOT NULL,
  ip TEXT,
  duration_ms BIGINT NOT NULL,
  details TEXT NOT NULL,
  PRIMARY KEY (zone_id, n)
);

-- Bytes by SHA-256. Small ones inline, large ones in the blob store under their hash. `touched_at` is renewed whenever a
-- write is about to refer to the blob, and collection spares what was touched lately.
CREATE TABLE blobs (
  blob_id IDENTITY_KEY,
  sha256 TEXT NOT NULL UNIQUE,
  size BIGINT NOT NULL,
  touched_at BIGINT NOT NULL,
  -- 1 when the whole content is valid UTF-8.
  utf8 INTEGER NOT NULL,
  inline BLOB
);

-- One row for each state a path has had: from revision `began` up to, not including, `ended` (9007199254740991 while it
-- holds). kind: f file, d directory, x removed here though a parent branch has it.
CREATE TABLE file_states (
  zone_id TEXT NOT NULL,
  branch TEXT NOT NULL,
  path TEXT NOT NULL,
  parent TEXT NOT NULL,
  kind TEXT NOT NULL,
  file_id TEXT NOT NULL,
  began BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  version BIGINT NOT NULL,
  etag TEXT,
  size BIGINT NOT NULL,
  encoding TEXT,
  content_type TEXT NOT NULL,
  metadata TEXT,
  reason TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  modified_at BIGINT NOT NULL,
  modified_by TEXT NOT NULL
);
CREATE UNIQUE INDEX file_states_live ON file_states (zone_id, branch, path) WHERE ended = 9007199254740991;
CREATE INDEX file_states_children ON file_states (zone_id, branch, parent, path) WHERE ended = 9007199254740991;
CREATE INDEX file_states_past ON file_states (zone_id, branch, path, began);
CREATE INDEX file_states_file ON file_states (zone_id, file_id, version, began);
CREATE INDEX file_states_etag ON file_states (etag);

-- A named revision of one branch.
CREATE TABLE tree_snapshots (
  zone_id TEXT NOT NULL,
  snapshot_id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  revision BIGINT NOT NULL,
  path TEXT NOT NULL,
  branch TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (zone_id, snapshot_id)
);
CREATE UNIQUE INDEX tree_snapshots_name ON tree_snapshots (zone_id, name);

-- A branch reads its parent as of `base_revision` wherever it has no state of its own. `branch` is the key its states
-- carry, never given out again; `name` is free again once the branch is deleted.
CREATE TABLE tree_branches (
  zone_id TEXT NOT NULL,
  branch TEXT NOT NULL,
  name TEXT NOT NULL,
  parent TEXT NOT NULL,
  base_revision BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (zone_id, branch)
);
CREATE UNIQUE INDEX tree_branches_name ON tree_branches (zone_id, name);

-- What of a branch was merged where: the next merge takes the branch as of `merged_revision` as its base.
CREATE TABLE tree_merges (
  zone_id TEXT NOT NULL,
  branch TEXT NOT NULL,
  into_branch TEXT NOT NULL,
  merged_revision BIGINT NOT NULL,
  PRIMARY KEY (zone_id, branch, into_branch)
);

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
