/** Rhetoric: what clients were promised, and fallacies at their edges. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import { rhetoricOf } from './rhetoric.ts';

const vectors = vectorsOf(
  'rhetoric',
  z.object({ text: z.string().optional(), text_literal: z.string().optional(), answer: z.looseObject({}) }),
);

test.each(vectors)('of $text$text_literal', ({ text, text_literal, answer }) => {
  expect(rhetoricOf(text_literal ?? vectorText(text ?? ''))).toEqual(answer);
});

test.each([
  ['either or', ['false dilemma']],
  ['EITHER-OR', ['false dilemma']],
  ['or either', []],
  ['either\rOr', ['false dilemma']],
  ['either\nor either\n\nx or', []],
  ['either\neither a\nb either c or d', ['false dilemma']],
  ['neither this or eithers or', []],
  ['either for ore', []],
  ['everyone knows', ['bandwagon']],
  ['Everyone  knows', []],
  ['everyone knowſ', ['bandwagon']],
  ['everyone knowst', []],
  ['you are worthless, EVERYONE KNOWS', ['bandwagon', 'ad hominem']],
  ['you are ignorantly', []],
])('fallacies of %j are %j', (text, fallacies) => {
  expect(rhetoricOf(text).fallacies).toEqual(fallacies);
});

test('a score is at most one; equal numbers keep the order ethos, pathos, logos', () => {
  expect(rhetoricOf('logic fear logic study fear study x')).toMatchObject({
    ethos_score: 1,
    strategies: ['ethos', 'pathos', 'logos'],
  });
  expect(rhetoricOf(`proof ${'x '.repeat(31)}`).logos_score).toBe(0.3125);
});
