/** MCP servers of others, whose tools are looked at (platform.md §4.3). */

/** How one is reached: a program of this host that speaks over its standard streams, or an address. */
export type ToolPlace =
  | {
      readonly transport: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly transport: 'sse' | 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
    };

/** A tool as its server tells of it; nothing of it has been checked but its shape. */
export interface ServedTool {
  readonly name: string;
  readonly description: string;
  readonly input_schema: Readonly<Record<string, unknown>>;
}

export interface ToolServers {
  /**
   * Connects, lists all tools and takes leave: nothing is left running. A {@link ToolServerError} where that fails, within the time of
   * `signal`.
   */
  list(place: ToolPlace, signal: AbortSignal): Promise<ServedTool[]>;
  close(): void;
}

/** Why it could not be asked, in words for whoever mounted it. */
export class ToolServerError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ToolServerError';
  }
}
