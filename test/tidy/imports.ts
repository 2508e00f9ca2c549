/**
 * Who imports whom inside the repository: static, type-only and dynamic imports and re-exports, with relative
 * specifiers resolved to paths from the root. Packages and Node's own modules are left out.
 */
import { posix } from 'node:path';
import type { Repo } from './rule.ts';
import { child, nameOf, type Source } from './source.ts';

export interface Import {
  readonly from: Source;
  readonly to: string;
  readonly kind: 'value' | 'type' | 'dynamic';
  readonly start: number;
}

const known = new WeakMap<Repo, Import[]>();

export function importsOf(repo: Repo): Import[] {
  const found = known.get(repo) ?? repo.sources.flatMap(importsOfSource);
  known.set(repo, found);
  return found;
}

function importsOfSource(from: Source): Import[] {
  const declared = from.nodes('ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration');
  const all = [...declared, ...from.nodes('ImportExpression', 'TSImportType')];
  return all.flatMap(({ node }) => {
    const specifier = nameOf(child(node, 'source'));
    if (!specifier.startsWith('.')) return [];
    const to = posix.join(posix.dirname(from.path), specifier);
    const typed = node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type';
    const kind = node.type === 'ImportExpression' ? 'dynamic' : typed ? 'type' : 'value';
    return [{ from, to, kind, start: node.start }];
  });
}

/** Every file that running `path` loads, by way of the files it imports. */
export function loadedBy(repo: Repo, path: string): Set<string> {
  const reached = new Set([path]);
  const running = importsOf(repo).filter(({ kind }) => kind !== 'type');
  for (const at of reached) for (const { from, to } of running) if (from.path === at) reached.add(to);
  return reached;
}

/** Each knot of files that reach each other, as one path around it: `a → b → a`. */
export function cyclesOf(repo: Repo): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of importsOf(repo)) next.set(from.path, [...(next.get(from.path) ?? []), to]);
  const done = new Set<string>();
  const trail: string[] = [];
  const cycles: string[][] = [];
  const visit = (path: string): void => {
    const back = trail.indexOf(path);
    if (back >= 0) cycles.push([...trail.slice(back), path]);
    if (back >= 0 || done.has(path)) return;
    trail.push(path);
    for (const to of next.get(path) ?? []) visit(to);
    trail.pop();
    done.add(path);
  };
  for (const path of next.keys()) visit(path);
  return cycles;
}
