/**
 * Rules made ready for evaluation: of each name, which stored relations on the object itself give it, and where it goes on
 * from there. Pure. Guarantees: a plan gives exactly what its rule gives; what another part of a plan gives anyway is left
 * out; each part knows its way through the rules.
 */
import { FOLDER, PARENT, type Rule } from './rules.ts';
import type { Schema } from './schema.ts';

/** How a part of a plan gives its name, by the rules: what is around the part, the outermost first. */
export interface Way {
  readonly around: readonly { readonly relation: string; readonly rule: 'computed' | 'union' }[];
  /** The relation whose rule the part stands in. */
  readonly relation: string;
}

export interface Step {
  /** Number of the relation whose tuples lead on. */
  readonly tupleset: number;
  /** Tuples of the object as subject lead on to their objects; else those on the object to their subjects. */
  readonly up: boolean;
  readonly name: string;
  readonly way: Way;
}

/** All of `also` must hold beside the base, and the minus must not. */
export interface Guarded {
  readonly rule: Rule;
  readonly base: Plan;
  readonly also: readonly Plan[];
  readonly minus: Plan | undefined;
  readonly way: Way;
}

export interface Plan {
  /** Number among the plans of names; -1 of a part of one. */
  readonly index: number;
  /** By number of the relation: how a tuple with it on the object gives the name. */
  readonly direct: readonly (Way | undefined)[];
  readonly steps: readonly Step[];
  /** Names that give it where the folder has them. */
  readonly folder: readonly { readonly name: string; readonly way: Way }[];
  readonly guarded: readonly Guarded[];
}

export interface Plans {
  readonly count: number;
  find(type: string, name: string): Plan | undefined;
  /** Of a part of the rule of a name. */
  part(rule: Rule, of: { readonly type: string; readonly name: string }): Plan;
}

export interface Numbers {
  number(relation: string): number;
}

export function plansOf(schema: Schema, numbers: Numbers): Plans {
  const plans = new Map<string, Map<string, Plan>>();
  let count = 0;
  for (const [type, relations] of schema.types) {
    const own = new Map<string, Plan>();
    for (const name of relations.keys()) {
      own.set(name, new Flattening({ schema, type, numbers }).plan({ computed: name }, '', count++));
    }
    plans.set(type, own);
  }
  const parts = new Map<Rule, Map<string, Plan>>();
  const part = (rule: Rule, { type, name }: { readonly type: string; readonly name: string }): Plan => {
    const known = parts.get(rule) ?? new Map<string, Plan>();
    parts.set(rule, known);
    const plan = known.get(`${type} ${name}`) ?? new Flattening({ schema, type, numbers }).plan(rule, name);
    known.set(`${type} ${name}`, plan);
    return plan;
  };
  return { count, find: (type, name) => plans.get(type)?.get(name), part };
}

interface Flat {
  readonly schema: Schema;
  readonly type: string;
  readonly numbers: Numbers;
}

/** One plan being made: names of the same object are taken in, each once. */
class Flattening {
  private readonly of: Flat;
  private readonly met: Set<string>;
  private readonly direct: (Way | undefined)[] = [];
  private readonly steps: Step[] = [];
  private readonly folder: { readonly name: string; readonly way: Way }[] = [];
  private readonly guarded: Guarded[] = [];

  constructor(of: Flat, met: ReadonlySet<string> = new Set()) {
    this.of = of;
    this.met = new Set(met);
  }

  /** `name` is the relation whose rule this is, or is a part of; empty for that of a name itself. */
  plan(rule: Rule, name: string, index = -1): Plan {
    if (name === '' && 'computed' in rule) this.addName(rule.computed, []);
    else this.add(rule, { relation: name, around: [] });
    const { direct, guarded } = this;
    return { index, direct, steps: this.neededSteps(), folder: this.needed(this.folder), guarded };
  }

  private neededSteps(): Step[] {
    const bySet = new Map<number, Step[]>();
    for (const step of this.steps) bySet.set(step.tupleset, [...(bySet.get(step.tupleset) ?? []), step]);
    return [...bySet.values()].flatMap((steps) => this.needed(steps));
  }

  /** Without those whose name another of them gives anyway. */
  private needed<P extends { readonly name: string }>(parts: readonly P[]): P[] {
    const left = new Set(parts);
    for (const part of parts) {
      left.delete(part);
      if (![...left].some((other) => this.gives(part.name, other.name))) left.add(part);
    }
    return [...left];
  }

  private add(rule: Rule, way: Way): void {
    const { relation, around } = way;
    if ('this' in rule) this.direct[this.of.numbers.number(relation)] ??= way;
    else if ('computed' in rule) this.addName(rule.computed, [...around, { relation, rule: 'computed' }]);
    else if ('from' in rule) this.addFrom(rule.from, way);
    else if ('union' in rule) {
      const inside: Way = { relation, around: [...around, { relation, rule: 'union' }] };
      for (const part of rule.union) this.add(part, inside);
    } else if ('exclusion' in rule) {
      const [base, minus] = rule.exclusion;
      // A minus is asked anew: nothing of it is being asked already.
      const asked = new Flattening(this.of).plan(minus, relation);
      this.guarded.push({ rule, base: this.part(base, relation), also: [], minus: asked, way });
    } else {
      const parts = rule.intersection.map((part) => this.part(part, relation));
      const base = parts.pop();
      if (base) this.guarded.push({ rule, base, also: parts, minus: undefined, way });
    }
  }

  private addName(name: string, around: Way['around']): void {
    if (this.met.has(name)) return;
    this.met.add(name);
    const rule = this.of.schema.types.get(this.of.type)?.get(name);
    if (rule) this.add(rule, { relation: name, around });
  }

  private addFrom([tupleset, name]: readonly [string, string], way: Way): void {
    if (tupleset === FOLDER && this.of.type === 'file') {
      if (!this.folder.some((one) => one.name === name)) this.folder.push({ name, way });
      return;
    }
    const step = { tupleset: this.of.numbers.number(tupleset), up: tupleset === PARENT, name, way };
    if (!this.steps.some((one) => one.tupleset === step.tupleset && one.name === name)) this.steps.push(step);
  }

  private part(rule: Rule, name: string): Plan {
    return new Flattening(this.of, this.met).plan(rule, name);
  }

  /** Does having `name` give `other`, on every type that has it? */
  private gives(name: string, other: string): boolean {
    return [...this.of.schema.types.values()].every(
      (relations) => !relations.has(name) || givenBy(relations, other).has(name),
    );
  }
}

/** Names any of which gives this one on the same object, itself among them; only through unions. */
function givenBy(relations: ReadonlyMap<string, Rule>, name: string): Set<string> {
  const names = new Set([name]);
  const follow = (rule: Rule | undefined): void => {
    if (!rule) return;
    if ('computed' in rule) names.add(rule.computed);
    if ('union' in rule) for (const part of rule.union) follow(part);
  };
  for (const one of names) follow(relations.get(one));
  return names;
}
