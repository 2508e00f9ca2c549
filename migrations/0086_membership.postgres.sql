-- What others say of a server: where it runs (a hash; empty is not known), and whether it is about to leave. One that died
-- stays listed for an hour.
ALTER TABLE nodes ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN region TEXT;
ALTER TABLE nodes ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN draining BIGINT NOT NULL DEFAULT 0;
