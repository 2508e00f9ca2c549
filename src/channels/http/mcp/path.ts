/** Where the MCP door is. What fails before it is answered as JSON-RPC with the status of the fault. */
export const MCP = '/mcp';
