-- The key may use the mode RAW.
ALTER TABLE keys ADD COLUMN raw_mode_enabled INTEGER NOT NULL DEFAULT 0;
