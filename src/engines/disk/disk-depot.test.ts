/** A depot in a directory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { depotContract } from '../../ports/depot.contract.ts';
import { openDiskDepot } from './disk-depot.ts';

depotContract('in a directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
  return {
    open: () => openDiskDepot(join(directory, 'not', 'there')),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});

test('one that is not there yet may be opened by many at the same time', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
  for (let turn = 0; turn < 20; turn++) {
    const place = join(directory, String(turn), 'not', 'there');
    const depots = await Promise.all(Array.from({ length: 8 }, () => openDiskDepot(place)));
    for (const depot of depots) await depot.close();
  }
  rmSync(directory, { recursive: true });
});
