/** A process of its own that opens and closes a database: `node opening.fixture.ts FILE TIMES AT`, from the moment AT on (ms). */
import { openSqlite } from './sqlite.ts';

const [file = '', times = '0', at = '0'] = process.argv.slice(2);
const onBroken = (reason: unknown): never => {
  throw reason;
};
while (Date.now() < Number(at));
for (let n = 0; n < Number(times); n++) {
  const sql = openSqlite({ file, writer: true, busyMs: 30_000, onBroken });
  await sql.ping();
  await sql.close();
}
