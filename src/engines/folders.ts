/** Directories that are made with those above them. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../base/system-error.ts';

const MODE = 0o700;

/**
 * Makes what is missing of a path, each for its owner only, and gives the topmost directory that was missing. It ends wherever the
 * path leads: below a directory that is there and takes none, as /proc, Node's own recursive mkdir goes on for ever.
 */
export function makeFolders(path: string): string | undefined {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.push(folder);
  // What is there and no directory is told of as mkdir does.
  if (missing.length === 0 && !statSync(path).isDirectory()) makeOne(path);
  for (const folder of missing.toReversed()) makeOne(folder);
  return missing.at(-1);
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: MODE });
  } catch (thrown) {
    // Somebody else has made it meanwhile.
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw unmakeable(folder, thrown);
  }
}

/** The failure, and what of the configuration may have asked for that directory. */
const unmakeable = (folder: string, cause: unknown): Error =>
  Object.assign(
    new Error(
      `no directory can be made at ${folder} (${codeOf(cause)}): choose another by NEXUS_DATA_DIR (--data), NEXUS_DATABASE_URL or NEXUS_BLOBS_URL, or let this user write there`,
      { cause },
    ),
    { code: codeOf(cause) },
  );
