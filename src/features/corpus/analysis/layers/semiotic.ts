/** Signs other than letters. */
import { ratio } from '../../../../base/rounding.ts';
import { isBlank } from '../../text/rules.ts';
import { countAll, type Layer } from './reading.ts';

const GLYPHS = ['∆', 'Æ', 'Ω', '☲', '⟁', 'Λ', '@'];
/** Characters from the dingbats on, writing systems that come after them too. */
const EMOJI_ABOVE = 10_000;
const LETTER_OR_NUMBER = /^[\p{L}\p{N}]/u;

export const semiotic: Layer = {
  name: 'semiotic',
  confidence: 0.63,
  read: ({ text }) => {
    const isSymbol = symbolTest();
    let characters = 0;
    let emoji_count = 0;
    let symbols = 0;
    for (const character of text) {
      const point = character.codePointAt(0) ?? 0;
      characters++;
      if (point > EMOJI_ABOVE) emoji_count++;
      if (isSymbol(character, point)) symbols++;
    }
    return { emoji_count, glyph_count: countAll(text, GLYPHS), symbol_density: ratio(symbols, characters, 4) };
  },
};

/** Each character is judged once: a text has few different ones. */
function symbolTest(): (character: string, point: number) => boolean {
  const known = new Map<number, boolean>();
  return (character, point) => {
    const before = known.get(point);
    if (before !== undefined) return before;
    const is = !LETTER_OR_NUMBER.test(character) && !isBlank(character);
    known.set(point, is);
    return is;
  };
}
