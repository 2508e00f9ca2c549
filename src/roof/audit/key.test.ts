/** Rows from before there was a chain: chained once, with the migration that begins it, and never for the asking. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forEachEngine, startTestServer } from '../../../test/harness.ts';
import { chainOldRows } from './key.ts';

forEachEngine('rows without a hash', (engine) => {
  test('are chained by the migration, and not by a start', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nexus-audit-key-'));
    const before = await startTestServer({ engine, directory });
    for (let i = 0; i < 5; i++) await before.ok('write', { path: '/f', content: `${i}` });
    await before.sql.write('root', async (tx) => {
      await tx.run("UPDATE audit SET hash = ''");
      await tx.run("UPDATE zones SET audit_hash = ''");
    });
    await before.stop();
    const server = await startTestServer({ engine, directory });
    const problems = async () => (await server.ok('audit_verify', {})).problems;
    expect((await problems()).map(({ problem, n }) => [problem, n])).toEqual(
      [1, 2, 3, 4, 5].map((n) => ['changed', n]),
    );
    await chainOldRows(server.sql);
    await server.ok('write', { path: '/f', content: 'new' });
    expect(await problems()).toEqual([]);
    await server.stop();
    rmSync(directory, { recursive: true });
  });
});
