/**
 * What the text of a source file may not hold: sizes, names, banned calls, marks left behind. All but the sizes look at
 * the syntax tree or at comments, so a word inside a string is never a breach of them.
 */
import { exportedFunctionsOf, functionName, functionsOf, positional, rootName } from './functions.ts';
import { type Repo, type Rule, where } from './rule.ts';
import { child, children, type Node, nameOf, type Placed, type Source } from './source.ts';

const FILE_LINES = 400;
const FUNCTION_LINES = 70;
const PARAMETERS = 3;

const each =
  (breaches: (file: Source) => string[], ...within: RegExp[]) =>
  (repo: Repo): string[] =>
    repo.sources.filter(({ path }) => within.every((part) => part.test(path))).flatMap(breaches);

/** A rule on nodes: those of these types for which `says` has something to say. */
const onNodes =
  (types: readonly string[], says: (placed: Placed) => string | undefined) =>
  (file: Source): string[] =>
    file.nodes(...types).flatMap((placed) => {
      const words = says(placed);
      return words ? [`${where(file, placed.node.start)} ${words}`] : [];
    });

const memberText = (node: Node | undefined): string =>
  node?.type === 'MemberExpression' ? `${nameOf(child(node, 'object'))}.${nameOf(child(node, 'property'))}` : '';

const linesOf = (file: Source, node: Node): number => file.lineOf(node.end) - file.lineOf(node.start) + 1;
const outside = (...paths: string[]): RegExp => new RegExp(`^(?!${paths.join('|')})`);
const longText = (lines: number, line: string): string => `// c\n${line.repeat(lines)}`;

function longFunctions(file: Source): string[] {
  return functionsOf(file)
    .filter(({ node }) => linesOf(file, node) > FUNCTION_LINES)
    .map(
      (placed) => `${where(file, placed.node.start)} ${functionName(placed)} has ${linesOf(file, placed.node)} lines`,
    );
}

function manyParameters(file: Source): string[] {
  return exportedFunctionsOf(file)
    .filter(({ node }) => positional(node) > PARAMETERS)
    .map(
      (placed) => `${where(file, placed.node.start)} ${functionName(placed)} has ${positional(placed.node)} parameters`,
    );
}

function defaultExport({ node, parent }: Placed): string | undefined {
  if (node.type === 'ExportDefaultDeclaration') return 'default export';
  const renamed = parent?.node.type === 'ExportNamedDeclaration' && nameOf(child(node, 'exported')) === 'default';
  return renamed ? 'default export' : undefined;
}

/** `process.env`, also taken apart or imported by name. */
function environment({ node, parent }: Placed): string | undefined {
  const from = nameOf(child(parent?.node, 'source'));
  const imported = node.type === 'ImportSpecifier' && /^(node:)?process$/.test(from);
  if (imported && nameOf(child(node, 'imported')) === 'env') return 'imports env';
  const keys = children(child(node, 'id'), 'properties').map((property) => nameOf(child(property, 'key')));
  if (nameOf(child(node, 'init')) === 'process' && keys.includes('env')) return 'reads process.env';
  return /^process\.env$/.test(memberText(node)) ? 'reads process.env' : undefined;
}

function timeOrChance({ node }: Placed): string | undefined {
  const callee = child(node, 'callee');
  const called = node.type === 'CallExpression' ? memberText(callee) : '';
  if (called === 'Date.now' || called === 'Math.random') return `calls ${called}()`;
  const bare = nameOf(callee) === 'Date' && children(node, 'arguments').length === 0;
  return bare ? 'asks Date for the time' : undefined;
}

function evaluation({ node }: Placed): string | undefined {
  const callee = nameOf(child(node, 'callee'));
  if (callee === 'Function') return 'makes a function of text';
  return callee === 'eval' && node.type === 'CallExpression' ? 'calls eval' : undefined;
}

/** Of what loads far more than it gives: `import` takes all that a module of Node's has to offer. */
function heavyImport({ node }: Placed): string | undefined {
  const from = nameOf(child(node, 'source'));
  if (!/^node:(http|https|http2|tls)$/.test(from) || node.importKind === 'type') return undefined;
  const values = children(node, 'specifiers').filter(({ importKind }) => importKind !== 'type');
  return values.length > 0 ? `imports ${from}` : undefined;
}

const bareParse = ({ node }: Placed): string | undefined =>
  memberText(child(node, 'callee')) === 'JSON.parse' ? 'calls JSON.parse' : undefined;

function narrowedTest({ node }: Placed): string | undefined {
  const narrowed = /^(only|skip)$/.test(nameOf(child(node, 'property')));
  return narrowed && /^(test|it|describe|suite)$/.test(rootName(node)) ? 'leaves tests out' : undefined;
}

const OPENING = /^(#!.*\n)?\s*\/[/*]/;
const VAGUE = /^(manager|service|helper|util|utility|utilitie|impl|implementation)s?$/;
const wordsOf = (path: string): string[] =>
  path
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z]+/);
const UNFINISHED = /\b(?:TODO|FIXME)\b/;
const MACHINE_PATH = /(?<![\w.)\]}>])\/(?:work|tmp)(?:\/|(?=['"`]))/g;

export const codeRules: readonly Rule[] = [
  {
    says: `a file has at most ${FILE_LINES} lines`,
    breaches: each((file) => {
      const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
      return lines > FILE_LINES ? [`${file.path}:${FILE_LINES} has ${lines} lines`] : [];
    }),
    bad: [{ 'src/base/a.ts': longText(FILE_LINES, ';\n') }],
    good: [{ 'src/base/a.ts': longText(FILE_LINES - 1, ';\n') }],
  },
  {
    says: `a function has at most ${FUNCTION_LINES} lines`,
    breaches: each(longFunctions),
    bad: [
      { 'src/base/a.ts': `function f() {\n${';\n'.repeat(FUNCTION_LINES - 1)}}` },
      { 'src/base/a.ts': `const f = () => {\n${';\n'.repeat(FUNCTION_LINES - 1)}}` },
      { 'src/base/a.ts': `class A { m() {\n${';\n'.repeat(FUNCTION_LINES - 1)}} }` },
      { 'src/base/a.test.ts': `test('t', () => {\n${';\n'.repeat(FUNCTION_LINES - 1)}})` },
    ],
    good: [
      { 'src/base/a.ts': `function f() {\n${';\n'.repeat(FUNCTION_LINES - 2)}}` },
      {
        'src/base/a.test.ts': `describe('d', () => {\ntest.each([1])('t', () => {})\n${';\n'.repeat(FUNCTION_LINES)}})`,
      },
    ],
  },
  {
    says: `an exported function takes at most ${PARAMETERS} positional parameters`,
    breaches: each(manyParameters),
    bad: [
      { 'src/base/a.ts': 'export function f(a, b, c, d) {}' },
      { 'src/base/a.ts': 'export const f = (a, b, c, ...d) => 1' },
      { 'src/base/a.ts': 'const f = (a, b, c, d = 1) => 1; export { f }' },
      { 'src/base/a.ts': 'export class A { constructor(a, b, c, d) {} }' },
      { 'src/base/a.ts': 'class A { m(a, b, { c }, d) {} } export { A as B }' },
    ],
    good: [
      { 'src/base/a.ts': 'export function f(this: X, a, b, c) {}' },
      { 'src/base/a.ts': 'const f = (a, b, c, d) => 1; export const g = list.map((a, b, c, d) => 1)' },
      { 'src/base/a.ts': 'export class A { private m(a, b, c, d) {} }' },
    ],
  },
  {
    says: 'no any',
    breaches: each(onNodes(['TSAnyKeyword'], () => 'any')),
    bad: [{ 'src/base/a.ts': 'const a: any = 1' }, { 'test/a.ts': 'const a = b as any[]' }],
    good: [{ 'src/base/a.ts': "const any = 'any'; const a: unknown = any" }],
  },
  {
    says: 'no default exports',
    breaches: each(onNodes(['ExportDefaultDeclaration', 'ExportSpecifier'], defaultExport)),
    bad: [{ 'src/base/a.ts': 'export default 1' }, { 'src/base/a.ts': 'const a = 1; export { a as default }' }],
  },
  {
    says: 'console is for the command line, benches, tools and tests',
    breaches: each(
      onNodes(['MemberExpression'], ({ node }) =>
        nameOf(child(node, 'object')) === 'console' ? 'console' : undefined,
      ),
      outside('src/channels/cli/', 'bench/', 'tools/', 'test/'),
    ),
    bad: [{ 'src/base/a.ts': "console.log('x')" }, { 'client/a.ts': "console['warn'](1)" }],
    good: [{ 'src/channels/cli/a.ts': 'console.log(1)' }, { 'src/base/a.ts': "const a = 'console.log(1)'" }],
  },
  {
    says: 'only src/config/environment.ts reads the environment',
    breaches: each(
      onNodes(['MemberExpression', 'VariableDeclarator', 'ImportSpecifier'], environment),
      outside('src/config/environment\\.ts$', 'tools/', 'test/', 'bench/', 'client/'),
    ),
    bad: [
      { 'src/base/a.ts': 'const a = process.env.HOME' },
      { 'src/main.ts': "const a = process['env']" },
      { 'src/main.ts': 'const { env } = process' },
      { 'src/main.ts': "import { env } from 'node:process'" },
    ],
    good: [{ 'src/config/environment.ts': 'const a = process.env' }, { 'src/main.ts': 'const a = process.argv' }],
  },
  {
    says: 'in features and core, time and randomness come in as arguments',
    breaches: each(onNodes(['CallExpression', 'NewExpression'], timeOrChance), /^src\/(features|core)\//),
    bad: [
      { 'src/features/files/a.ts': 'const a = Date.now()' },
      { 'src/core/a.ts': 'const a = Math.random()' },
      { 'src/core/call/a.ts': 'const a = new Date()' },
    ],
    good: [{ 'src/core/a.ts': 'const a = new Date(1)' }, { 'src/base/a.ts': 'const a = Date.now()' }],
  },
  {
    says: 'HTTP and TLS of Node are had from src/base/node-http.ts, which loads what is used',
    breaches: each(onNodes(['ImportDeclaration'], heavyImport), /^src\//, outside('.*\\.(test|fixture)\\.ts')),
    bad: [
      { 'src/core/a.ts': "import { request } from 'node:http'" },
      { 'src/core/a.ts': "import { type Agent, request } from 'node:https'" },
      { 'src/core/a.ts': "import * as tls from 'node:tls'" },
    ],
    good: [
      { 'src/core/a.ts': "import type { Agent } from 'node:http'; import { type Server } from 'node:https'" },
      { 'src/core/a.test.ts': "import { request } from 'node:http'" },
    ],
  },
  {
    says: 'JSON is parsed by src/base/parse-json.ts, whose keys nobody else can change',
    breaches: each(
      onNodes(['CallExpression'], bareParse),
      /^(src|client)\//,
      outside('src/base/parse-json', '.*\\.(test|fixture)\\.ts'),
    ),
    bad: [{ 'src/core/a.ts': 'const a = JSON.parse(text)' }, { 'client/a.ts': 'const a = JSON.parse(text)' }],
    good: [
      { 'src/core/a.ts': 'const a = parseJson(text); // JSON.parse(text)' },
      { 'src/base/parse-json.ts': 'const a = JSON.parse(text)' },
      { 'src/core/a.test.ts': 'const a = JSON.parse(text)' },
    ],
  },
  {
    says: 'text is never run as code',
    breaches: each(onNodes(['CallExpression', 'NewExpression'], evaluation)),
    bad: [{ 'src/base/a.ts': "eval('1')" }, { 'test/a.ts': "new Function('return 1')" }],
    good: [{ 'src/base/a.ts': 'type F = Function; sql.eval(1)' }],
  },
  {
    says: 'a source file opens with a comment',
    breaches: each((file) => (OPENING.test(file.text) ? [] : [`${file.path}:1 opens without a comment`])),
    bad: [{ 'src/base/a.ts': 'const a = 1 // late' }],
    good: [{ 'tools/a.mjs': '#!/usr/bin/env node\n/** What it does. */' }],
  },
  {
    says: 'no file or folder is named manager, service, helper, util or impl',
    breaches: each(({ path }) =>
      wordsOf(path).some((word) => VAGUE.test(word)) ? [`${path}:1 has an empty name`] : [],
    ),
    bad: [{ 'src/base/file-utils.ts': '' }, { 'src/engines/SqlManager.ts': '' }, { 'test/helpers/a.ts': '' }],
    good: [{ 'src/base/simple.ts': '' }],
  },
  {
    says: 'no marks of unfinished work',
    breaches: each((file) =>
      file.comments
        .filter(({ text }) => UNFINISHED.test(text))
        .map(({ start }) => `${where(file, start)} is unfinished`),
    ),
    bad: [{ 'src/base/a.ts': '// TODO later' }, { 'src/base/a.ts': 'const a = /[/*]/; /* FIXME */' }],
    good: [{ 'src/base/a.ts': `const a = '// TODO'; const b = \`\${a} // TODO\`` }],
  },
  {
    says: 'no test is left out',
    breaches: each(onNodes(['MemberExpression'], narrowedTest)),
    bad: [
      { 'src/base/a.test.ts': "test.only('a', () => {})" },
      { 'test/a.test.ts': "describe.skip('a', () => {})" },
      { 'test/a.test.ts': "test.concurrent.skip.each([1])('a', () => {})" },
    ],
    good: [{ 'src/base/a.test.ts': 'rows.skip(1); test.skipIf(windows)' }],
  },
  {
    says: 'src names no path of a machine',
    breaches: each(
      (file) =>
        [...file.text.matchAll(MACHINE_PATH)].map(({ index }) => `${where(file, index)} names a machine's path`),
      /^src\//,
    ),
    bad: [
      { 'src/base/a.ts': "const a = '/tmp/x'" },
      { 'src/base/a.ts': "const a = '/tmp'" },
      { 'src/base/a.ts': '// see /work/a' },
    ],
    good: [{ 'src/base/a.ts': `const a = './tmp/x' + \`\${b}/tmp/x\` + '/workflows/' // <root>/tmp/x` }],
  },
];
