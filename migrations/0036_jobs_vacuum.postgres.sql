-- A job's row is replaced several times in its short life: dead rows are removed long before a fifth of the table is dead,
-- and a page keeps room for the next form of its rows.
ALTER TABLE jobs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0);
ALTER TABLE job_counts SET (fillfactor = 50, autovacuum_vacuum_threshold = 500);
ALTER TABLE workers SET (fillfactor = 50, autovacuum_vacuum_threshold = 500);
