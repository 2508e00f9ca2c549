/** What Nexus tells of the letters A–Z beside their names (corpus.md §6): its own table. */

export interface Letter {
  /** Of the upper-case letter its name, of the lower-case one its usual sound in English: IPA. */
  readonly name: string;
  readonly sound: string;
  /** Greek, Hebrew and Phoenician. */
  readonly ancestors: readonly string[];
  readonly lookalikes: readonly string[];
  readonly tags: readonly string[];
}

/** A line for each letter: name, sound, ancestors, look-alikes, tags. */
const LINES = `
eɪ        | æ  | Α א 𐤀 | А Λ ∆ @ | beginning ox breath origin
biː       | b  | Β ב 𐤁 | В ß 8 | house shelter body bond
siː       | k  | Γ ג 𐤂 | С Ϲ ( | curve turning vessel
diː       | d  | Δ ד 𐤃 | Ԁ ᗪ ) | door threshold passage decision
iː        | ɛ  | Ε ה 𐤄 | Е Ξ 3 € | window breath praise
ɛf        | f  | Ϝ ו 𐤅 | Ғ ƒ ᖴ | hook join fire
dʒiː      | ɡ  | Γ ג 𐤂 | Ԍ 6 9 | camel journey gift growth
eɪtʃ      | h  | Η ח 𐤇 | Н # | fence ladder field
aɪ        | ɪ  | Ι י 𐤉 | І l 1 | self hand line
dʒeɪ      | dʒ | Ι י 𐤉 | Ј ʝ ; | hook leap joy
keɪ       | k  | Κ כ 𐤊 | К ᴋ | palm grasp key kin
ɛl        | l  | Λ ל 𐤋 | Ⅼ ʟ 1 £ | staff teaching law
ɛm        | m  | Μ מ 𐤌 | М Ϻ ʍ | water wave mother memory
ɛn        | n  | Ν נ 𐤍 | Ν И ᴎ | serpent fish negation night
oʊ        | ɒ  | Ο ע 𐤏 | О 0 ☉ | eye circle whole cycle
piː       | p  | Π פ 𐤐 | Р þ ¶ | mouth speech power
kjuː      | kw | Ϙ ק 𐤒 | Ԛ 9 | question back thread
ɑːr       | ɹ  | Ρ ר 𐤓 | Я ʀ ® | head return river
ɛs        | s  | Σ ש 𐤔 | Ѕ 5 § $ | tooth serpent spirit song
tiː       | t  | Τ ת 𐤕 | Т † + 7 | mark cross seal truth
juː       | ʌ  | Υ ו 𐤅 | Ս ∪ µ | cup union under
viː       | v  | Υ ו 𐤅 | Ѵ ∨ ✓ | valley descent voice
ˈdʌbəljuː | w  | Υ ו 𐤅 | Ѡ Ш ω | weave water double
ɛks       | ks | Χ ס 𐤎 | Х ✕ × | crossing unknown exchange
waɪ       | j  | Υ ו 𐤅 | Ү ¥ ɣ | fork choice branching
ziː       | z  | Ζ ז 𐤆 | Ζ 2 ʒ | ending lightning weapon zenith
`;

const readLine = (line: string): Letter => {
  const [name = '', sound = '', ...lists] = line.split('|').map((part) => part.trim());
  const [ancestors = [], lookalikes = [], tags = []] = lists.map((list) => list.split(' '));
  return { name, sound, ancestors, lookalikes, tags };
};

/** By their place in the alphabet. */
export const LETTERS: readonly Letter[] = LINES.trim().split('\n').map(readLine);

/** Begins with the ten symbols of mutations (corpus.md §10). */
const RING = [...'∆ÆΩ§☲⟁ΨΦΘΞ', ...'ΛΣΠΓ∇⊕⊗☉☽☿♁♄✶◬⟡'];
const SEEDS = 3;

/** Three neighbours in a ring. */
export const seedsOf = (place: number): string[] =>
  Array.from({ length: SEEDS }, (_, n) => RING[(place + n) % RING.length] ?? '');
