-- A registered agent: what was said of it, and what is wanted of it. owner is type:id of the registering subject. capabilities is
-- a JSON array, of the registration; spec is JSON, NULL until there is one, and then its own capabilities count. warm_*: what
-- the last warmup that ended gave (NULL: none did), the spec it was made for, and since when it says so; cooled_at: when that
-- spec was replaced; warming_until: a warmup runs, until then at most.
CREATE TABLE agents (
  zone_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  owner TEXT NOT NULL,
  user_id TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  metadata TEXT NOT NULL,
  agent_type TEXT,
  spec TEXT,
  spec_generation BIGINT NOT NULL,
  spec_first_at BIGINT,
  warm_status TEXT,
  warm_reason TEXT,
  warm_message TEXT,
  warm_generation BIGINT,
  warm_at BIGINT,
  cooled_at BIGINT,
  warming_until BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, agent_id)
);

-- The same agent as it was observed, in a narrow row of its own, since each heartbeat replaces it. heard_at: last heartbeat or
-- move, whichever is later; fresh_at: since when it has not been stale. due_at: when to look whether it has lapsed, left as
-- it is by heartbeats, so that they touch no index; NULL while it cannot lapse, or its lapse has been told.
CREATE TABLE agent_lives (
  zone_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  state TEXT NOT NULL,
  generation BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  heard_at BIGINT NOT NULL,
  fresh_at BIGINT NOT NULL,
  due_at BIGINT,
  beat_at BIGINT,
  activity TEXT,
  active_at BIGINT,
  observed_generation BIGINT NOT NULL,
  tokens_used DOUBLE PRECISION NOT NULL,
  storage_used_mb DOUBLE PRECISION NOT NULL,
  context_usage_pct DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (zone_id, agent_id)
);
CREATE INDEX agent_lives_due ON agent_lives (due_at) WHERE due_at IS NOT NULL;

-- The capabilities that count, by which agents are found.
CREATE TABLE agent_capabilities (
  zone_id TEXT NOT NULL,
  capability TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  PRIMARY KEY (zone_id, capability, agent_id)
);
CREATE INDEX agent_capabilities_of ON agent_capabilities (zone_id, agent_id);

-- An inbox, of an agent that need not be registered; owner is who made it, type:id.
CREATE TABLE mailboxes (
  zone_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, agent_id)
);

-- seq is the number of the event that told of the message: the order in which they came. bytes: of the payload.
CREATE TABLE messages (
  zone_id TEXT NOT NULL,
  recipient TEXT NOT NULL,
  seq BIGINT NOT NULL,
  message_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  correlation_id TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  PRIMARY KEY (zone_id, recipient, seq)
);
CREATE UNIQUE INDEX messages_by_id ON messages (zone_id, recipient, message_id);
CREATE INDEX messages_expiring ON messages (expires_at) WHERE expires_at IS NOT NULL;
