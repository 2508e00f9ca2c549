/** Schemas and proofs as people read them: a rule as an expression, a proof as a tree of what follows from what. */
import type { GrantedNode } from '../../../features/access/proof/proof.ts';
import type { Rule, Types } from '../../../features/access/schema/rules.ts';
import type { Command } from '../command.ts';
import { lines } from '../help.ts';
import { indented, paint, safe, type Terminal, timeText } from '../terminal.ts';
import { shownBy } from './views.ts';

/** `direct_owner or owner of parent`; what is inside of another rule and has parts of its own stands in brackets. */
function ruleText(rule: Rule, inside = false): string {
  if ('computed' in rule) return rule.computed;
  if ('from' in rule) return `${rule.from[1]} of ${rule.from[0]}`;
  if ('this' in rule) {
    const subjects = rule.this.length === 0 ? 'no tuple' : rule.this.join(', ');
    return inside ? `(${subjects})` : subjects;
  }
  const [parts, word] =
    'union' in rule
      ? [rule.union, ' or ']
      : 'intersection' in rule
        ? [rule.intersection, ' and ']
        : [rule.exclusion, ' but not '];
  const text = parts.map((part) => ruleText(part, true)).join(word);
  return inside && parts.length > 1 ? `(${text})` : text;
}

interface Schema {
  readonly version: number;
  readonly types: Types;
}

/** Types of which the same is said are told together. */
function showSchema(terminal: Terminal, { version, types }: Schema): void {
  terminal.out(`version ${version}\n\n`);
  const alike = Map.groupBy(Object.entries(types), ([, relations]) => JSON.stringify(relations));
  for (const same of alike.values()) {
    const relations = Object.entries(same[0]?.[1] ?? {});
    const rows = relations.map(([name, rule]) => [name, ruleText(rule)]);
    const names = same.map(([type]) => type).join(', ');
    if (rows.length === 0) terminal.out(`${paint(terminal, 'bold', names)}\n\n`);
    else lines(terminal, names, rows);
  }
}

const thing = (pair: readonly string[]): string => safe(pair.slice(0, 2).join(':') + (pair[2] ? `#${pair[2]}` : ''));

interface Explained {
  readonly allowed: boolean;
  readonly subject: readonly string[];
  readonly permission: string;
  readonly object: readonly string[];
  readonly revision: number;
  readonly missing: { readonly relation: string; readonly object: readonly string[] } | null;
  readonly successful_path: unknown;
}

function showPath(terminal: Terminal, { object, relation, rule, tuple, children }: GrantedNode): void {
  const by = tuple
    ? `: ${tuple.tuple_id}, ${thing(tuple.subject)} ${safe(tuple.relation)} ${thing(tuple.object)}`
    : paint(terminal, 'dim', ` (${rule})`);
  const until = tuple?.expires_at ? ` until ${timeText(tuple.expires_at)}` : '';
  terminal.out(`${safe(relation)} on ${thing(object)}${by}${until}\n`);
  for (const child of children) showPath(indented(terminal), child);
}

const explained = shownBy('tuple explain', (terminal, answer: Explained) => {
  const { allowed, subject, permission, object, missing, revision } = answer;
  const word = allowed ? paint(terminal, 'green', 'allowed') : paint(terminal, 'red', 'denied');
  terminal.out(`${word}: ${thing(subject)} ${safe(permission)} on ${thing(object)}, at revision ${revision}\n`);
  if (missing) terminal.out(`  nothing gives ${safe(missing.relation)} on ${thing(missing.object)}\n`);
  else if (answer.successful_path) showPath(indented(terminal), answer.successful_path as GrantedNode);
});

export const accessViews: readonly Command[] = [
  shownBy('schema get', showSchema),
  shownBy('schema set', showSchema),
  explained,
];
