/** The golden vectors of the corpus: inputs, and the answers that clients have been promised for them. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const file = z.object({ texts: z.record(z.string(), z.string()) }).catchall(z.unknown());
const held = file.parse(JSON.parse(readFileSync(new URL('corpus.json', import.meta.url), 'utf8')));

/** One kind of them, read by the schema of its entries; throws where there are none. */
export function vectorsOf<T>(kind: string, entry: z.ZodType<T>): readonly T[] {
  return z.array(entry).min(1).parse(held[kind]);
}

/** A text that vectors name. */
export function vectorText(name: string): string {
  const text = held.texts[name];
  if (text === undefined) throw new Error(`no text ${name} among the vectors`);
  return text;
}
