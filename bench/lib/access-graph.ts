/**
 * A graph of tuples in which every deciding path has 8 hops: a user is in a team, teams nest four deep, the outermost may
 * view a folder, and the file lies four folders further down. With it, checks that are all distinct, half of them allowed.
 */
import { NodeBudget } from '../../src/features/access/evaluate/budget.ts';
import { closureOf } from '../../src/features/access/evaluate/closure.ts';
import { type Evaluation, holdsName, placeOf } from '../../src/features/access/evaluate/evaluator.ts';
import { Reliance } from '../../src/features/access/evaluate/reliance.ts';
import type { GraphTuple } from '../../src/features/access/graph/graph.ts';
import { ZoneGraph } from '../../src/features/access/graph/zone-graphs.ts';
import { type Schema, schemaWith } from '../../src/features/access/schema/schema.ts';

/** Tuples of one space: members, nestings, the grant. */
export const SPACE_TUPLES = 100;
const NESTED = 4;
const MEMBERS = SPACE_TUPLES - NESTED;

export const teamOf = (space: number, depth: number): string => `team-${space}-${depth}`;
export const folderOf = (space: number): string => `/space-${space}`;

const tuple = (
  subject: readonly [string, string],
  relation: string,
  object: readonly [string, string],
): GraphTuple => ({
  tuple_id: `tuple-${subject[1]}-${object[1]}`.slice(0, 30).padEnd(30, '0'),
  zone: '',
  subject_type: subject[0],
  subject_id: subject[1],
  subject_relation: '',
  relation,
  object_type: object[0],
  object_id: object[1],
  expires_at: null,
  conditions: null,
});

export function* benchTuples(count: number): Generator<GraphTuple> {
  for (let space = 0; space < count / SPACE_TUPLES; space++) {
    for (let member = 0; member < MEMBERS; member++) {
      yield tuple(['user', `user-${space}-${member}`], 'member', ['group', teamOf(space, 1)]);
    }
    for (let depth = 1; depth < NESTED; depth++) {
      yield tuple(['group', teamOf(space, depth)], 'member', ['group', teamOf(space, depth + 1)]);
    }
    yield tuple(['group', teamOf(space, NESTED)], 'direct_viewer', ['file', folderOf(space)]);
  }
}

export interface BenchCheck {
  readonly space: number;
  readonly user: string;
  /** Space that the file lies in. */
  readonly target: number;
  readonly path: string;
  readonly allowed: boolean;
}

/** The n-th check on a graph of so many tuples; no two are equal. */
export function benchCheck(n: number, tuples: number): BenchCheck {
  const spaces = Math.floor(tuples / SPACE_TUPLES);
  const space = (n * 7919) % spaces;
  const allowed = n % 2 === 0 || spaces === 1;
  const target = allowed ? space : (space + 1) % spaces;
  const user = `user-${space}-${n % MEMBERS}`;
  return { space, user, target, path: `${folderOf(target)}/a/b/c/file-${n}`, allowed };
}

export function benchGraph(tuples: number, schema: Schema = schemaWith(0, {})): ZoneGraph {
  const zone = new ZoneGraph({ zone_id: 'bench', access_revision: 1 }, schema);
  for (const one of benchTuples(tuples)) zone.graph.add(one);
  return zone;
}

const NOW = Date.UTC(2030, 0, 1);
const CONTEXT = { now: new Date(NOW).toISOString() };

export function evaluationOf(zone: ZoneGraph, user: string): Evaluation & { readonly reliance: Reliance } {
  const reliance = new Reliance(NOW, () => CONTEXT);
  const budget = new NodeBudget(100_000);
  const { graph, plans } = zone;
  const closure = closureOf({ graph, reliance, mode: 'context', budget }, [['user', user]]);
  return { graph, plans, closure, reliance, mode: 'context', budget };
}

/** One check, nothing of it known before. */
export const checkOn = (zone: ZoneGraph, user: string, [name, type, id]: readonly [string, string, string]): boolean =>
  holdsName(evaluationOf(zone, user), name, placeOf(zone.graph, type, id));

/** Checks a second. */
export function perSecond(checks: number, one: (n: number) => boolean): number {
  const began = performance.now();
  for (let n = 0; n < checks; n++) one(n);
  return (checks * 1000) / (performance.now() - began);
}
