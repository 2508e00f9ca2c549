-- What ending a zone and collecting blobs need, and the form in which a tuple was given.

-- Work that one node at a time does, by name (`zone:<id>`, `blobs`); free again at `until`.
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until BIGINT NOT NULL
);

-- Blobs whose row is gone and whose file is about to be: nobody stores them again before their row here has gone too.
CREATE TABLE blob_removals (
  sha256 TEXT PRIMARY KEY,
  since BIGINT NOT NULL
);

-- The object of a tuple as it was given, where that differs from `object_id`, by which it is compared.
ALTER TABLE tuples ADD COLUMN object_given TEXT;

-- Shares with subjects of another zone: they are theirs to see, and end with that zone.
CREATE INDEX tuples_by_guest ON tuples (subject_zone_id, subject_type, subject_id) WHERE subject_zone_id <> zone_id;

-- Zones newest first, and those being swept.
CREATE INDEX zones_newest ON zones (created_at, zone_id);
CREATE INDEX zones_terminating ON zones (zone_id) WHERE phase = 'Terminating';

-- Keys of one subject.
CREATE INDEX keys_by_subject ON keys (zone_id, subject_type, subject_id);
