/** All calls of doors of their own with their paths, for documents that are made without a server. */
import { ROUTES } from './contents.ts';
import { FILE_CALLS } from './file-bytes-calls.ts';
import { MCP_CALL, MESSAGES_CALL, SSE_CALL } from './mcp/calls.ts';
import { MCP, MESSAGES, SSE } from './mcp/path.ts';
import { DOCUMENT_CALLS, OPEN_CALLS, RPC_CALLS } from './open-calls.ts';
import { documentPath, type OwnCall, type RoutedCall } from './own-calls.ts';
import { ALL_CALLS, ONE, ONE_CALLS } from './tus/calls.ts';
import { ROOT } from './tus/headers.ts';

const at = (path: string, calls: readonly OwnCall[]): RoutedCall[] =>
  calls.map((call) => ({ ...call, path: documentPath(path) }));

export const ownCalls: readonly RoutedCall[] = [
  ...Object.entries({ ...OPEN_CALLS, ...DOCUMENT_CALLS, ...RPC_CALLS }).flatMap(([path, call]) => at(path, [call])),
  ...at('/api/v2/files/*', FILE_CALLS),
  ...ROUTES.flatMap((route) => at(route.path, [route])),
  ...at(ROOT, ALL_CALLS),
  ...at(ONE, ONE_CALLS),
  ...at(MCP, [MCP_CALL]),
  ...at(SSE, [SSE_CALL]),
  ...at(MESSAGES, [MESSAGES_CALL]),
];
