/**
 * The tools that agents know operations by (workflows.md §8), derived from the list of operations. Guarantees: a name belongs to
 * one operation and is the same on every node; what answers with bytes or without end, and what gives credentials out for
 * others, is none.
 */

import type { Present } from './call/bindings.ts';
import type { AnyOperation } from './operation.ts';
import { publicOperations } from './operations.ts';
import { toolNameOf } from './tool-name.ts';

export interface Tool {
  readonly name: string;
  readonly operation: AnyOperation;
  /** How its answer becomes the result. */
  readonly binding: { readonly present?: Present<unknown> };
}

/** What `tools/list` shows; the others are found by `search_tools`. */
export const CORE_TOOLS: ReadonlySet<string> = new Set([
  ...['read_file', 'write_file', 'edit_file', 'list_files', 'find_files', 'search_files'],
  ...['stat_file', 'move_file', 'copy_file', 'delete_file', 'make_folder'],
  ...['submit_job', 'get_job', 'list_jobs', 'cancel_job'],
  ...['whoami', 'list_events'],
]);

/** Tokens are for doors that have a header for them (infrastructure.md §1). */
const isToken = ({ name }: AnyOperation): boolean => name.startsWith('token.');
const isStream = ({ stream }: AnyOperation): boolean => stream !== undefined && !stream.whenAccepted;
/** Bytes as they are stored, which a door of their own sends. */
const isBytes = ({ rpc, http }: AnyOperation): boolean => !rpc && !http;

function toolFor(operation: AnyOperation): Tool {
  const { tool, rpc, http } = operation;
  const own = typeof tool === 'string' ? undefined : tool;
  return { name: toolNameOf(operation), operation, binding: own?.present ? own : (rpc ?? http ?? {}) };
}

/** By name, in the order of names. */
export const tools: ReadonlyMap<string, Tool> = new Map(
  publicOperations
    .filter((operation) => !isToken(operation) && !isStream(operation) && !isBytes(operation))
    .map(toolFor)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((tool) => [tool.name, tool]),
);

/** The tool of a name that is known to be there. */
export function getTool(name: string): Tool {
  const tool = tools.get(name);
  if (!tool) throw new Error(`no tool ${name}`);
  return tool;
}

const byOperation = new Map([...tools.values()].map((tool) => [tool.operation.name, tool]));

/** The tool of an operation, where it is one. */
export const toolOf = ({ name }: Pick<AnyOperation, 'name'>): Tool | undefined => byOperation.get(name);
