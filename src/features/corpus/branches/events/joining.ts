/** remix and merge: the new text comes with the event (corpus.md §10). Pure. */
import { trimBlanks } from '../../text/rules.ts';
import { badRequest, type EventType, given, type Payload } from './event.ts';

export const MERGE_STRATEGIES = ['left_wins', 'right_wins', 'interleave'] as const;
export type MergeStrategy = (typeof MERGE_STRATEGIES)[number];
const INTERLEAVE = 'interleave';

/** `unless`: where it is missing; undefined leaves it out. */
function textOf(payload: Payload, name: string, unless?: string): string | undefined {
  const text = given(payload, name, unless);
  if (text === undefined || typeof text === 'string') return text;
  throw badRequest(`${name} must be a string`);
}

export const remix: EventType = {
  validate: (payload) => {
    textOf(payload, 'remixed_text');
    return { ...payload, strategy: textOf(payload, 'strategy', INTERLEAVE) };
  },
  apply: ({ text, payload }) => ({
    text: textOf(payload, 'remixed_text') ?? text,
    summary: { strategy: payload.strategy },
  }),
};

function strategyOf(payload: Payload): MergeStrategy {
  const word = given(payload, 'strategy', INTERLEAVE);
  const shaped = typeof word === 'string' ? trimBlanks(word).toLowerCase() : undefined;
  const strategy = MERGE_STRATEGIES.find((known) => known === shaped);
  if (strategy) return strategy;
  throw badRequest(`Unsupported merge strategy: ${typeof word === 'string' ? word : JSON.stringify(word)}`);
}

function semanticsOf(payload: Payload): Payload {
  const semantics = given(payload, 'conflict_semantics', {});
  if (typeof semantics === 'object' && semantics !== null && !Array.isArray(semantics)) return semantics as Payload;
  throw badRequest('conflict_semantics must be an object');
}

const NAMED = ['left_branch_id', 'right_branch_id', 'lca_branch_id', 'left_text_hash', 'right_text_hash'] as const;

export const merge: EventType = {
  validate: (payload) => ({
    ...payload,
    strategy: strategyOf(payload),
    merged_text: textOf(payload, 'merged_text', ''),
    conflict_semantics: semanticsOf(payload),
  }),
  apply: ({ payload }) => ({
    text: textOf(payload, 'merged_text') ?? '',
    summary: {
      strategy: payload.strategy,
      ...Object.fromEntries(NAMED.map((name) => [name, payload[name] ?? null])),
      conflict_semantics: payload.conflict_semantics,
    },
  }),
};
