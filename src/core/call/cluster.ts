/** What a call may know of the servers that share the database, and of how this one is (files.md §12). */

export type NodeStatus = 'healthy' | 'down' | 'draining';

export interface NodeObject {
  readonly id: string;
  readonly region: string | null;
  readonly version: string;
  readonly status: NodeStatus;
  readonly last_seen: string;
}

export interface HealthBody {
  readonly status: 'healthy' | 'degraded' | 'unhealthy' | 'starting';
  readonly healthy: boolean;
  readonly service: 'nexus';
  readonly version: string;
  /** This server. */
  readonly node: string;
  readonly region: string | null;
  readonly enforce_permissions: boolean;
  readonly enforce_zone_isolation: boolean;
  readonly has_auth: boolean;
  readonly nodes: readonly NodeObject[];
  /** Ids of those that serve. */
  readonly healthy_nodes: readonly string[];
}

export interface ClusterView {
  /** No other server has this database, now or later. */
  readonly alone: boolean;
  health(): Promise<HealthBody>;
}
