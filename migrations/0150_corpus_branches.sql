-- Branches of texts (corpus.md §9). Times are milliseconds since the epoch.

-- A branch and its one event; no row ever changes.
CREATE TABLE corpus_branches (
  zone_id TEXT NOT NULL,
  branch_id TEXT NOT NULL,
  parent_branch_id TEXT,
  -- Of a merge: the branch that was merged into the parent.
  right_branch_id TEXT,
  root_document_id TEXT,
  mode TEXT NOT NULL,
  -- Events of its lineage, its own the last.
  branch_version BIGINT NOT NULL,
  phase TEXT NOT NULL,
  event_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  -- JSON, without the field that `carried` names: that is the text of the branch.
  payload TEXT NOT NULL,
  carried TEXT,
  -- UTF-8 bytes of the payload, with the text that it carried where that is kept inline.
  payload_bytes BIGINT NOT NULL,
  -- JSON.
  diff_summary TEXT NOT NULL,
  event_hash TEXT NOT NULL,
  text_hash TEXT NOT NULL,
  text_blob BIGINT NOT NULL,
  -- Of the first of a lineage: the text that it began with.
  root_hash TEXT,
  root_blob BIGINT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, branch_id)
);
CREATE INDEX corpus_branches_age ON corpus_branches (zone_id, created_at, branch_id);
CREATE INDEX corpus_branches_text ON corpus_branches (text_blob);
CREATE INDEX corpus_branches_root ON corpus_branches (root_blob) WHERE root_blob IS NOT NULL;
