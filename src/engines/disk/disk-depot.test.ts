/** A depot in a directory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { depotContract } from '../../ports/depot.contract.ts';
import { openDiskDepot } from './disk-depot.ts';

depotContract('in a directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
  return {
    open: () => openDiskDepot(join(directory, 'not', 'there')),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});
