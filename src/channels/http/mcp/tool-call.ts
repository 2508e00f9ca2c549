/**
 * One call of a tool (workflows.md §8): the operation behind it, as every other door runs it. Guarantees: a tool does what the
 * same credential does over HTTP, and takes from the same bucket; whatever it refuses is a result that says what failed and what to do
 * next; no result is larger than its limit.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asFault, type Fault, type FaultCode } from '../../../base/faults.ts';
import { limitExceeded } from '../../../base/limits.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { invoke } from '../../../core/invoke.ts';
import { presented } from '../../../core/present.ts';
import { slotOf } from '../../../core/rate-slots.ts';
import { type Tool, tools } from '../../../core/tools.ts';
import { chargeCalls } from '../admission.ts';
import { isConfirmed } from '../arrivals.ts';
import { SpoolRoom } from '../body/spool.ts';
import type { Arrival, DoorOptions } from '../door.ts';
import { restFailure } from '../failures.ts';
import { jsonText } from '../json-answer.ts';
import { requestOf, withBranch } from '../request.ts';
import { decodeValues } from '../rpc-values.ts';

/** A request at this door. */
export interface Scene {
  readonly door: DoorOptions;
  readonly arrival: Arrival;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: () => AbortSignal;
}

/** What a tool gives, in the protocol's own form. */
export interface ToolResult {
  content: { type: 'text'; text: string }[];
  structuredContent: unknown;
  isError?: true;
  _meta?: { readonly [REPLAYED]: true };
}

/** What the header `Idempotent-Replayed` says: where the answer is a stream of the older revision, headers are gone by then. */
export const REPLAYED = 'nexus/idempotent-replayed';

export const resultOf = (text: string): ToolResult => ({
  content: [{ type: 'text', text }],
  structuredContent: parseJson(text),
});

/** The answer as JSON; throws a Fault. */
export async function answerOf(scene: Scene, { name, operation, binding }: Tool, args: unknown): Promise<string> {
  const { door, arrival, reply } = scene;
  const { server } = door;
  chargeCalls([slotOf(operation.name)], reply, { door, budget: arrival.budget });
  const room = new SpoolRoom(door.spools(arrival.caller?.zone_id));
  try {
    const decoded = await decodeValues(args ?? {}, room);
    const raw = typeof decoded === 'object' ? withBranch(operation, decoded ?? {}, arrival.headers) : decoded;
    const gone = operation.linger ? scene.gone : undefined;
    const asked = { ...requestOf(arrival, 'mcp'), tolerant: false, gone, lasts: scene.request.lasts };
    const answer = await invoke(server, operation, { raw, request: asked });
    const body = await presented(server, binding, answer);
    const most = server.limits.TOOL_RESULT_BYTES;
    const text = await jsonText(body ?? null, server.blobs, most);
    if (typeof text === 'string') return text;
    throw limitExceeded('TOOL_RESULT_BYTES', most, { actual: text, what: `the result of ${name}` });
  } finally {
    await room.close();
  }
}

export async function callTool(scene: Scene, tool: Tool, args: unknown): Promise<ToolResult> {
  try {
    let isReplayed = false;
    const replayed = (): void => {
      isReplayed = true;
      scene.arrival.replayed();
    };
    const result = resultOf(await answerOf({ ...scene, arrival: { ...scene.arrival, replayed } }, tool, args));
    return isReplayed ? { ...result, _meta: { [REPLAYED]: true } } : result;
  } catch (thrown) {
    const fault = await lastWord(scene, asFault(thrown));
    return refusal(scene, fault, suggestedFor(tool, fault.code));
  }
}

/** A key that ended a moment ago is told before anything else that is wrong. */
export const lastWord = (scene: Scene, fault: Fault): Promise<Fault> =>
  isConfirmed(fault) ? scene.arrival.confirm().then(() => fault, asFault) : Promise.resolve(fault);

export function refusal({ arrival }: Scene, fault: Fault, suggested_tools: readonly string[]): ToolResult {
  const { error, request_id } = restFailure(fault, arrival.request_id);
  const told = { error, request_id, suggested_tools };
  return { content: [{ type: 'text', text: JSON.stringify(told) }], structuredContent: told, isError: true };
}

/** What helps on: who one is, the same again, or how things look. */
function suggestedFor({ name, operation }: Tool, code: FaultCode): readonly string[] {
  if (code === 'UNAUTHENTICATED' || code === 'ACCESS_DENIED') return ['whoami'];
  if (code === 'RATE_LIMITED' || code === 'UNAVAILABLE') return [name];
  const noun = nounOf(operation.name);
  const others = [...tools.values()].filter(
    (one) => one.name !== name && one.operation.effect === 'read' && nounOf(one.operation.name) === noun,
  );
  const lists = (one: Tool): number => (one.name.startsWith('list_') ? 0 : 1);
  return [
    ...others
      .sort((a, b) => lists(a) - lists(b))
      .slice(0, 2)
      .map((one) => one.name),
    'search_tools',
  ];
}

const nounOf = (operation: string): string => operation.split('.')[0] ?? '';
