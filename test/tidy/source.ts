/**
 * A source file as the rules see it: its text, its syntax tree laid flat and found by node type, its comments, and line
 * numbers. Works on text alone, so a rule can be fed a file that does not exist.
 */
import { parseAst } from 'vitest/node';

/** A node of the ESTree that oxc makes of TypeScript. Offsets are in UTF-16 units. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** A node and the node that holds it. */
export interface Placed {
  readonly node: Node;
  readonly parent: Placed | undefined;
}

export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly comments: readonly { readonly start: number; readonly text: string }[];
  /** Every node of these types, in source order per type. */
  nodes(...types: string[]): Placed[];
  /** 1-based. */
  lineOf(offset: number): number;
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value;

/** The node in a field, if there is one. */
export const child = (node: Node | undefined, field: string): Node | undefined => {
  const value = node?.[field];
  return isNode(value) ? value : undefined;
};

/** The nodes in a list field. */
export const children = (node: Node | undefined, field: string): Node[] => {
  const value = node?.[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
};

/** The name of an identifier or the value of a string, else ''. */
export const nameOf = (node: Node | undefined): string => {
  const name = node?.type === 'Literal' ? node.value : node?.name;
  return typeof name === 'string' ? name : '';
};

/** Parses one file; a file that does not parse throws with its path. */
export function source(path: string, text: string): Source {
  const tree: unknown = parse(path, text);
  const byType = new Map<string, Placed[]>();
  lay(tree, undefined, byType);
  const lines = lineStarts(text);
  const nodes = (...types: string[]): Placed[] => types.flatMap((type) => byType.get(type) ?? []);
  return { path, text, comments: commentsOf(text, nodes), nodes, lineOf: (offset) => lineAt(lines, offset) };
}

function parse(path: string, text: string): unknown {
  try {
    return parseAst(text, { lang: 'ts' }, path);
  } catch (cause) {
    throw new Error(`${path} does not parse`, { cause });
  }
}

function lay(value: unknown, parent: Placed | undefined, byType: Map<string, Placed[]>): void {
  if (Array.isArray(value)) {
    for (const item of value) lay(item, parent, byType);
  } else if (isNode(value)) {
    const placed = { node: value, parent };
    const same = byType.get(value.type);
    if (same) same.push(placed);
    else byType.set(value.type, [placed]);
    for (const field in value) if (typeof value[field] === 'object') lay(value[field], placed, byType);
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** The tree has no comments: they are what opens with a comment mark outside strings, templates and regular expressions. */
function commentsOf(text: string, nodes: Source['nodes']): Source['comments'] {
  const quoted = nodes('Literal', 'TemplateElement')
    .map(({ node }) => node)
    .sort((a, b) => a.start - b.start);
  const found: { start: number; text: string }[] = [];
  const mark = /\/\/.*|\/\*[\s\S]*?\*\//g;
  let next = 0;
  for (let hit = mark.exec(text); hit; hit = mark.exec(text)) {
    while ((quoted[next]?.end ?? Number.POSITIVE_INFINITY) <= hit.index) next++;
    const inside = quoted[next];
    if (inside && inside.start <= hit.index) mark.lastIndex = inside.end;
    else found.push({ start: hit.index, text: hit[0] });
  }
  return found;
}
