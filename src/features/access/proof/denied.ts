/**
 * Shows that a relation does not hold (access.md §9): the set of all pairs it could come from, none of which a tuple gives
 * and none of which can come from outside the set. Guarantee: found for exactly what the evaluator says no to.
 */
import { parentOf } from '../../../base/paths.ts';
import { FOLDER, PARENT, type Rule } from '../schema/rules.ts';
import { provePart } from './granted.ts';
import type { DeniedPart, DeniedProof, DeniedRow, Lead, Refuted } from './proof.ts';
import { counts, endOf, inOrder, naming, type Proving, setLead, tuplesFrom, tuplesOn } from './tuples.ts';

/** Of a relation that does not hold. */
export function refuteNamed(proving: Proving, goal: Lead): DeniedProof {
  return { visited: new Refuter(proving).rows([goal]) };
}

/** Of a part of the rule of a relation, which does not hold. */
export function refute(proving: Proving, rule: Rule, at: Lead): DeniedPart {
  const refuter = new Refuter(proving);
  const { next, refuted } = refuter.leadsOf(rule, at);
  return { next, ...(refuted.length > 0 ? { refuted } : {}), visited: refuter.rows(next) };
}

interface Leads {
  readonly next: Lead[];
  readonly refuted: Refuted[];
}

class Refuter {
  private readonly proving: Proving;

  constructor(proving: Proving) {
    this.proving = proving;
  }

  rows(goals: readonly Lead[]): DeniedRow[] {
    const { schema, evaluation } = this.proving;
    const rows: DeniedRow[] = [];
    const met = new Set<string>();
    const todo = [...goals];
    for (let at = todo.shift(); at; at = todo.shift()) {
      const [type, id] = at.object;
      const key = `${type} ${at.relation} ${id}`;
      const rule = schema.types.get(type)?.get(at.relation);
      if (met.has(key) || !rule) continue;
      met.add(key);
      evaluation.budget.visit();
      const { next, refuted } = this.leadsOf(rule, at);
      const tuples = inOrder(this.proving, tuplesOn(this.proving, at.object, at.relation)).map((one) =>
        evaluation.graph.idOf(one),
      );
      rows.push({
        object: at.object,
        relation: at.relation,
        tuples,
        next,
        ...(refuted.length > 0 ? { refuted } : {}),
      });
      todo.push(...next);
    }
    return rows;
  }

  leadsOf(rule: Rule, at: Lead): Leads {
    const found: Leads = { next: [], refuted: [] };
    this.add(rule, at, found);
    return found;
  }

  private add(rule: Rule, at: Lead, found: Leads): void {
    const { proving } = this;
    if ('this' in rule) {
      const isSet = (tuple: number): boolean => naming(proving, tuple) === 'group' && counts(proving, tuple);
      for (const tuple of inOrder(proving, tuplesOn(proving, at.object, at.relation).filter(isSet))) {
        this.lead(setLead(proving, tuple), found);
      }
    } else if ('computed' in rule) this.lead({ object: at.object, relation: rule.computed }, found);
    else if ('from' in rule) this.addFrom(rule.from, at, found);
    else if ('union' in rule) for (const part of rule.union) this.add(part, at, found);
    else if ('intersection' in rule) {
      const part = rule.intersection.find((one) => !provePart(proving, one, at));
      if (!part) throw new Error('an intersection that holds is not refuted');
      found.refuted.push({ part });
      this.add(part, at, found);
    } else {
      const proof = provePart(proving, rule.exclusion[1], at);
      found.refuted.push(proof ? { part: 'minus', proof } : { part: 'base' });
      if (!proof) this.add(rule.exclusion[0], at, found);
    }
  }

  /** Types without the name have nothing to go on to. */
  private lead(to: Lead, { next }: Leads): void {
    if (this.proving.schema.types.get(to.object[0])?.has(to.relation)) next.push(to);
  }

  private addFrom([tupleset, relation]: readonly [string, string], at: Lead, found: Leads): void {
    const { proving } = this;
    const [type, id] = at.object;
    if (tupleset === FOLDER) {
      if (type === 'file' && id !== '/') this.lead({ object: ['file', parentOf(id)], relation }, found);
      return;
    }
    const up = tupleset === PARENT;
    for (const tuple of inOrder(proving, (up ? tuplesFrom : tuplesOn)(proving, at.object, tupleset))) {
      if (counts(proving, tuple)) this.lead({ object: endOf(proving, tuple, up), relation }, found);
    }
  }
}
