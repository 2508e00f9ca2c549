-- What governance goes by (corpus.md §12), one row a mode, made by the first start and never changed.
CREATE TABLE corpus_policies (
  mode TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  -- JSON: blocked terms, in lower case, sorted.
  terms TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

-- Decisions are listed without a look at the rest of the log.
CREATE INDEX audit_decisions ON audit (zone_id, n) WHERE action = 'governance.evaluate' AND actor = 'system';
