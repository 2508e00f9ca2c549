-- MCP servers as mounts. Times are milliseconds since the epoch.
CREATE TABLE mcp_mounts (
  zone_id TEXT NOT NULL,
  -- user, zone, system
  tier TEXT NOT NULL,
  -- `type:id` of whose it is; empty where it is for all of the zone, or of the server.
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Of this very entry, never given again.
  mount_id TEXT NOT NULL,
  -- stdio, sse, http
  transport TEXT NOT NULL,
  -- How it is reached, sealed: arguments, addresses and headers hold secrets.
  place TEXT NOT NULL,
  description TEXT NOT NULL,
  -- As the last look had it: 1 where that came to its tools, which are a JSON list.
  mounted INTEGER NOT NULL,
  tool_count BIGINT NOT NULL,
  tools TEXT NOT NULL,
  last_error TEXT,
  looked_at BIGINT NOT NULL,
  PRIMARY KEY (zone_id, tier, owner, name)
);
CREATE UNIQUE INDEX mcp_mounts_id ON mcp_mounts (mount_id);
