/** Directories that are made with those above them. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const MODE = 0o700;

/**
 * Makes what is missing of a path, each for its owner only, and gives the topmost directory that was missing. It ends wherever the
 * path leads: below a directory that is there and takes none, as /proc, Node's own recursive mkdir goes on for ever.
 */
export function makeFolders(path: string): string | undefined {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.push(folder);
  // What is there and no directory is told of as mkdir does.
  if (missing.length === 0 && !statSync(path).isDirectory()) mkdirSync(path);
  for (const folder of missing.toReversed()) makeOne(folder);
  return missing.at(-1);
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: MODE });
  } catch (thrown) {
    // Somebody else has made it meanwhile.
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw thrown;
  }
}
