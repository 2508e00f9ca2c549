/** Verifies what `rebac_explain` answers, without a search: each step of a proof is one that schema and tuples allow. */
import type { Asked, Explanation, Lead, Option, ProofWorld, Rule, Told } from './proof-world.ts';

const text = (value: unknown): string => JSON.stringify(value);
const same = (a: unknown, b: unknown): boolean => text(a) === text(b);
const list = (texts: Iterable<string>): string => text([...texts].sort());
const setOf = ([type, , relation]: readonly string[]): string => relation ?? (type === 'group' ? 'member' : '');
const pair = (of: readonly string[], relation = setOf(of)): Lead => ({ object: [of[0] ?? '', of[1] ?? ''], relation });
const ruleOf = (w: ProofWorld, at: Lead): Rule | undefined => w.types[at.object[0]]?.[at.relation];

/** The ways in which a pair, or a part of its rule, can hold. */
function options(w: ProofWorld, [at, rule = ruleOf(w, at) ?? { union: [] }]: Asked): readonly Option[] {
  if ('computed' in rule) return [{ kind: 'computed', all: [[pair(at.object, rule.computed)]] }];
  if ('union' in rule) return rule.union.map((one) => ({ kind: 'union', all: [[at, one]] }));
  if ('intersection' in rule) return [{ kind: 'intersection', all: rule.intersection.map((one) => [at, one]) }];
  if ('exclusion' in rule)
    return [{ kind: 'exclusion', all: [[at, rule.exclusion[0]]], minus: [at, rule.exclusion[1]] }];
  const [tupleset, name] = 'from' in rule ? rule.from : [at.relation];
  const above = pair(['file', at.object[1].replace(/\/[^/]*$/, '') || '/'], name);
  if (tupleset === 'folder') return at.object[1] === '/' ? [] : [{ kind: 'folder', all: [[above]] }];
  return w.tuples.flatMap((tuple): Option[] => {
    const [from, end] = name && tupleset === 'parent' ? [tuple.subject, tuple.object] : [tuple.object, tuple.subject];
    if (tuple.relation !== tupleset || !same(pair(from, ''), pair(at.object, ''))) return [];
    if ((tuple.expires_at ?? '~') <= w.now || (tuple.conditions && !w.holds(tuple.conditions))) return [];
    const named = [w.subject, [w.subject[0] ?? '', '*'], ['*', '*']].findIndex((one) => same(pair(one), pair(end)));
    const kind = name ? 'from' : ((['this', 'wildcard', 'wildcard'] as const)[named] ?? 'group');
    const all: Asked[] = kind === 'from' || kind === 'group' ? [[pair(end, name)]] : [];
    return [{ kind, by: { tuple, conditions: tuple.conditions ?? undefined }, all }];
  });
}

function granted(w: ProofWorld, { children, denied, ...node }: Told, asked: Asked): boolean {
  return options(w, asked).some(({ kind, by, all, minus }) => {
    if (!same([node, children.length], [{ granted: true, ...asked[0], rule: kind, ...by }, all.length])) return false;
    return (!minus || refuted(w, denied, minus)) && all.every((one, i) => granted(w, children[i]!, one));
  });
}

function refuted(w: ProofWorld, { visited }: Told, [goal, part]: Asked): boolean {
  const pairs = visited.map(({ object, relation }) => ({ object, relation }));
  const set = new Set(pairs.slice(part ? 1 : 0).map(text));
  const shown = visited.every(({ tuples, next, refuted: proofs = [] }, i) => {
    const used = new Set<string>();
    const may = ({ all, minus }: Option): boolean =>
      !all.filter(fails).length && !(minus && proofs.some((one) => granted(w, one, minus) && used.add(text(one))));
    const fails = ([at, rule]: Asked): unknown =>
      rule ? !options(w, [at, rule]).filter(may).length : !ruleOf(w, at) || (set.has(text(at)) && used.add(text(at)));
    const ids = w.tuples.filter((one) => same(pair(one.object, one.relation), pairs[i])).map((one) => one.tuple_id);
    const holds = !fails([pairs[i]!, (i === 0 && part) || ruleOf(w, pairs[i]!)]);
    return !holds && list(ids) === list(tuples) && list(used) === list([...next, ...proofs].map(text));
  });
  return shown && same(pairs[0], goal) && set.size + (part ? 1 : 0) === visited.length;
}

/** Is every field of the answer as it has to be? It throws where a proof has not even the form of one. */
export function verify({ allowed, successful_path, proof, ...header }: Explanation, w: ProofWorld): boolean {
  if (!same([header, successful_path], [w.header, allowed ? proof : null])) return false;
  return allowed ? granted(w, proof as Told, [w.goal]) : refuted(w, proof as Told, [w.goal]);
}
