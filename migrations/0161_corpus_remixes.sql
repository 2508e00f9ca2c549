-- Remixes that were kept (corpus.md §13); no row ever changes. Times are milliseconds since the epoch.
CREATE TABLE corpus_remixes (
  zone_id TEXT NOT NULL,
  remix_id TEXT NOT NULL,
  strategy TEXT NOT NULL,
  seed BIGINT NOT NULL,
  mode TEXT NOT NULL,
  text_hash TEXT NOT NULL,
  text_blob BIGINT NOT NULL,
  payload_hash TEXT NOT NULL,
  rng_seed_hex TEXT NOT NULL,
  source_document_id TEXT,
  source_branch_id TEXT,
  target_document_id TEXT,
  target_branch_id TEXT,
  -- Atoms of the documents that it was made of; null and 0 where it was made of whole texts.
  source_level TEXT,
  source_atoms BIGINT NOT NULL,
  target_level TEXT,
  target_atoms BIGINT NOT NULL,
  -- The branch that was made with it.
  branch_id TEXT,
  branch_event_id TEXT,
  governance_decision_id TEXT NOT NULL,
  -- JSON.
  governance_trace TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, remix_id)
);
CREATE INDEX corpus_remixes_age ON corpus_remixes (zone_id, created_at, remix_id);
CREATE INDEX corpus_remixes_text ON corpus_remixes (text_blob);
