-- The lowest version that a program has to know to run on this schema: 0 is any that this release upgrades from.
ALTER TABLE migrations ADD COLUMN needs BIGINT NOT NULL DEFAULT 0;
