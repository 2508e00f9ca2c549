/**
 * The texts that a line must hold to match. Guarantees: every line of the tree's language holds, from each group, at
 * least one literal; no groups means that nothing can be said.
 */
import { listCharacters, without } from './charset.ts';
import type { Regex } from './regex-syntax.ts';

export interface Literal {
  readonly text: string;
  /** It may occur with its ASCII letters in any case. */
  readonly fold: boolean;
}

export type LiteralGroup = readonly Literal[];

/** Texts that are followed at once; more would cost more to search than they save. */
const MOST_TEXTS = 32;
/** Characters of a set that are followed one by one; two cases of an ASCII letter are one. */
const MOST_CHARACTERS = 8;
/** Copies of a loop's body that are written out. */
const MOST_COPIES = 4;

interface Finding {
  /** All texts of the language, when they are few. */
  readonly texts: readonly Literal[] | undefined;
  readonly groups: readonly LiteralGroup[];
}

const NOTHING: Finding = { texts: undefined, groups: [] };
const EMPTY: Literal = { text: '', fold: false };

export function requiredLiterals(tree: Regex): LiteralGroup[] {
  const { texts, groups } = examine(tree);
  return texts && isGroup(texts) ? [texts] : [...groups];
}

/** The group that is hardest to meet by chance: long literals, few of them. */
export function strongest(groups: readonly LiteralGroup[]): LiteralGroup | undefined {
  let best: LiteralGroup | undefined;
  for (const group of groups) if (!best || strength(group) > strength(best)) best = group;
  return best;
}

const strength = (group: LiteralGroup): number =>
  Math.min(...group.map(({ text }) => text.length)) - group.length / (MOST_TEXTS * 2);

const isGroup = (texts: readonly Literal[]): boolean => texts.length > 0 && texts.every(({ text }) => text !== '');

function examine(node: Regex): Finding {
  switch (node.kind) {
    case 'set':
      return { texts: textsOf(node), groups: [] };
    case 'edge':
    case 'word':
      return { texts: [EMPTY], groups: [] };
    case 'sequence':
      return examineSequence(node.parts.map(examine));
    case 'choice':
      return examineChoice(node.parts.map(examine));
    case 'loop':
      return examineLoop(node);
  }
}

/** A content that is searched has no NUL, and a line no line feed. */
function textsOf(node: Regex & { kind: 'set' }): Literal[] | undefined {
  if (!node.set.exact) return undefined;
  const codes = listCharacters(without(without(node.set, 0), 0x0a), MOST_CHARACTERS * 2);
  if (!codes || codes.length === 0) return undefined;
  const texts: Literal[] = [];
  for (const code of codes) {
    const upper = code >= 0x41 && code <= 0x5a;
    if (upper && codes.includes(code + 0x20)) continue;
    const fold = code >= 0x61 && code <= 0x7a && codes.includes(code - 0x20);
    texts.push({ text: String.fromCodePoint(code), fold });
  }
  return texts.length > MOST_CHARACTERS ? undefined : texts;
}

function examineSequence(parts: readonly Finding[]): Finding {
  const groups: LiteralGroup[] = [];
  let texts: readonly Literal[] | undefined = [EMPTY];
  let whole = true;
  for (const part of parts) {
    const known = part.texts;
    if (known && texts.length * known.length <= MOST_TEXTS) {
      texts = texts.flatMap((before) => known.map((after) => join(before, after)));
      continue;
    }
    whole = false;
    if (isGroup(texts)) groups.push(texts);
    groups.push(...part.groups);
    texts = known ?? [EMPTY];
  }
  if (whole) return { texts, groups };
  if (isGroup(texts)) groups.push(texts);
  return { texts: undefined, groups };
}

const join = (before: Literal, after: Literal): Literal => ({
  text: before.text + after.text,
  fold: before.fold || after.fold,
});

/** A line takes one of the branches: one group of each, thrown together. */
function examineChoice(branches: readonly Finding[]): Finding {
  const texts = branches.flatMap((branch) => branch.texts ?? []);
  if (texts.length <= MOST_TEXTS && branches.every((branch) => branch.texts)) return { texts, groups: [] };
  const union: Literal[] = [];
  for (const branch of branches) {
    const own = branch.texts && isGroup(branch.texts) ? branch.texts : strongest(branch.groups);
    if (!own) return NOTHING;
    union.push(...own);
  }
  return union.length > MOST_TEXTS ? NOTHING : { texts: undefined, groups: [union] };
}

function examineLoop({ body, min, max }: Regex & { kind: 'loop' }): Finding {
  const once = examine(body);
  if (min === 0) {
    if (max !== 1 || !once.texts || once.texts.length >= MOST_TEXTS) return NOTHING;
    return { texts: [...once.texts, EMPTY], groups: [] };
  }
  const copies = Array.from({ length: Math.min(min, MOST_COPIES) }, () => once);
  return examineSequence(min === max && min <= MOST_COPIES ? copies : [...copies, NOTHING]);
}
