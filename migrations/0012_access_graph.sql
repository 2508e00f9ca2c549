-- What a zone adds to the built-in types of relations, and what a graph in memory needs to follow the tuples.

-- `types` as rebac_set_schema takes it, without what is built in. `version` grows with each change.
CREATE TABLE access_schemas (
  zone_id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  types TEXT NOT NULL
);

-- Facts that ended, by the access revision that ended them. An empty object_type says that more ended than is listed:
-- who is behind it reads all tuples again. Rows some revisions old are removed.
CREATE TABLE tuple_ends (
  zone_id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  subject_zone_id TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  subject_relation TEXT NOT NULL,
  relation TEXT NOT NULL,
  object_type TEXT NOT NULL,
  object_id TEXT NOT NULL
);
CREATE INDEX tuple_ends_by_revision ON tuple_ends (zone_id, revision);

-- What changed since a revision, and the whole of a zone page by page.
CREATE INDEX tuples_by_revision ON tuples (zone_id, revision, tuple_id);
