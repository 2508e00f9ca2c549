/** phase_shift: a text grows, gets loud, loses vowels, or begins anew (corpus.md §10). Pure. */
import { eachBetweenBlanks, joinEach } from '../../text/rules.ts';
import { badRequest, type EventType, given } from './event.ts';

/** In the order of their numbers in the formulas. */
const PHASES = ['expansion', 'peak', 'compression', 'rebirth'] as const;
type Phase = (typeof PHASES)[number];
const ACCELERATION_MAX = 100;

const phaseOf = (word: unknown): Phase => {
  const phase = typeof word === 'string' ? PHASES.find((known) => known === word.toLowerCase()) : undefined;
  if (phase) return phase;
  throw badRequest(
    `phase must be one of [${[...PHASES]
      .sort()
      .map((known) => `'${known}'`)
      .join(', ')}]`,
  );
};

const accelerationOf = (value: unknown): number => {
  if (typeof value === 'number' && value > 0 && value <= ACCELERATION_MAX) return value;
  throw badRequest('acceleration must be above 0 and at most 100');
};

function intensityOf(phase: Phase, acceleration: number): number {
  const i = PHASES.indexOf(phase);
  if (phase === 'expansion' || phase === 'peak') return Math.min(acceleration * (1 + i * 0.5), 5);
  return Math.max(acceleration * (1 - (i - 2) * 0.3), 0.2);
}

function* sowing(text: string, seed: string, every: number): Generator<string> {
  let index = 0;
  for (const word of eachBetweenBlanks(text)) {
    yield word;
    if (index++ % every === 0) yield seed;
  }
}

/** The words joined by one blank, with another word behind each of some distance. */
const sown = (text: string, seed: string, intensity: number): string =>
  joinEach(sowing(text, seed, Math.max(1, Math.floor(7 / intensity))), ' ');

/** No other character has one of these in lower case. */
const VOWELS = new Set([...'aeiouAEIOU'].map((vowel) => vowel.charCodeAt(0)));

/** Drawn from the last character to the first. */
function withoutVowels(text: string, random: () => number, below: number): string {
  const units = Buffer.alloc(2 * text.length);
  let from = units.length;
  for (let at = text.length - 1; at >= 0; at--) {
    const unit = text.charCodeAt(at);
    if (VOWELS.has(unit) && random() < below) continue;
    from -= 2;
    units.writeUInt16LE(unit, from);
  }
  return units.toString('utf16le', from);
}

const thinned = (text: string, random: () => number, thinning: number): string =>
  withoutVowels(text, random, Math.min(1, thinning));

const SHIFTS: Readonly<Record<Phase, (text: string, intensity: number, random: () => () => number) => string>> = {
  expansion: (text, intensity) => sown(text, 'mythic', intensity),
  peak: (text, intensity) => {
    const loud = text.toUpperCase();
    return intensity > 1.5 ? sown(loud, 'MYTHIC', intensity) : loud;
  },
  compression: (text, intensity, random) => thinned(text, random(), intensity * 0.6),
  rebirth: (text, intensity, random) => `${thinned(text, random(), intensity * 0.4)}\n\n⟁ SONG-BIRTH ⟁`,
};

export const phaseShift: EventType = {
  validate: (payload) => {
    const phase = phaseOf(given(payload, 'phase', PHASES[0]));
    accelerationOf(given(payload, 'acceleration', 1));
    return { ...payload, phase };
  },
  apply: ({ text, payload, source }) => {
    const phase = phaseOf(payload.phase);
    const acceleration = accelerationOf(given(payload, 'acceleration', 1));
    const intensity = intensityOf(phase, acceleration);
    const shifted = SHIFTS[phase](text, intensity, () => source().random);
    return { text: shifted, summary: { phase, acceleration, intensity } };
  },
};
