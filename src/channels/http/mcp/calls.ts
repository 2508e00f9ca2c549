/** The MCP door and the older transport of it, as the API document tells them (workflows.md §8). */
import { z } from 'zod';
import type { OwnCall } from '../own-calls.ts';

const message = z
  .looseObject({ jsonrpc: z.literal('2.0'), id: z.union([z.string(), z.number()]).optional() })
  .describe('a message of MCP');
const answer = z.looseObject({ jsonrpc: z.literal('2.0') }).describe('a message of MCP');

const POST = {
  method: 'POST',
  keyed: true,
  mcp: true,
  takes: { 'application/json': message },
  faults: ['ACCESS_DENIED', 'UNAVAILABLE', 'TOO_MANY', 'NOT_FOUND'],
} as const satisfies Partial<OwnCall>;

export const MCP_CALL: OwnCall = {
  ...POST,
  id: 'mcp.post',
  summary:
    'A message of MCP (2026-07-28, or 2025-11-25 without sessions); its answer as JSON or as a stream of events.',
  headers: {
    'Accept!': 'application/json, text/event-stream',
    'MCP-Protocol-Version': 'the revision that is spoken',
    'Mcp-Method': 'the method of the message, from 2026-07-28 on',
    'Mcp-Name': 'the tool or resource of the message, from 2026-07-28 on',
  },
  query: { tools: 'search: only the tools by which others are found' },
  status: 200,
  gives: { 'application/json': answer, 'text/event-stream': undefined },
  others: { 202: { about: 'A notification was taken' } },
};

export const SSE_CALL: OwnCall = {
  id: 'mcp.sse',
  method: 'GET',
  summary:
    'A stream of the older transport (2024-11-05), with NEXUS_MCP_SSE: its first event says where to send messages to.',
  query: { tools: 'search: only the tools by which others are found' },
  status: 200,
  gives: { 'text/event-stream': undefined },
  faults: ['UNAUTHENTICATED', 'RATE_LIMITED', 'ACCESS_DENIED', 'UNAVAILABLE', 'TOO_MANY'],
};

export const MESSAGES_CALL: OwnCall = {
  ...POST,
  id: 'mcp.messages',
  summary: 'A message to a stream of the older transport, which brings the answer.',
  query: { session_id: 'of the stream, as its first event said' },
  status: 202,
  gives: { 'text/plain': undefined },
};
