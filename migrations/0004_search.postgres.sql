-- Search: which contents may hold a text, by the runs of three characters in them. Where the extension pg_trgm cannot be
-- had there is no index, and every content is read.
DO $search$
BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
  EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    RETURN;
  END;

  -- Contents that are not in the index: those that wait for it, and those that are too large for it.
  CREATE TABLE unindexed_blobs (
    blob_id BIGINT PRIMARY KEY REFERENCES blobs (blob_id) ON DELETE CASCADE,
    too_large INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX unindexed_blobs_waiting ON unindexed_blobs (blob_id) WHERE too_large = 0;
  INSERT INTO unindexed_blobs (blob_id) SELECT blob_id FROM blobs WHERE utf8 = 1;

  CREATE TABLE blob_texts (
    blob_id BIGINT PRIMARY KEY REFERENCES blobs (blob_id) ON DELETE CASCADE,
    content TEXT NOT NULL
  );
  CREATE INDEX blob_texts_trigrams ON blob_texts USING gin (content gin_trgm_ops);

  CREATE FUNCTION wait_for_index() RETURNS trigger LANGUAGE plpgsql AS $function$
  BEGIN
    INSERT INTO unindexed_blobs (blob_id) VALUES (new.blob_id);
    RETURN NULL;
  END
  $function$;
  CREATE TRIGGER blobs_wait_for_index AFTER INSERT ON blobs FOR EACH ROW WHEN (new.utf8 = 1)
    EXECUTE FUNCTION wait_for_index();
END
$search$;
