-- SQLite guesses how selective an index is where no statistics say it: to it (zone, branch) names nine rows, though it
-- may be all of them. These figures are those of one zone with a million states, half of them past; they are fixed, so
-- that a plan does not change under a running server. PostgreSQL gathers its own.
ANALYZE file_states;
DELETE FROM sqlite_stat1 WHERE tbl = 'file_states';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('file_states', 'file_states_live', '500000 500000 400000 1 1'),
  ('file_states', 'file_states_children', '1000000 1000000 800000 40 20 1'),
  ('file_states', 'file_states_past', '1000000 1000000 800000 2 1 1'),
  ('file_states', 'file_states_began', '1000000 1000000 800000 2'),
  ('file_states', 'file_states_ended', '500000 500000 2 1 1'),
  ('file_states', 'file_states_file', '1000000 1000000 2 1 1'),
  ('file_states', 'file_states_etag', '1000000 3');
