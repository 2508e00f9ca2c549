-- Shares with a subject of another zone that is no more: each is to end in a transaction of the zone that shared.
CREATE TABLE share_ends (
  zone_id TEXT NOT NULL,
  tuple_id TEXT NOT NULL,
  PRIMARY KEY (zone_id, tuple_id)
);
