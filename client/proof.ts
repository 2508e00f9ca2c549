/** Verifies what rebac_explain answers: the proof is built again from its own choices, and has to be equal. */
import type { DeniedPart, GrantedNode, Lead, Refuted } from '../src/features/access/proof/proof.ts';
import type { Rule } from '../src/features/access/schema/rules.ts';
import {
  canonical,
  counts,
  type Explanation,
  links,
  naming,
  need,
  type ProofWorld,
  same,
  setLead,
  tuplesOn,
} from './proof-world.ts';

type Node = GrantedNode | undefined;
const ruleOf = (w: ProofWorld, at: Lead): Rule | undefined => w.types[at.object[0]]?.[at.relation];
const named = (w: ProofWorld, node: Node, at: Lead): GrantedNode => granted(w, node, need(ruleOf(w, at)), at);

function granted(w: ProofWorld, node: Node, rule: Rule, at: Lead): GrantedNode {
  const { children, tuple, part, denied } = need(node);
  const made = (kind: GrantedNode['rule'], ...kids: GrantedNode[]) => ({
    granted: true as const,
    ...at,
    rule: kind,
    children: kids,
  });
  if ('computed' in rule)
    return made('computed', named(w, children[0], { object: at.object, relation: rule.computed }));
  if ('union' in rule) {
    const one = need(rule.union.find((each) => same(each, part)));
    return { ...made('union', granted(w, children[0], one, at)), part: one };
  }
  if ('intersection' in rule)
    return made('intersection', ...rule.intersection.map((one, i) => granted(w, children[i], one, at)));
  if ('exclusion' in rule)
    return {
      ...made('exclusion', granted(w, children[0], rule.exclusion[0], at)),
      denied: refuted(w, rule.exclusion[1], at, need(denied)),
    };
  const by = { tuple, ...(tuple?.conditions && { conditions: tuple.conditions }) };
  if ('from' in rule) {
    const link = need(links(w, at.object, rule.from).find((one) => same(one.tuple, tuple)));
    return { ...made(link.tuple ? 'from' : 'folder', named(w, children[0], link.to)), ...(link.tuple && by) };
  }
  const found = need(tuplesOn(w, at).find((one) => same(one, tuple) && counts(one, w)));
  const kind = need(naming(found, w));
  return { ...made(kind, ...(kind === 'group' ? [named(w, children[0], setLead(found))] : [])), ...by };
}

function leads(w: ProofWorld, rule: Rule, at: Lead, choices: { told: Refuted[]; made: Refuted[] }): Lead[] {
  const known = (lead: Lead): boolean => ruleOf(w, lead) !== undefined;
  if ('computed' in rule) return [{ object: at.object, relation: rule.computed }].filter(known);
  if ('union' in rule) return rule.union.flatMap((one) => leads(w, one, at, choices));
  if ('from' in rule)
    return links(w, at.object, rule.from)
      .map((one) => one.to)
      .filter(known);
  if ('this' in rule) {
    const named = tuplesOn(w, at).filter((one) => counts(one, w) && naming(one, w));
    return named.map((one) => need(naming(one, w) === 'group' && setLead(one))).filter(known);
  }
  const { part, proof } = need(choices.told.shift());
  if ('intersection' in rule) {
    const one = need(rule.intersection.find((each) => same(each, part)));
    choices.made.push({ part: one });
    return leads(w, one, at, choices);
  }
  const [base, minus] = rule.exclusion;
  choices.made.push(part === 'minus' ? { part, proof: granted(w, proof, minus, at) } : { part: 'base' });
  return part === 'minus' ? [] : leads(w, base, at, choices);
}

function refuted(w: ProofWorld, rule: Rule, at: Lead, told: DeniedPart): DeniedPart {
  const of = (one: Rule, lead: Lead, refuted: readonly Refuted[] = []) => {
    const choices = { told: [...refuted], made: [] };
    return { next: leads(w, one, lead, choices), ...(choices.made.length > 0 && { refuted: choices.made }) };
  };
  const visited = told.visited.map(({ object, relation, refuted }) => {
    const lead = { object, relation };
    const tuples = tuplesOn(w, lead).map((one) => one.tuple_id);
    return { ...lead, tuples, ...of(need(ruleOf(w, lead)), lead, refuted) };
  });
  const whole = { ...of(rule, at, told.refuted), visited };
  const set = new Set(visited.map(({ object, relation }) => canonical({ object, relation })));
  for (const row of [whole, ...visited]) for (const lead of row.next) need(set.has(canonical(lead)));
  return whole;
}

/** Is every field of the answer as it has to be? */
export function verifyExplanation(told: Explanation, w: ProofWorld): boolean {
  try {
    if (told.allowed) {
      const proof = named(w, told.proof as GrantedNode, w.goal);
      return same(told, { allowed: true, ...w.header, successful_path: proof, proof });
    }
    const { visited } = refuted(w, { computed: w.goal.relation }, w.goal, told.proof as DeniedPart);
    return same(told, { allowed: false, ...w.header, successful_path: null, proof: { visited } });
  } catch {
    return false;
  }
}
