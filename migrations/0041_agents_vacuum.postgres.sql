-- Heartbeats replace a row again and again: a page keeps room for its next form, and dead forms go soon.
ALTER TABLE agent_lives SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0);
