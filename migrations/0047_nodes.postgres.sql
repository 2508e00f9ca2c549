-- Servers on this database. The row of one goes at a clean end, or when its beats are missed.
CREATE TABLE nodes (
  node_id TEXT PRIMARY KEY,
  beat_at BIGINT NOT NULL
);
