/** Where the MCP door is. What fails before it is answered as JSON-RPC with the status of the fault. */
export const MCP = '/mcp';
/** The older transport, where it is switched on: its streams, and where their messages are sent to. */
export const SSE = '/sse';
export const MESSAGES = '/messages/';
