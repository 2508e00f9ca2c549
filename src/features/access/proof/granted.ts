/**
 * Finds one way in which a relation holds, as a tree (access.md §9). It searches as the evaluator does: each pair once,
 * what must hold beside a base by itself. Guarantee: a tree is found exactly where the evaluator says yes.
 */

import { limitExceeded } from '../../../base/limits.ts';
import { parentOf } from '../../../base/paths.ts';
import { FOLDER, PARENT, type Rule } from '../schema/rules.ts';
import type { GrantedNode, Lead, ProofRule, ThingText } from './proof.ts';
import { counts, endOf, naming, type Proving, setLead, textOf, tuplesFrom, tuplesOn } from './tuples.ts';

/** Nodes of a proof, one below another. */
const DEPTH_MAX = 1_000;

interface Open {
  readonly rule: Rule;
  readonly object: ThingText;
}

/** A proof that the relation holds, or undefined where it does not. */
export const prove = (proving: Proving, goal: Lead): GrantedNode | undefined => new Prover(proving, []).named(goal, 0);

/** The same of a part of the rule of a relation. */
export const provePart = (proving: Proving, rule: Rule, at: Lead): GrantedNode | undefined =>
  new Prover(proving, []).part(rule, at, 0);

class Prover {
  private readonly proving: Proving;
  private readonly open: readonly Open[];
  private readonly visited = new Set<string>();

  constructor(proving: Proving, open: readonly Open[]) {
    this.proving = proving;
    this.open = open;
  }

  named(at: Lead, depth: number): GrantedNode | undefined {
    const { evaluation, schema } = this.proving;
    if (depth > DEPTH_MAX) throw limitExceeded('PROOF_DEPTH', DEPTH_MAX, { actual: depth, what: 'depth of a proof' });
    const [type, id] = at.object;
    const key = `${type} ${at.relation} ${id}`;
    if (this.visited.has(key)) return undefined;
    this.visited.add(key);
    evaluation.budget.visit();
    const rule = schema.types.get(type)?.get(at.relation);
    return rule && this.part(rule, at, depth);
  }

  part(rule: Rule, at: Lead, depth: number): GrantedNode | undefined {
    if ('this' in rule) return this.byTuple(at, depth);
    if ('computed' in rule) {
      return this.through('computed', at, this.named({ object: at.object, relation: rule.computed }, depth + 1));
    }
    if ('from' in rule) return this.from(rule.from, at, depth);
    if ('union' in rule) {
      for (const part of rule.union) {
        const found = this.through('union', at, this.part(part, at, depth + 1));
        if (found) return { ...found, part };
      }
      return undefined;
    }
    return this.guarded(rule, at, depth);
  }

  private through(rule: ProofRule, at: Lead, child: GrantedNode | undefined): GrantedNode | undefined {
    return child && { granted: true, object: at.object, relation: at.relation, rule, children: [child] };
  }

  private byTuple(at: Lead, depth: number): GrantedNode | undefined {
    const { proving } = this;
    for (const tuple of tuplesOn(proving, at.object, at.relation)) {
      if (!counts(proving, tuple)) continue;
      const rule = naming(proving, tuple);
      if (rule === undefined) continue;
      if (rule !== 'group') return this.withTuple(rule, at, { tuple, children: [] });
      const member = this.named(setLead(proving, tuple), depth + 1);
      if (member) return this.withTuple(rule, at, { tuple, children: [member] });
    }
    return undefined;
  }

  private withTuple(
    rule: ProofRule,
    { object, relation }: Lead,
    by: { readonly tuple: number; readonly children: readonly GrantedNode[] },
  ): GrantedNode {
    const tuple = textOf(this.proving, by.tuple);
    const conditions = tuple.conditions === null ? {} : { conditions: tuple.conditions };
    return { granted: true, object, relation, rule, tuple, ...conditions, children: by.children };
  }

  private from([tupleset, relation]: readonly [string, string], at: Lead, depth: number): GrantedNode | undefined {
    const { proving } = this;
    const [type, id] = at.object;
    if (tupleset === FOLDER) {
      if (type !== 'file' || id === '/') return undefined;
      return this.through('folder', at, this.named({ object: ['file', parentOf(id)], relation }, depth + 1));
    }
    const up = tupleset === PARENT;
    for (const tuple of (up ? tuplesFrom : tuplesOn)(proving, at.object, tupleset)) {
      if (!counts(proving, tuple)) continue;
      const child = this.named({ object: endOf(proving, tuple, up), relation }, depth + 1);
      if (child) return this.withTuple('from', at, { tuple, children: [child] });
    }
    return undefined;
  }

  private guarded(rule: Rule, at: Lead, depth: number): GrantedNode | undefined {
    const isOpen = this.open.some(
      (one) => one.rule === rule && one.object[1] === at.object[1] && one.object[0] === at.object[0],
    );
    if (isOpen) return undefined;
    const { object, relation } = at;
    if ('exclusion' in rule) {
      const [base, minus] = rule.exclusion;
      if (provePart(this.proving, minus, at)) return undefined;
      const found = this.part(base, at, depth + 1);
      if (!found) return undefined;
      const denied = this.proving.refute(this.proving, minus, at);
      return { granted: true, object, relation, rule: 'exclusion', children: [found], denied };
    }
    const parts = 'intersection' in rule ? rule.intersection : [];
    const children: GrantedNode[] = [];
    for (const [i, part] of parts.entries()) {
      // The last one goes on in this search, as what it needs is all that is left.
      const last = i === parts.length - 1;
      const search = last ? this : new Prover(this.proving, [...this.open, { rule, object }]);
      const found = search.part(part, at, depth + 1);
      if (!found) return undefined;
      children.push(found);
    }
    return { granted: true, object, relation, rule: 'intersection', children };
  }
}
