-- Of each day whose events are no longer kept, the last of them: by it, what is older than a time is still found.
CREATE TABLE event_marks (
  zone_id TEXT NOT NULL,
  day BIGINT NOT NULL,
  at BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (zone_id, day)
);
