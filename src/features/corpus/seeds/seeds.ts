/** The texts that a corpus can begin with (corpus.md §15). Pure. */

export interface Seed {
  readonly title: string;
  readonly author: string;
  readonly url: string;
  /** Of its file. */
  readonly name: string;
}

const seed = (title: string, author: string, n: number): Seed => ({
  title,
  author,
  url: `https://www.gutenberg.org/cache/epub/${n}/pg${n}.txt`,
  name: `${title.toLowerCase().replaceAll(' ', '_').replaceAll("'", '')}.txt`,
});

export const SEEDS: readonly Seed[] = [
  seed('The Odyssey', 'Homer', 1727),
  seed('The Divine Comedy', 'Dante Alighieri', 8800),
  seed('Leaves of Grass', 'Walt Whitman', 1322),
  seed('Ulysses', 'James Joyce', 4300),
  seed('Frankenstein', 'Mary Shelley', 84),
];

/** By its title in any case. */
export const findSeed = (title: string): Seed | undefined =>
  SEEDS.find((one) => one.title.toLowerCase() === title.toLowerCase());
