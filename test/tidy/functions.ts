/** The functions of a file: how long each is, what it is called, and whether other files can call it. */
import { child, children, type Node, nameOf, type Placed, type Source } from './source.ts';

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'TSDeclareFunction'];
const WRAPPERS = ['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'ParenthesizedExpression'];
const TEST_CALLS = ['test', 'it', 'describe'];

/** Functions with a body or a signature, suites of tests left out: they group functions and are as long as their tests. */
export function functionsOf(file: Source): Placed[] {
  return file.nodes(...FUNCTIONS).filter(({ node }) => !isSuite(node));
}

function isSuite(node: Node): boolean {
  const statements = children(child(node, 'body'), 'body');
  return statements.some((statement) => TEST_CALLS.includes(rootName(child(statement, 'expression'))));
}

/** The identifier that a chain of calls and members starts with: `test` of `test.each(rows)('…', run)`. */
export function rootName(node: Node | undefined): string {
  if (node?.type === 'CallExpression') return rootName(child(node, 'callee'));
  if (node?.type === 'MemberExpression') return rootName(child(node, 'object'));
  return nameOf(node);
}

export function functionName({ node, parent }: Placed): string {
  const named = child(node, 'id') ?? child(parent?.node, 'id') ?? child(parent?.node, 'key');
  return nameOf(named) || '(anonymous)';
}

/** Parameters that a caller fills by position; `this` is none. */
export function positional(node: Node): number {
  return children(node, 'params').filter((param) => nameOf(param) !== 'this').length;
}

/** Functions that other files can call: exported ones, and the methods of exported classes. */
export function exportedFunctionsOf(file: Source): Placed[] {
  const specifiers = file.nodes('ExportSpecifier').map(({ node }) => nameOf(child(node, 'local')));
  const exported = (held: Placed): boolean => {
    if (held.parent?.node.type === 'ExportNamedDeclaration') return true;
    return held.parent?.node.type === 'Program' && specifiers.includes(nameOf(child(held.node, 'id')));
  };
  return functionsOf(file).filter((placed) => {
    const holder = holderOf(placed);
    if (holder.node.type === 'MethodDefinition') {
      const declared = holder.parent?.parent;
      return holder.node.accessibility !== 'private' && declared !== undefined && exported(declared);
    }
    if (holder.node.type !== 'VariableDeclarator') return exported(holder);
    const named = specifiers.includes(nameOf(child(holder.node, 'id')));
    const top = holder.parent?.parent?.node.type;
    return top === 'ExportNamedDeclaration' || (top === 'Program' && named);
  });
}

/** What gives a function its name: itself when declared, else the variable or method that it is the value of. */
function holderOf(placed: Placed): Placed {
  let holder = placed.parent;
  while (holder && WRAPPERS.includes(holder.node.type)) holder = holder.parent;
  const holds = holder?.node.type === 'VariableDeclarator' || holder?.node.type === 'MethodDefinition';
  return holder && holds ? holder : placed;
}
