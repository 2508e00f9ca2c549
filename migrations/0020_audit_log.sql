-- The whole audit log: rows chained by hash, refusals that are still being counted, calls that changed nothing, and what
-- pruning leaves behind.

-- Hash of the zone's newest row of `audit`.
ALTER TABLE zones ADD COLUMN audit_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';

-- Refusals of the last second. Each becomes one row of `audit` when its second is over. `fold` is what makes refusals
-- equal; `line` is the row as it is going to be, but for the count.
CREATE TABLE audit_open (
  zone_id TEXT NOT NULL,
  fold TEXT NOT NULL,
  at BIGINT NOT NULL,
  count BIGINT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (zone_id, fold)
);

-- Calls that changed nothing, many to a row: `lines` has the hash of each and what it says, one a line, with the numbers
-- `n` to `last_n`. `hash` is that of the last.
CREATE TABLE audit_reads (
  zone_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  last_n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  hash TEXT NOT NULL,
  lines TEXT NOT NULL,
  PRIMARY KEY (zone_id, n)
);

-- Where the zone's calls that changed nothing end, and the bytes that are kept of them.
CREATE TABLE audit_heads (
  zone_id TEXT PRIMARY KEY,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  hash TEXT NOT NULL,
  bytes BIGINT NOT NULL
);

-- Up to where rows were pruned: the chain goes on from `hash`. `log` is changes or reads.
CREATE TABLE audit_checkpoints (
  zone_id TEXT NOT NULL,
  log TEXT NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  hash TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (zone_id, log)
);
