/** The embedded engine: the port's suite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqlContract } from '../../ports/sql.contract.ts';
import { openSqlite } from './sqlite.ts';
import { SYNCS_BYTES } from './syncs.ts';

const failed = (reason: unknown): never => {
  throw reason;
};

/** `syncs`: as in the process that serves the directory, else as in one beside it. */
function contractOf(name: string, makeSyncs: () => SharedArrayBuffer | undefined): void {
  sqlContract(name, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sqlite-'));
    const file = join(directory, 'test.db');
    return {
      types: { text: 'TEXT', bytes: 'BLOB' },
      open: async () => openSqlite({ file, writer: true, busyMs: 10_000, onBroken: failed, syncs: makeSyncs() }),
      remove: async () => rmSync(directory, { recursive: true }),
    };
  });
}

contractOf('sqlite, synced by SQLite', () => undefined);
contractOf('sqlite, synced beside the writing', () => new SharedArrayBuffer(SYNCS_BYTES));
