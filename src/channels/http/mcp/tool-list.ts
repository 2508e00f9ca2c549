/**
 * What an agent is told of tools (workflows.md §8): name, description, schemas of input and output. Guarantees: what is shown may be called by
 * the caller's role and is switched on; the list is in the order of names, and of the same length however many operations there are.
 */
import { z } from 'zod';
import { checkWho } from '../../../core/authorise.ts';
import { withoutStale } from '../../../core/call/stale.ts';
import { CORE_TOOLS, type Tool, tools } from '../../../core/tools.ts';
import { type JsonSchema, schemaOf } from '../json-schema.ts';
import type { Scene } from './tool-call.ts';

/** In the protocol's own form. */
export interface ToolText {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly outputSchema?: JsonSchema;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly openWorldHint: false;
  };
}

const SEARCH_LIMIT = 10;
const SEARCH_LIMIT_MAX = 50;

export const searchInput = z.strictObject({
  query: z.string().max(1_000).optional().describe('words, such as "share a folder"; without any, the first of all'),
  limit: z.int().min(1).max(SEARCH_LIMIT_MAX).default(SEARCH_LIMIT),
});
type Search = z.infer<typeof searchInput>;

export const callInput = z.strictObject({
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()).optional().describe('as its inputSchema says'),
});

const READS = { readOnlyHint: true, destructiveHint: false, openWorldHint: false } as const;
/** Tools about tools, so that an agent reaches all of them by a list that never grows. */
const SEARCH: ToolText = {
  name: 'search_tools',
  description:
    'Find tools by words of what they do. Each comes with its schemas; call it by call_tool, or by its name.',
  inputSchema: schemaOf(searchInput, 'input'),
  annotations: READS,
};
const CALL: ToolText = {
  name: 'call_tool',
  description: 'Call a tool by its name, listed or not.',
  inputSchema: schemaOf(callInput, 'input'),
  annotations: { ...READS, readOnlyHint: false, destructiveHint: true },
};

const texts = new Map<string, ToolText>();

/** Made when it is first asked for: most are never. */
function textOf({ name, operation, binding }: Tool): ToolText {
  const known = texts.get(name);
  if (known) return known;
  const outputSchema = binding.present ? undefined : schemaOf(withoutStale(operation.output), 'output');
  const text: ToolText = {
    name,
    description: operation.summary,
    inputSchema: { ...schemaOf(operation.input, 'input'), type: 'object', additionalProperties: false },
    // The protocol knows outputs that are objects; others are told by themselves.
    ...(outputSchema?.type === 'object' ? { outputSchema } : {}),
    annotations: {
      readOnlyHint: operation.effect === 'read',
      destructiveHint: operation.effect === 'destroy',
      openWorldHint: false,
    },
  };
  texts.set(name, text);
  return text;
}

/** May this caller call it now? */
function isOpen({ door, arrival }: Scene, { operation }: Tool): boolean {
  try {
    checkWho(operation, arrival.caller, 'mcp');
    if (operation.brick) door.server.bricks.check(operation.brick);
    return true;
  } catch {
    return false;
  }
}

const open = (scene: Scene): Tool[] => [...tools.values()].filter((tool) => isOpen(scene, tool));

/** `search`: only what finds the others. */
export function listTools(scene: Scene, which: 'core' | 'search'): readonly ToolText[] {
  const shown =
    which === 'core'
      ? open(scene)
          .filter(({ name }) => CORE_TOOLS.has(name))
          .map(textOf)
      : [];
  return [...shown, SEARCH, CALL].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Words that say nothing of what somebody wants. */
const EMPTY_WORDS = new Set(
  'a an and at be by do for from how i in is it my of on or that the this to what with'.split(' '),
);
/** What people call things that are called otherwise here. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  access: ['share', 'permission'],
  cron: ['schedule'],
  directory: ['folder'],
  every: ['schedule'],
  grant: ['share', 'tuple'],
  history: ['version'],
  permission: ['share', 'tuple'],
  repeat: ['schedule'],
  undo: ['rollback', 'restore'],
  watch: ['event'],
};

const wordsIn = (text: string): string[] =>
  (text.toLowerCase().match(/[a-z0-9]+/g) ?? []).filter((word) => !EMPTY_WORDS.has(word)).map(singular);
const singular = (word: string): string => (word.length > 3 ? word.replace(/s$/, '') : word);

/** The words by which a tool is found: those of its name, by which the operation is known elsewhere too, and of its summary. */
const knownBy = new Map<Tool, { readonly names: ReadonlySet<string>; readonly summary: ReadonlySet<string> }>();

function wordsOf(tool: Tool) {
  const known = knownBy.get(tool);
  if (known) return known;
  const { name, rpc, cli, summary } = tool.operation;
  const names = [tool.name, name, rpc?.name, ...(rpc?.aliases ?? []), cli?.words].join(' ');
  const found = { names: new Set(wordsIn(names)), summary: new Set(wordsIn(summary)) };
  knownBy.set(tool, found);
  return found;
}

/** Those with most of the words first; a word of a name counts for more. */
export function searchTools(scene: Scene, { query = '', limit }: Search): Found {
  const asked = new Set(wordsIn(query));
  const score = (tool: Tool): number => {
    const { names, summary } = wordsOf(tool);
    const points = (word: string): number => (names.has(word) ? 3 : 0) + (summary.has(word) ? 1 : 0);
    return [...asked].reduce((sum, word) => sum + Math.max(points(word), ...(SAME[word] ?? []).map(points)), 0);
  };
  const found = open(scene)
    .map((tool) => ({ tool, points: score(tool) }))
    .filter(({ points }) => points > 0 || asked.size === 0)
    .sort((a, b) => b.points - a.points);
  return { tools: found.slice(0, limit).map(({ tool }) => textOf(tool)), total: found.length };
}

interface Found {
  readonly tools: readonly ToolText[];
  /** As many there would be. */
  readonly total: number;
}
