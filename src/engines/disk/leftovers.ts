/** What a crash left half written: files that nobody has written to for an hour. The number of a process says nothing to other machines and containers. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessMissing } from '../../base/system-error.ts';

/** Milliseconds, far longer than a file that is being written gets nothing. */
export const LEFT_AFTER_MS = 3_600_000;

/** Removes those in a folder whose names begin so. */
export async function removeLeftovers(folder: string, prefix = ''): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(folder, name);
    const known = await stat(path).catch(unlessMissing);
    if (known && Date.now() - known.mtimeMs > LEFT_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}
