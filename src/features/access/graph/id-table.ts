/**
 * Numbers of texts, found by their hash (base/seeded-hash.ts). Guarantees: what was put in is found again, and nothing else. A
 * text that is not known mostly costs one look at memory: a `Map` of a million texts takes several, and most folders above a
 * path are not known, so a check of access takes two thirds of the time (`npm run bench -- a1`).
 */

export class IdTable {
  /** Pairs of a hash and a number + 1; 0 where there is none. At most half of them are taken. */
  private slots = new Int32Array(2 * 16);
  private size = 0;
  private readonly texts: readonly string[];

  /** `texts`: by number. */
  constructor(texts: readonly string[]) {
    this.texts = texts;
  }

  /** `hash` is that of the text. -1 where it is not known. */
  find(text: string, hash: number): number {
    const { slots, texts } = this;
    const last = slots.length - 2;
    for (let at = (hash << 1) & last; ; at = (at + 2) & last) {
      const number = slots[at + 1]! - 1;
      if (number < 0 || (slots[at] === hash && texts[number] === text)) return number;
    }
  }

  /** `texts` has it under this number, and it was not found before. */
  add(hash: number, number: number): void {
    if (++this.size * 4 > this.slots.length) this.grow();
    put(this.slots, hash, number + 1);
  }

  private grow(): void {
    const former = this.slots;
    this.slots = new Int32Array(former.length * 2);
    for (let at = 0; at < former.length; at += 2) {
      if (former[at + 1] !== 0) put(this.slots, former[at]!, former[at + 1]!);
    }
  }
}

function put(slots: Int32Array, hash: number, value: number): void {
  const last = slots.length - 2;
  let at = (hash << 1) & last;
  while (slots[at + 1] !== 0) at = (at + 2) & last;
  slots[at] = hash;
  slots[at + 1] = value;
}
