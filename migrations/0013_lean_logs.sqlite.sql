-- Events and audit rows are stored in the order of their keys, without a number of their own beside it: a write touches two
-- pages fewer. (PostgreSQL has no such tables.)

ALTER TABLE events RENAME TO events_before;
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
) WITHOUT ROWID;
INSERT INTO events SELECT * FROM events_before;
DROP TABLE events_before;

ALTER TABLE audit RENAME TO audit_before;
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
) WITHOUT ROWID;
INSERT INTO audit SELECT * FROM audit_before;
DROP TABLE audit_before;

CREATE INDEX events_by_time ON events (zone_id, at, seq);
