/** English prose of any length: paragraphs of our own documents, in an order that does not repeat. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
/** Tables and code are no prose. */
const IS_PROSE = /^[A-Z][^|`]{120,}\.$/s;

function paragraphs(): string[] {
  const files = globSync(['docs/*.md', '*.md'], { cwd: ROOT }).sort();
  const all = files.flatMap((file) => readFileSync(join(ROOT, file), 'utf8').split(/\n\s*\n/));
  return all.filter((paragraph) => IS_PROSE.test(paragraph));
}

/** So many characters of ASCII; the same each time. */
export function englishText(length: number): string {
  const sentences = paragraphs().flatMap((paragraph) => paragraph.replace(/[^\x20-\x7e\n]/g, "'").split(/(?<=\.)\s+/));
  const parts: string[] = [];
  let seed = 1;
  for (let made = 0; made < length; ) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const sentence = sentences[(seed >>> 8) % sentences.length] ?? '';
    // A paragraph has six sentences or so.
    const part = `${sentence}${(seed >>> 24) % 6 === 0 ? '\n\n' : ' '}`;
    parts.push(part);
    made += part.length;
  }
  return parts.join('').slice(0, length);
}
