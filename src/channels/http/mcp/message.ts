/**
 * A message as it comes, by whichever transport, and the place of what lasts. Guarantees: a message is read within the limits of a body, and
 * there is one of them; figures name its method by a word of the protocol.
 */
import { Fault } from '../../../base/faults.ts';
import { deadlineIn } from '../../../core/deadline.ts';
import type { Open } from '../../../core/streams.ts';
import { bodySize } from '../body/body-size.ts';
import { parseJsonBody } from '../body/json-body.ts';
import { SpoolRoom } from '../body/spool.ts';
import { bodyOf, checkMedia } from '../request.ts';
import type { Scene } from './tool-call.ts';

export const LISTEN = 'subscriptions/listen';
/** As figures name them. */
const METHODS = new Set([
  ...['initialize', 'notifications/initialized', 'ping', 'server/discover', LISTEN, 'tools/list', 'tools/call'],
  ...['resources/list', 'resources/templates/list', 'resources/read', 'prompts/list', 'prompts/get'],
]);

export const methodOf = (message: unknown): string =>
  typeof message === 'object' && message !== null && 'method' in message ? String(message.method) : '';

/** A message was taken, and answered with this status. */
export function countMessage({ door }: Scene, message: unknown, status: number): void {
  const method = methodOf(message);
  door.metrics.messageEnded(METHODS.has(method) ? method : 'other', status);
}

/** A place among the streams of the caller's zone, for as long as the caller may listen; TOO_MANY where there is none. */
export function placeOf({ door, arrival }: Scene, gone: AbortSignal): Open {
  const { caller, request_id, address } = arrival;
  if (!caller) throw new Fault('UNAUTHENTICATED', 'Invalid or missing API key');
  const { streams, limits } = door.server;
  const at = { zone_id: caller.zone_id, path_prefix: '', deadline: deadlineIn(limits.OPERATION_MS) };
  return streams.begin({ caller, channel: 'mcp', request_id, address, ...at }, gone);
}

export async function messageOf({ request, reply, door, arrival }: Scene): Promise<unknown> {
  checkMedia(request.headers);
  const { limits } = door.server;
  const { V1_BODY_BYTES: bodyBytes } = limits;
  const room = new SpoolRoom(door.spools(arrival.caller?.zone_id));
  try {
    // No text is longer than the body may be, so none goes to the disk.
    const options = { bodyBytes, limit: 'V1_BODY_BYTES', stringBytes: bodyBytes, room, ...bodySize(limits) } as const;
    const message = await parseJsonBody(bodyOf(request, reply), options);
    // Arrays went with revision 2025-06-18, and many large results at once would be more than a server can hold.
    if (!Array.isArray(message)) return message;
    throw new Fault('INVALID_REQUEST', 'Invalid request: send messages one by one, not as an array');
  } finally {
    await room.close();
  }
}
