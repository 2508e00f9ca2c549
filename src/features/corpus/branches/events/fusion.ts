/** glyph_fusion: a pair of glyphs becomes one (corpus.md §10). Pure. */
import { countOf } from '../../text/rules.ts';
import { badRequest, type EventType, given, type Payload } from './event.ts';
import { tooLong } from './too-long.ts';

const DEFAULTS = { left: 'A', right: 'E', fused: 'Æ' } as const;
type Part = keyof typeof DEFAULTS;

function partOf(payload: Payload, part: Part): string {
  const text = given(payload, part, DEFAULTS[part]);
  if (typeof text === 'string' && text !== '') return text;
  throw badRequest('glyph_fusion requires non-empty left/right/fused');
}

export const glyphFusion: EventType = {
  validate: (payload) => ({
    ...payload,
    left: partOf(payload, 'left'),
    right: partOf(payload, 'right'),
    fused: partOf(payload, 'fused'),
  }),
  apply: ({ text, payload, charactersMax }) => {
    // A half of a character would be found in whole ones.
    const pair = `${partOf(payload, 'left')}${partOf(payload, 'right')}`;
    const sought = pair.toWellFormed();
    const fused = partOf(payload, 'fused');
    const fusions = countOf(text, sought);
    const length = text.length + fusions * (fused.length - sought.length);
    if (length > charactersMax) throw tooLong(length, charactersMax);
    return { text: text.replaceAll(sought, () => fused), summary: { fusions, pair, fused } };
  },
};
