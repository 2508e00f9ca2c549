-- The newest choice about a brick that a server has seen, once none of its calls of what is off runs any more.
ALTER TABLE nodes ADD COLUMN bricks_seen BIGINT NOT NULL DEFAULT 0;
