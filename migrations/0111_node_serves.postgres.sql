-- Whether a server says of itself that it can serve: one whose blobs are out of reach cannot.
ALTER TABLE nodes ADD COLUMN serves BIGINT NOT NULL DEFAULT 1;
