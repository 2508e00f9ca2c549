/** A process of its own that writes into a database: `node two-processes.fixture.ts FILE ROWS`. Ends when all are committed. */
import { openSqlite } from './sqlite.ts';

const [file = '', rows = '0'] = process.argv.slice(2);
const onBroken = (reason: unknown): never => {
  throw reason;
};
const sql = openSqlite({ file, writer: true, busyMs: 30_000, onBroken });
for (let row = 0; row < Number(rows); row++) {
  await sql.write('lane', async (tx) => {
    const seen = await tx.get<{ n: number }>('SELECT MAX(n) AS n FROM things');
    await tx.run('INSERT INTO things VALUES (?, ?)', [(seen?.n ?? 0) + 1, 'other']);
  });
}
await sql.close();
