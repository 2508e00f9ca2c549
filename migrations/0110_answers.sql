-- First answers of calls that came with an Idempotency-Key (workflows.md §1.3), kept for a day. The call is named by a hash
-- of caller, operation and key, what was asked by another; an answer that is shown once is not kept, only that it was given.
CREATE TABLE answers (
  zone_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  asked TEXT NOT NULL,
  answer TEXT,
  answered_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, call_id)
);
CREATE INDEX answers_by_time ON answers (answered_at);
