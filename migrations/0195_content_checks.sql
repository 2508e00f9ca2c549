-- How far stored contents have been read again, one row: the number of the last one, what was read in this round, when it is to be over, and when somebody is to go on.
CREATE TABLE content_checks (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  last_id BIGINT NOT NULL,
  contents BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  began BIGINT NOT NULL,
  ends_by BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  ended BIGINT,
  last_ended BIGINT
);

-- Contents that are named and are not what their hash says, or are not there.
CREATE TABLE content_damages (
  sha256 TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  found_at BIGINT NOT NULL
);
