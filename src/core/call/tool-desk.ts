/** What calls may use of MCP servers that are mounted. */
import type { ServedTool, ToolPlace } from '../../ports/tool-servers.ts';

export interface ToolDesk {
  /** As a place is stored, with the secrets in it. */
  seal(place: ToolPlace, zone_id: string): string;
  /** Connects and lists the tools. Never throws and always ends: what is wrong is its answer. */
  look(asked: ToolLook): Promise<ToolLooked>;
  /** Ends all looks. */
  close(): Promise<void>;
}

export interface ToolLook {
  /** Of this very entry: those who want the same look have it together. */
  readonly mount_id: string;
  readonly zone_id: string;
  readonly sealed: string;
}

export interface ToolLooked {
  readonly tools: readonly ServedTool[];
  /** Why there are none. */
  readonly error: string | null;
}
