-- Contents that are too large for the index of trigrams leave the list of those that wait for it, so that the list
-- needs no second index.
DO $search$
BEGIN
  IF to_regclass('unindexed_blobs') IS NULL THEN
    RETURN;
  END IF;
  CREATE TABLE oversized_blobs (
    blob_id BIGINT PRIMARY KEY REFERENCES blobs (blob_id) ON DELETE CASCADE
  );
  INSERT INTO oversized_blobs SELECT blob_id FROM unindexed_blobs WHERE too_large = 1;
  DELETE FROM unindexed_blobs WHERE too_large = 1;
  DROP INDEX unindexed_blobs_waiting;
  ALTER TABLE unindexed_blobs DROP COLUMN too_large;
END
$search$;
