-- Contents that are too large for the index of trigrams leave the list of those that wait for it, so that the list
-- needs no second index.
CREATE TABLE oversized_blobs (
  blob_id INTEGER PRIMARY KEY
);
INSERT INTO oversized_blobs SELECT blob_id FROM unindexed_blobs WHERE too_large = 1;
DELETE FROM unindexed_blobs WHERE too_large = 1;
DROP INDEX unindexed_blobs_waiting;
ALTER TABLE unindexed_blobs DROP COLUMN too_large;

DROP TRIGGER blobs_leave_index;
CREATE TRIGGER blobs_leave_index AFTER DELETE ON blobs
BEGIN
  DELETE FROM unindexed_blobs WHERE blob_id = old.blob_id;
  DELETE FROM oversized_blobs WHERE blob_id = old.blob_id;
  DELETE FROM blob_trigrams WHERE rowid = old.blob_id;
END;

-- The figures of the planner go with the index of migration 0014.
DELETE FROM sqlite_stat1 WHERE idx = 'file_states_etag';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('file_states', 'file_states_blob', '1000000 3');
