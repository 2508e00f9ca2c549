/**
 * File systems that take `a` and `A` for the same name. For Nexus these are two paths, each with grants of its own, so what one
 * caller may write would be what another may read.
 */
import { randomUUID } from 'node:crypto';
import { lstat, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode } from '../../base/system-error.ts';

/** Asked with a file that is there for a moment; a directory in which none can be made is taken at its word. */
export async function foldsNames(directory: string, name = `.nexus-${randomUUID()}.tmp`): Promise<boolean> {
  const place = join(directory, name);
  try {
    await (await open(place, 'wx', 0o600)).close();
  } catch (thrown) {
    if (isCode(thrown, 'EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT')) return false;
    throw thrown;
  }
  try {
    return (await lstat(join(directory, name.toUpperCase())).catch(() => undefined)) !== undefined;
  } finally {
    await unlink(place);
  }
}
