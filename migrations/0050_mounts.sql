-- Outside stores attached at paths. Times are milliseconds since the epoch.

-- Revision of the last change of the zone's mounts; 0 where it has none.
ALTER TABLE zones ADD COLUMN mounts_revision BIGINT NOT NULL DEFAULT 0;

CREATE TABLE mounts (
  zone_id TEXT NOT NULL,
  mount_point TEXT NOT NULL,
  -- Of this very mount, never given again.
  mount_id TEXT NOT NULL,
  backend_type TEXT NOT NULL,
  -- As JSON, without the secrets.
  config TEXT NOT NULL,
  -- Sealed; empty where the connector has none.
  secrets TEXT NOT NULL,
  -- Where the store lies: mounts whose places overlap would see each other's files.
  store TEXT NOT NULL,
  place TEXT NOT NULL,
  can_rename INTEGER NOT NULL,
  has_directories INTEGER NOT NULL,
  readonly INTEGER NOT NULL,
  priority BIGINT NOT NULL,
  write_mode TEXT NOT NULL,
  sync_interval_seconds BIGINT NOT NULL,
  conflict_strategy TEXT,
  description TEXT NOT NULL,
  owner TEXT NOT NULL,
  -- Tuple that was written with it.
  tuple_id TEXT NOT NULL,
  -- 1 where the directory at the mount point was made with it, and goes with it.
  made_directory INTEGER NOT NULL,
  -- As it was last seen.
  status TEXT NOT NULL,
  last_error TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, mount_point)
);
CREATE INDEX mounts_store ON mounts (store);

-- What is to be mounted later, or again.
CREATE TABLE saved_mounts (
  zone_id TEXT NOT NULL,
  mount_point TEXT NOT NULL,
  backend_type TEXT NOT NULL,
  config TEXT NOT NULL,
  secrets TEXT NOT NULL,
  readonly INTEGER NOT NULL,
  priority BIGINT NOT NULL,
  write_mode TEXT NOT NULL,
  sync_interval_seconds BIGINT NOT NULL,
  conflict_strategy TEXT,
  description TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, mount_point)
);

-- A file of a store as it was when its live state began: its fingerprint there, and whether its bytes count for the zone.
CREATE TABLE mount_files (
  zone_id TEXT NOT NULL,
  path TEXT NOT NULL,
  mount_id TEXT NOT NULL,
  -- Empty for a file that the store has not got yet.
  tag TEXT NOT NULL,
  size BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  -- 1: written here.
  counted INTEGER NOT NULL,
  PRIMARY KEY (zone_id, path)
);

-- Changes of a write-back mount that its store has not got yet, with what the store had before the first of them.
CREATE TABLE mount_pending (
  zone_id TEXT NOT NULL,
  path TEXT NOT NULL,
  mount_id TEXT NOT NULL,
  -- write, delete, mkdir, rmdir
  change TEXT NOT NULL,
  -- Null where the store had no file.
  base_tag TEXT,
  base_etag TEXT,
  base_size BIGINT,
  base_modified_at BIGINT,
  since BIGINT NOT NULL,
  -- Of the newest change.
  revision BIGINT NOT NULL,
  PRIMARY KEY (zone_id, path)
);
CREATE INDEX mount_pending_mount ON mount_pending (mount_id, path);

-- Paths of a store that a call is changing right now. A row that nobody renews is left by one that died.
CREATE TABLE mount_intents (
  zone_id TEXT NOT NULL,
  path TEXT NOT NULL,
  intent_id TEXT NOT NULL,
  mount_id TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (zone_id, path)
);
CREATE INDEX mount_intents_intent ON mount_intents (intent_id);
