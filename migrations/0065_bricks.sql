-- What an operator chose about a brick; one without a row is as it was built, active. Calls of it are refused while it is
-- not wanted, and up to held_until, while those that run finish.
CREATE TABLE bricks (
  name TEXT PRIMARY KEY,
  wanted INTEGER NOT NULL,
  held_until BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  stopped_at BIGINT
);
