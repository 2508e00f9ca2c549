/** The embedded engine: the port's suite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqlContract } from '../../ports/sql.contract.ts';
import { openSqlite } from './sqlite.ts';

const failed = (reason: unknown): never => {
  throw reason;
};

sqlContract('sqlite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-'));
  const file = join(directory, 'test.db');
  return {
    types: { text: 'TEXT', bytes: 'BLOB' },
    open: async () => openSqlite({ file, writer: true, busyMs: 10_000, onBroken: failed }),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});
