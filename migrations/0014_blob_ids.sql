-- A state names its content by the number of the blob too. Numbers grow, so their index grows at its end; the index by
-- hash that it replaces took a page of its own for each write. NULL where there is no content.
ALTER TABLE file_states ADD COLUMN blob_id BIGINT;
UPDATE file_states SET blob_id = (SELECT b.blob_id FROM blobs b WHERE b.sha256 = file_states.etag) WHERE etag IS NOT NULL;
DROP INDEX file_states_etag;
CREATE INDEX file_states_blob ON file_states (blob_id) WHERE blob_id IS NOT NULL;
