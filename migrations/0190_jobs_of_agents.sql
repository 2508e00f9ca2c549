-- The jobs that were submitted for an agent: its key sees them, and whoever registers its id is asked whether they are his.
CREATE INDEX jobs_of_agents ON jobs (zone_id, agent_id) WHERE agent_id <> '';
