-- What roles may use beside what their operations are for (infrastructure.md §6): asked at each question.
CREATE TABLE feature_flags (
  name TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  min_role TEXT NOT NULL,
  enabled BIGINT NOT NULL
);
