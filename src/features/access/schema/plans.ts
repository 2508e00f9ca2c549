/**
 * Rules made ready for evaluation: of each name, which stored relations on the object itself give it, and where it goes on
 * from there. Pure. Guarantees: a plan gives exactly what its rule gives; what another part of a plan gives anyway is left out.
 */
import { FOLDER, PARENT, type Rule } from './rules.ts';
import type { Schema } from './schema.ts';

export interface Step {
  /** Number of the relation whose tuples lead on. */
  readonly tupleset: number;
  /** Tuples of the object as subject lead on to their objects; else those on the object to their subjects. */
  readonly up: boolean;
  readonly name: string;
}

/** All of `also` must hold beside the base, and the minus must not. */
export interface Guarded {
  readonly base: Plan;
  readonly also: readonly Plan[];
  readonly minus: Plan | undefined;
}

export interface Plan {
  /** Number among the plans of names; -1 of a part of one. */
  readonly index: number;
  /** By number of the relation: does a tuple with it on the object give the name? */
  readonly direct: readonly boolean[];
  readonly steps: readonly Step[];
  /** Names that give it where the folder has them. */
  readonly folder: readonly string[];
  readonly guarded: readonly Guarded[];
}

export interface Plans {
  readonly count: number;
  find(type: string, name: string): Plan | undefined;
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
  return { count, find: (type, name) => plans.get(type)?.get(name) };
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
  private readonly direct: boolean[] = [];
  private readonly steps: Step[] = [];
  private readonly folder: string[] = [];
  private readonly guarded: Guarded[] = [];

  constructor(of: Flat, met: ReadonlySet<string> = new Set()) {
    this.of = of;
    this.met = new Set(met);
  }

  /** `name` is the relation whose rule this is, or is a part of. */
  plan(rule: Rule, name: string, index = -1): Plan {
    this.add(rule, name);
    const { direct, guarded } = this;
    return { index, direct, steps: this.neededSteps(), folder: this.needed(this.folder), guarded };
  }

  private neededSteps(): Step[] {
    const wanted = new Map<number, string[]>();
    for (const { tupleset, name } of this.steps) wanted.set(tupleset, [...(wanted.get(tupleset) ?? []), name]);
    for (const [tupleset, names] of wanted) wanted.set(tupleset, this.needed(names));
    return this.steps.filter(({ tupleset, name }) => wanted.get(tupleset)?.includes(name));
  }

  /** Without the names that another of them gives anyway. */
  private needed(names: readonly string[]): string[] {
    const left = new Set(names);
    for (const name of names) {
      left.delete(name);
      if (![...left].some((other) => this.gives(name, other))) left.add(name);
    }
    return [...left];
  }

  private add(rule: Rule, name: string): void {
    const { numbers } = this.of;
    if ('this' in rule) this.direct[numbers.number(name)] = true;
    else if ('computed' in rule) this.addName(rule.computed);
    else if ('from' in rule) this.addFrom(rule.from);
    else if ('union' in rule) for (const part of rule.union) this.add(part, name);
    else if ('exclusion' in rule) this.addExclusion(rule.exclusion, name);
    else {
      const parts = rule.intersection.map((part) => this.part(part, name));
      const base = parts.pop();
      if (base) this.guarded.push({ base, also: parts, minus: undefined });
    }
  }

  private addExclusion([base, minus]: readonly [Rule, Rule], name: string): void {
    // A minus is asked anew: nothing of it is being asked already.
    this.guarded.push({ base: this.part(base, name), also: [], minus: new Flattening(this.of).plan(minus, name) });
  }

  private addName(name: string): void {
    if (this.met.has(name)) return;
    this.met.add(name);
    const rule = this.of.schema.types.get(this.of.type)?.get(name);
    if (rule) this.add(rule, name);
  }

  private addFrom([tupleset, name]: readonly [string, string]): void {
    if (tupleset === FOLDER && this.of.type === 'file') {
      if (!this.folder.includes(name)) this.folder.push(name);
      return;
    }
    const step = { tupleset: this.of.numbers.number(tupleset), up: tupleset === PARENT, name };
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
