-- A restore of the state of all zones into this database. Times are milliseconds since the epoch.
CREATE TABLE restores (
  -- From 1: connections of servers that know only of an earlier one are none any more.
  epoch BIGINT PRIMARY KEY,
  backup_id TEXT NOT NULL,
  began_at BIGINT NOT NULL,
  -- Unless somebody says again that he is at it, he is gone by then.
  held_until BIGINT NOT NULL,
  ended_at BIGINT,
  -- 1: the state became that of the backup.
  restored BIGINT NOT NULL
);

-- What a restore undid of the log of a zone: the numbers behind `kept` and before `behind`, with which the log goes on.
CREATE TABLE log_gaps (
  zone_id TEXT NOT NULL,
  kept BIGINT NOT NULL,
  behind BIGINT NOT NULL,
  restored_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, behind)
);
