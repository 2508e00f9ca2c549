-- Reading the tree as it was, comparing two moments of it, and pruning what nobody reads any more.

-- The last revision at or before a time.
CREATE INDEX events_by_time ON events (zone_id, at, seq);

-- `ended` says without a look at the row whether a state held at a revision. It stands in the index of what holds too:
-- else SQLite prefers the index of the past for the columns it has more, and does not see that one row is meant.
DROP INDEX file_states_live;
CREATE UNIQUE INDEX file_states_live ON file_states (zone_id, branch, path, ended) WHERE ended = 9007199254740991;
DROP INDEX file_states_past;
CREATE INDEX file_states_past ON file_states (zone_id, branch, path, ended, began);
DROP INDEX file_states_children;
CREATE INDEX file_states_children ON file_states (zone_id, branch, parent, ended, path);

-- What changed between two revisions: states that began, states that ended.
CREATE INDEX file_states_began ON file_states (zone_id, branch, began);
CREATE INDEX file_states_ended ON file_states (zone_id, ended, path, branch) WHERE ended < 9007199254740991;

-- What a restore or merge is going to do, path by path, while its transaction runs; empty between transactions.
-- action: put (a state begins), drop (the state ends), keep (a conflict: nothing is done).
-- `ours` is what the changed branch has now; the columns without a prefix are what it is going to have.
CREATE TABLE tree_plans (
  zone_id TEXT NOT NULL,
  path TEXT NOT NULL,
  parent TEXT NOT NULL,
  action TEXT NOT NULL,
  conflict INTEGER NOT NULL,
  kind TEXT,
  etag TEXT,
  size BIGINT,
  encoding TEXT,
  content_type TEXT,
  metadata TEXT,
  -- 1 when the content comes from another file than the one that stands there now.
  other_file INTEGER NOT NULL,
  ours_kind TEXT,
  ours_file_id TEXT,
  ours_version BIGINT,
  ours_size BIGINT,
  ours_created_at BIGINT,
  ours_created_by TEXT,
  -- 1 when the state is the branch's own, not one of its parents'.
  ours_own INTEGER NOT NULL,
  -- Content of the three sides of a conflict: an etag, 'directory', or null for nothing.
  base_is TEXT,
  ours_is TEXT,
  theirs_is TEXT,
  PRIMARY KEY (zone_id, path)
);
