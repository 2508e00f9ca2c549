-- The corpus (corpus.md): documents, their atoms, and what came of batches. Times are milliseconds since the epoch.

-- A file that was ingested. `state` counts what ingestion made of it: blocks of atoms belong to one, and are shown once the row names it.
CREATE TABLE corpus_documents (
  zone_id TEXT NOT NULL,
  document_id TEXT NOT NULL,
  -- disk: below the operator's folder, `path` absolute; zone: a path of the zone.
  source TEXT NOT NULL,
  path TEXT NOT NULL,
  title TEXT NOT NULL,
  -- By which variants find one another.
  stem TEXT NOT NULL,
  modality TEXT NOT NULL,
  checksum TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  -- new (not shown yet), parsed, ingested, ingested_with_warnings, conflict
  status TEXT NOT NULL,
  conflict_reason TEXT,
  modality_status TEXT NOT NULL,
  state BIGINT NOT NULL,
  -- JSON: what ingestion made, [{level, atoms, digest}] of each active level.
  levels TEXT NOT NULL,
  -- The text that was extracted: its hash, UTF-8 bytes and characters. Null: none.
  text_hash TEXT,
  text_bytes BIGINT NOT NULL,
  text_chars BIGINT NOT NULL,
  raw_blob BIGINT,
  text_blob BIGINT,
  -- JSON.
  segments TEXT NOT NULL,
  options TEXT NOT NULL,
  links TEXT NOT NULL,
  -- Who is ingesting it now: only that attempt may add blocks, to the state that it made.
  claim_job TEXT,
  claim_attempt BIGINT,
  claim_state BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, document_id)
);
CREATE UNIQUE INDEX corpus_documents_path ON corpus_documents (zone_id, source, path);
CREATE INDEX corpus_documents_stem ON corpus_documents (zone_id, stem);
CREATE INDEX corpus_documents_age ON corpus_documents (zone_id, created_at, document_id);
CREATE INDEX corpus_documents_claim ON corpus_documents (claim_job) WHERE claim_job IS NOT NULL;
CREATE INDEX corpus_documents_raw ON corpus_documents (raw_blob) WHERE raw_blob IS NOT NULL;
CREATE INDEX corpus_documents_text ON corpus_documents (text_blob) WHERE text_blob IS NOT NULL;

-- Some thousand atoms of one level, as offsets into the bytes of the text. `level` is the place of the level in their order,
-- `packed` bytes as base64: so a dump, which is text, has them as they are.
CREATE TABLE corpus_blocks (
  zone_id TEXT NOT NULL,
  document_id TEXT NOT NULL,
  state BIGINT NOT NULL,
  level INTEGER NOT NULL,
  block INTEGER NOT NULL,
  first_ordinal BIGINT NOT NULL,
  atoms INTEGER NOT NULL,
  -- Bytes of the text that its atoms lie in.
  start_byte BIGINT NOT NULL,
  end_byte BIGINT NOT NULL,
  packed TEXT NOT NULL,
  PRIMARY KEY (zone_id, document_id, state, level, block)
);

-- A batch, by its job: the revision of the zone at which it reads, and why it was refused as a whole (JSON of a fault).
CREATE TABLE corpus_batches (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  refused TEXT,
  PRIMARY KEY (zone_id, job_id)
);

-- What came of a file of a batch. `atoms`: made by it.
CREATE TABLE corpus_outcomes (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  path TEXT NOT NULL,
  status TEXT NOT NULL,
  document_id TEXT,
  -- Of a file that was read.
  checksum TEXT,
  error TEXT,
  warning TEXT,
  atoms BIGINT NOT NULL,
  PRIMARY KEY (zone_id, job_id, n)
);

-- The documents that a thing stands on: whoever may not see all of them does not see it. kind: run, branch, remix, job
CREATE TABLE corpus_bases (
  zone_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  thing_id TEXT NOT NULL,
  document_id TEXT NOT NULL,
  PRIMARY KEY (zone_id, kind, thing_id, document_id)
);
