/** synthetic_mutation: words become glyphs (corpus.md §10). Pure. */
import { joinEach, sliceOf, wordCharacterSpans } from '../../text/rules.ts';
import { badRequest, type EventType, given } from './event.ts';

const GLYPHS = ['∆', 'Æ', 'Ω', '§', '☲', '⟁', 'Ψ', 'Φ', 'Θ', 'Ξ'] as const;
const RATE = 0.08;
const NOT_ALPHABETIC = /\P{L}/u;

export const syntheticMutation: EventType = {
  validate: (payload) => {
    const mutation_rate = given(payload, 'mutation_rate', RATE);
    if (typeof mutation_rate !== 'number' || mutation_rate < 0 || mutation_rate > 1) {
      throw badRequest('mutation_rate must be between 0.0 and 1.0');
    }
    return { ...payload, mutation_rate };
  },
  apply: ({ text, payload, source }) => {
    const rate = payload.mutation_rate as number;
    const draw = source();
    let mutations = 0;
    const pieces = function* (): Generator<string> {
      let from = 0;
      for (const run of wordCharacterSpans(text)) {
        if (NOT_ALPHABETIC.test(sliceOf(text, run)) || draw.random() >= rate) continue;
        mutations++;
        yield text.slice(from, run.start);
        yield draw.choice(GLYPHS);
        from = run.end;
      }
      yield text.slice(from);
    };
    const mutated = joinEach(pieces(), '');
    return { text: mutated, summary: { mutations } };
  },
};
