/** A whole copy of a database, page by page. Guarantees: it is one state, also while others write, and on the disk when it is told. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';

/** 64 MiB of pages of 4 KiB. */
const PAGES_AT_A_TIME = 16_384;

export async function copyDatabase(file: string, to: string): Promise<void> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    await backup(db, to, { rate: PAGES_AT_A_TIME });
  } finally {
    db.close();
  }
  sync(to);
}

/** File or directory. */
function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The directory that has a name, so that the name stays. */
export const syncName = (path: string): void => sync(dirname(path));
