/**
 * Parameters of a REST call, from the parts of its path, its query and its body. Guarantees: a text of path or query
 * becomes the integer, boolean or list that the parameter's schema asks for, and stays a text where it is none, so that
 * the schema has the word; a parameter that is given twice with different values is refused, never guessed.
 */
import { z } from 'zod';
import { invalidValue } from '../../base/issues.ts';
import type { AnyOperation } from '../../core/operation.ts';
import { shapeOf } from '../../core/shape-of.ts';

/** What a text may become, by the name of the parameter. */
export type TextRules = Readonly<Record<string, TextRule>>;

export interface TextRule {
  readonly number: boolean;
  readonly boolean: boolean;
  readonly text: boolean;
  /** Rule of the items, where it is a list. */
  readonly items: TextRule | undefined;
}

export interface JsonType {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly JsonType[];
  readonly oneOf?: readonly JsonType[];
  readonly items?: JsonType;
  readonly prefixItems?: readonly JsonType[];
  readonly enum?: readonly unknown[];
}

/** The rules of an operation's parameters, to be kept: finding them costs a walk through the schema. */
export function textRulesOf(operation: AnyOperation): TextRules {
  const rules = Object.entries(shapeOf(operation)).map(([name, schema]): [string, TextRule] => [
    name,
    ruleOf(jsonOf(schema)),
  ]);
  return Object.fromEntries(rules);
}

/** A parameter as JSON Schema has it, as far as rules go; what it has no word for has no type. */
export const jsonOf = (schema: z.ZodType): JsonType =>
  z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }) as JsonType;

export function ruleOf(json: JsonType): TextRule {
  const leaves = leavesOf(json);
  const has = (...types: string[]): boolean =>
    leaves.some(({ type }) => [type ?? ''].flat().some((one) => types.includes(one)));
  const list = leaves.find(({ type }) => type === 'array');
  return {
    number: has('integer', 'number'),
    boolean: has('boolean'),
    text: has('string'),
    items: list && ruleOf(list.items ?? {}),
  };
}

export const leavesOf = (json: JsonType): JsonType[] => {
  const alternatives = [...(json.anyOf ?? []), ...(json.oneOf ?? [])];
  return alternatives.length > 0 ? alternatives.flatMap(leavesOf) : [json];
};

/** Texts by name; several for a name that was repeated. */
export type Texts = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Texts as values. A name without a rule stays as it is: whether it is known is decided where the call is parsed. */
export function valuesOf(texts: Texts, rules: TextRules): Record<string, unknown> {
  const entries = Object.entries(texts).flatMap(([name, text]): [string, unknown][] => {
    if (text === undefined) return [];
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    return [[name, fromTexts(name, [text].flat(), rule)]];
  });
  return Object.fromEntries(entries);
}

function fromTexts(name: string, given: readonly string[], rule: TextRule | undefined): unknown {
  const [first = '', ...more] = given;
  if (rule?.items && !(rule.text && more.length === 0)) {
    const { items, text } = rule;
    // Where one text is allowed too, a comma is part of it.
    const parts = text ? given : given.flatMap((list) => (list === '' ? [] : list.split(',')));
    return parts.map((part) => fromText(part, items));
  }
  if (!rule) return more.length > 0 ? given : first;
  if (more.length > 0) throw invalidValue({ path: name, message: 'is given more than once' }, given);
  return fromText(first, rule);
}

function fromText(text: string, rule: TextRule): unknown {
  if (rule.number && /^-?\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    if (Math.abs(number) <= Number.MAX_SAFE_INTEGER || !rule.text) return number;
  }
  if (rule.boolean) {
    // `?recursive` alone is a switch that is on.
    if (text === 'true' || text === '1' || (text === '' && !rule.text)) return true;
    if (text === 'false' || text === '0') return false;
  }
  return text;
}

/** One object of what path, query and body gave; INVALID_PARAMS for a name that two of them give differently. */
export function mergeParams(...sources: readonly object[]): object {
  const given = sources.filter(hasNames);
  const [only, ...others] = given;
  // Most calls have one of them, and a body may be large.
  if (others.length === 0) return only ?? {};
  const merged = new Map<string, unknown>();
  for (const [name, value] of given.flatMap((source) => Object.entries(source))) {
    const before = merged.get(name);
    if (before !== undefined && value !== null && value !== before) {
      throw invalidValue({ path: name, message: 'is given twice, with different values' }, value);
    }
    merged.set(name, before ?? value);
  }
  return Object.fromEntries(merged);
}

function hasNames(source: object): boolean {
  for (const _ in source) return true;
  return false;
}
