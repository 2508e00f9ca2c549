-- PostgreSQL gathers statistics by itself, but only once there is something to count, and a minute later. Until then it
-- takes (zone, branch) to name one row, though it may be all of them, and goes through a branch for each path of it. So
-- it is shown a sample: of paths with a state that holds and one that is past. What it learned stays until it knows better.
INSERT INTO file_states (zone_id, branch, path, parent, kind, file_id, began, ended, version, etag, size, encoding,
  content_type, metadata, reason, created_at, created_by, modified_at, modified_by)
SELECT 'sample', CASE WHEN n % 4 = 0 THEN 'b1' ELSE 'main' END, '/' || n % 100 || '/' || n, '/' || n % 100, 'f', 'f' || n,
  n + 5000 * now, CASE WHEN now = 1 THEN 9007199254740991 ELSE n + 5000 END, 1 + now, md5('' || n), n, 'utf-8',
  'text/plain', NULL, 'write', 0, 'sample', 0, 'sample'
FROM generate_series(1, 5000) n CROSS JOIN generate_series(0, 1) now;
ANALYZE file_states;
DELETE FROM file_states;
