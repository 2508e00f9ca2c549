-- Search: which contents may hold a text, by the runs of three characters in them.

-- Contents that are not in the index: those that wait for it, and those that are too large for it.
CREATE TABLE unindexed_blobs (
  blob_id INTEGER PRIMARY KEY,
  too_large INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX unindexed_blobs_waiting ON unindexed_blobs (blob_id) WHERE too_large = 0;
INSERT INTO unindexed_blobs (blob_id) SELECT blob_id FROM blobs WHERE utf8 = 1;

-- The rowid is the blob_id. The contents themselves are kept in blobs only.
CREATE VIRTUAL TABLE blob_trigrams USING fts5 (
  content, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram'
);

CREATE TRIGGER blobs_wait_for_index AFTER INSERT ON blobs WHEN new.utf8 = 1
BEGIN
  INSERT INTO unindexed_blobs (blob_id) VALUES (new.blob_id);
END;

CREATE TRIGGER blobs_leave_index AFTER DELETE ON blobs
BEGIN
  DELETE FROM unindexed_blobs WHERE blob_id = old.blob_id;
  DELETE FROM blob_trigrams WHERE rowid = old.blob_id;
END;
