/**
 * The floors of the house: which file may import which. Imports go down, within the features also to the left, never up
 * and never around. Tests stand outside the floors, since what they test needs an engine under it.
 */
import { cyclesOf, type Import, importsOf, loadedBy } from './imports.ts';
import { type Repo, type Rule, where } from './rule.ts';

interface Floor {
  readonly name: string;
  readonly holds: RegExp;
  /** Floors it may import, its own included; `type` and `dynamic` say that only such an import may go there. */
  readonly may: Readonly<Record<string, 'any' | 'type' | 'dynamic'>>;
}

const any = (...names: string[]): Record<string, 'any'> => Object.fromEntries(names.map((name) => [name, 'any']));

/** Highest first; a file stands on the first floor that holds it. */
const FLOORS: readonly Floor[] = [
  {
    name: 'roof',
    holds: /^src\/(main|thread|compute-thread)\.ts$|^src\/roof\//,
    may: any('roof', 'channels', 'engines', 'core', 'features', 'operation', 'ports', 'config', 'base'),
  },
  {
    name: 'cli',
    holds: /^src\/channels\/cli\//,
    may: {
      ...any('cli', 'channels', 'client', 'core', 'operation', 'ports', 'config', 'base'),
      features: 'type',
      roof: 'dynamic',
    },
  },
  {
    name: 'channels',
    holds: /^src\/channels\//,
    may: { ...any('channels', 'core', 'operation', 'ports', 'base'), features: 'type' },
  },
  { name: 'engines', holds: /^src\/engines\//, may: any('engines', 'ports', 'base') },
  { name: 'operation', holds: /^src\/core\/(operation\.ts$|call\/)/, may: any('operation', 'ports', 'base') },
  { name: 'core', holds: /^src\/core\//, may: any('core', 'features', 'operation', 'ports', 'base') },
  { name: 'features', holds: /^src\/features\//, may: any('features', 'operation', 'ports', 'base') },
  { name: 'ports', holds: /^src\/ports\//, may: any('ports', 'base') },
  { name: 'config', holds: /^src\/config(\.ts$|\/)/, may: any('config', 'base') },
  { name: 'base', holds: /^src\/base\//, may: any('base') },
  { name: 'client', holds: /^client\//, may: any('client') },
];

/** Each may use itself and those before it. */
const FEATURES = (
  'events zones access answers audit limits jobs cluster bricks content files feed uploads mounts mcp sync agents sessions workflows webhooks ' +
  'corpus sandboxes backups health'
).split(' ');

const isTest = (path: string): boolean => /\.test\.ts$/.test(path);
const floorOf = (path: string): Floor | undefined => FLOORS.find(({ holds }) => holds.test(path));
const featureOf = (path: string): string => path.match(/^src\/features\/([^/]+)\//)?.[1] ?? '';
const arrow = ({ from, to, start }: Import): string => `${where(from, start)} imports ${to}`;

function floorBreach(edge: Import): string[] {
  const from = floorOf(edge.from.path);
  if (!from || isTest(edge.from.path)) return [];
  if (isTest(edge.to)) return [`${arrow(edge)}: a test`];
  const to = floorOf(edge.to);
  // Types leave nothing behind, so the client may take those of any floor.
  if (from.name === 'client' && edge.kind === 'type' && edge.to.startsWith('src/')) return [];
  // "All texts go through here", and it imports nothing.
  if (from.name === 'client' && edge.to === 'src/base/parse-json.ts') return [];
  const leave = to && from.may[to.name];
  if (leave === 'any' || leave === edge.kind) return [];
  return [`${arrow(edge)}: ${from.name} may import ${leave ? `${to.name} only as ${leave} import` : allowed(from)}`];
}

const allowed = (floor: Floor): string => `only ${Object.keys(floor.may).join(', ')}`;

function featureBreach(edge: Import): string[] {
  const [from, to] = [featureOf(edge.from.path), featureOf(edge.to)];
  if (!from || !to || isTest(edge.from.path) || FEATURES.indexOf(to) <= FEATURES.indexOf(from)) return [];
  return [`${arrow(edge)}: ${to} stands to the right of ${from}`];
}

function homeless({ path }: { path: string }): string[] {
  if (!path.startsWith('src/') || isTest(path)) return [];
  if (!floorOf(path)) return [`${path}:1 stands on no floor`];
  if (!path.startsWith('src/features/') || FEATURES.includes(featureOf(path))) return [];
  return [`${path}:1 lies in no known feature: put its name at its place in the order`];
}

const IS_ACCEPTANCE = /^test\/acceptance\//;

function acceptanceBreach(edge: Import): string[] {
  return IS_ACCEPTANCE.test(edge.from.path) && edge.to.startsWith('src/') ? [arrow(edge)] : [];
}

function loadsServer(repo: Repo, { path }: { path: string }): string[] {
  if (!IS_ACCEPTANCE.test(path)) return [];
  const server = [...loadedBy(repo, path)].find((loaded) => loaded.startsWith('src/'));
  return server ? [`${path}:1 loads ${server}`] : [];
}

const eachImport =
  (breach: (edge: Import) => string[]) =>
  (repo: Repo): string[] =>
    importsOf(repo).flatMap(breach);

export const floorRules: readonly Rule[] = [
  {
    says: 'every file of src stands on a floor, every feature has its place in the order',
    breaches: (repo) => repo.sources.flatMap(homeless),
    bad: [{ 'src/stray.ts': '' }, { 'src/features/unheard/a.ts': '' }, { 'src/features/a.ts': '' }],
  },
  {
    says: 'imports go down, never up, and channels and engines never meet',
    breaches: eachImport(floorBreach),
    bad: [
      { 'src/base/a.ts': "import '../ports/b.ts'" },
      { 'src/ports/a.ts': "import type { B } from '../features/files/b.ts'" },
      { 'src/features/files/a.ts': "import '../../core/invoke.ts'" },
      { 'src/features/files/a.ts': "import '../../config.ts'" },
      { 'src/core/operation.ts': "type T = import('../features/files/b.ts').B" },
      { 'src/core/call/a.ts': "import '../invoke.ts'" },
      { 'src/core/invoke.ts': "import '../channels/http/a.ts'" },
      { 'src/core/invoke.ts': "import '../engines/sqlite/a.ts'" },
      { 'src/channels/http/a.ts': "import { e } from '../../engines/disk/e.ts'" },
      { 'src/engines/disk/a.ts': "import type { C } from '../../channels/http/c.ts'" },
      { 'src/engines/disk/a.ts': "export * from '../../core/operation.ts'" },
      { 'src/channels/http/a.ts': "import { f } from '../../features/files/f.ts'" },
      { 'src/channels/http/a.ts': "const roof = await import('../../main.ts')" },
      { 'src/channels/cli/a.ts': "import '../../main.ts'" },
      { 'src/config.ts': "import './ports/a.ts'" },
      { 'src/base/a.ts': "import '../../test/tidy/a.ts'" },
      { 'src/base/a.ts': "import './b.test.ts'" },
      { 'client/a.ts': "import '../src/base/faults.ts'" },
    ],
    good: [
      { 'src/channels/cli/a.ts': "const roof = await import('../../main.ts')" },
      { 'src/channels/http/a.ts': "import type { F } from '../../features/files/f.ts'" },
      { 'src/core/operations.ts': "import '../features/files/f.ts'; import './operation.ts'" },
      { 'src/features/files/a.ts': "import '../../core/operation.ts'; import '../../ports/sql.ts'" },
      { 'src/features/files/a.test.ts': "import '../../engines/sqlite/open.ts'" },
      { 'client/a.ts': "import type { F } from '../src/core/operation.ts'; import './b.ts'" },
      { 'client/a.ts': "import '../src/base/parse-json.ts'" },
    ],
  },
  {
    says: 'a feature uses only those to its left',
    breaches: eachImport(featureBreach),
    bad: [
      { 'src/features/events/a.ts': "import type { Z } from '../zones/z.ts'" },
      { 'src/features/content/a.ts': "import '../files/f.ts'" },
    ],
    good: [{ 'src/features/files/a.ts': "import '../content/c.ts'; import './b.ts'" }],
  },
  {
    says: 'no import cycles, type-only imports counted',
    breaches: (repo) => cyclesOf(repo).map((cycle) => `${cycle[0]}:1 ${cycle.join(' → ')}`),
    bad: [
      { 'src/base/a.ts': "import './b.ts'", 'src/base/b.ts': "import type { A } from './a.ts'" },
      { 'src/base/a.ts': "import './b.ts'", 'src/base/b.ts': "import './c.ts'", 'src/base/c.ts': "import './b.ts'" },
    ],
    good: [
      {
        'src/base/a.ts': "import './b.ts'; import './c.ts'",
        'src/base/b.ts': "import './d.ts'",
        'src/base/c.ts': "import './d.ts'",
        'src/base/d.ts': '',
      },
    ],
  },
  {
    says: 'acceptance tests know the server only by its URL',
    breaches: (repo) => [
      ...eachImport(acceptanceBreach)(repo),
      ...repo.sources.flatMap((file) => loadsServer(repo, file)),
    ],
    bad: [
      { 'test/acceptance/a.test.ts': "import type { F } from '../../src/base/faults.ts'" },
      { 'test/acceptance/a.test.ts': "import '../kit/k.ts'", 'test/kit/k.ts': "import '../../src/main.ts'" },
    ],
    good: [
      {
        'test/acceptance/a.test.ts': "import '../../client/a.ts'",
        'client/a.ts': "import type { F } from '../src/a.ts'",
      },
    ],
  },
];
