/** The nine layers: what clients were promised of them, and that no text takes them long. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { vectorsOf, vectorText } from '../../../../../test/vectors/vectors.ts';
import { eachWord, wordsOf } from '../../text/rules.ts';
import { LAYER_NAMES, layersNamed, readLayers } from './layers.ts';
import { NO_HINTS } from './reading.ts';

const hints = z.object({
  page_count: z.number().nullable(),
  heading_candidates: z.array(z.string()),
  citation_markers: z.array(z.string()),
});
const vectors = vectorsOf(
  'analysis',
  z.object({ text: z.string(), outputs: z.looseObject({ discourse: z.looseObject({ pdf_hints: hints }) }) }),
);

const read = (text: string, layers = LAYER_NAMES) =>
  Object.fromEntries(readLayers({ text, layers, hints: NO_HINTS }).map(({ layer, output }) => [layer, output]));

test.each(vectors)('of the text $text', ({ text, outputs }) => {
  const { pdf_hints } = outputs.discourse;
  const found = readLayers({ text: vectorText(text), layers: LAYER_NAMES, hints: pdf_hints });
  expect(Object.fromEntries(found.map(({ layer, output }) => [layer, output]))).toEqual(outputs);
});

test('baselines', () => {
  expect(readLayers({ text: '', layers: LAYER_NAMES, hints: NO_HINTS }).map(({ confidence }) => confidence)).toEqual([
    0.72, 0.68, 0.66, 0.64, 0.62, 0.61, 0.59, 0.74, 0.63,
  ]);
});

test('names count once, none are all, unknown ones are refused', () => {
  expect(layersNamed([])).toEqual(LAYER_NAMES);
  expect(layersNamed(['syntax', 'token', 'syntax'])).toEqual(['syntax', 'token']);
  expect(() => layersNamed(['token', 'zz', 'constructor', 'zz'])).toThrow(
    "Unknown layers: ['zz', 'constructor']. Known layers: token, morphology, syntax",
  );
});

test('characters are counted, never units', () => {
  const { morphology, semiotic, rhetoric } = read('𝐀𝐁𝐂 𝐀𝐁𝐂𝐃 😀 because');
  expect(morphology).toMatchObject({
    avg_word_length: 4.667,
    long_word_ratio: 0,
    suffix_signals: [
      ['𝐀𝐁𝐂', 1],
      ['𝐁𝐂𝐃', 1],
      ['use', 1],
    ],
  });
  expect(semiotic).toEqual({ emoji_count: 8, glyph_count: 0, symbol_density: 0.0556 });
  expect(rhetoric?.explainability).toMatchObject({ linked_spans: [{ marker: 'because', index: 11 }] });
});

test('an entity begins with an upper-case letter and is longer than one character; the same word is the same one', () => {
  const { semantics } = read("A Ω Paris 'Tis paris Ünder Paris — walking WALKED ed");
  expect(semantics).toMatchObject({
    named_entities: [{ label: 'Paris' }, { label: 'Ünder' }, { label: 'WALKED' }],
    event_candidates: [{ trigger: 'walking' }, { trigger: 'walked' }, { trigger: 'ed' }],
  });
});

test('words are the same however they are looked at', () => {
  const texts = ['', "'", '𝐀'.repeat(5000), `${'ab '.repeat(3000)}${'c'.repeat(20_000)} d`, `${'x'.repeat(4095)}𝐀𝐁 y`];
  for (const text of [...texts, vectorText('script').repeat(100)]) expect([...eachWord(text)]).toEqual(wordsOf(text));
});

/** Of each so many characters, that squared work on them would take longer than the test may. */
const MANY = 500_000;
test.each(['either ', 'either x', ' ', '\n ', '. \t', 'a', "'", '-', 'everyone know', 'you are ', '😀', 'İ ', '𝐀'])(
  'a text of many %j takes no long time',
  (one) => {
    const text = one.repeat(MANY / one.length);
    expect(readLayers({ text, layers: LAYER_NAMES, hints: NO_HINTS })).toHaveLength(LAYER_NAMES.length);
  },
  60_000,
);
