/** The check itself: it passes a server that lost nothing, and finds each kind of loss that is made by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { check } from './check.ts';
import { type Load, runLoad } from './load.ts';
import { buildProgram, startChild } from './program.ts';

const CALLS = 400;

const directory = mkdtempSync(join(tmpdir(), 'nexus-check-'));
const program = buildProgram();
afterAll(() => {
  program.remove();
  rmSync(directory, { recursive: true });
});

/** A loss, done to the database of a running server, and what has to be said of it. */
const LOSSES: readonly (readonly [string, RegExp])[] = [
  [
    `DELETE FROM events WHERE type = 'delete' AND seq = (SELECT MIN(seq) FROM events WHERE type = 'delete')`,
    /sequence has a gap/,
  ],
  [
    `DELETE FROM events WHERE type = 'rename' AND seq = (SELECT MIN(seq) FROM events WHERE type = 'rename')`,
    /acknowledged rename .*: 0 events/,
  ],
  [`DELETE FROM audit WHERE action = 'file.mkdir'`, /acknowledged mkdir .*: 0 audit rows/],
  [
    `UPDATE audit SET actor = 'user:eve' WHERE n = (SELECT MIN(n) FROM audit WHERE action = 'file.write')`,
    /the audit log: row \d+ is not as it was written/,
  ],
  [
    `INSERT INTO events SELECT zone_id, seq + 1, at, type, path, old_path, branch, object_type, object_id, user_id,
       agent_id, channel, request_id, data FROM events WHERE seq = (SELECT MAX(seq) FROM events)`,
    /the zone says \d+, the last event is/,
  ],
  [`UPDATE zones SET used_files = used_files + 1`, /usage is not what a recount says/],
  [
    `UPDATE file_states SET version = version + 1 WHERE kind = 'f' AND path = (SELECT MAX(path) FROM file_states
       WHERE path LIKE '/r/w%' AND kind = 'f' AND ended = ${Number.MAX_SAFE_INTEGER})`,
    /^\/r\/w\S+: f version \d+ .* instead of f version/,
  ],
  [
    `UPDATE blobs SET inline = CAST('#' || substr(inline, 2) AS BLOB) WHERE length(inline) > 10`,
    /^the bytes of \w+ are those of/,
  ],
  [
    `UPDATE blobs SET sha256 = 'x' WHERE inline IS NULL AND blob_id = (SELECT MAX(blob_id) FROM blobs WHERE inline IS NULL)`,
    /has no row/,
  ],
];

test('a server that lost nothing passes, and every loss is found', async () => {
  const child = await startChild(program, { directory });
  const load: Load = { root: '/r', prefix: 'c.', writers: 16, seed: 5 };
  let calls = 0;
  const journals = await runLoad(child, load, { isOver: () => calls >= CALLS, onAcknowledged: () => calls++ });
  const checking = { child, directory, load, journals, newestBefore: 0 };
  const whole = await check({ ...checking, verified: new Set() });
  expect(whole.violations).toEqual([]);
  expect(whole.tree.size).toBeGreaterThan(50);

  // The server indexes what was written, in its own time: its lock is waited for.
  const db = new DatabaseSync(join(directory, 'nexus.db'), { timeout: 10_000 });
  for (const [loss] of LOSSES) expect(db.prepare(loss).run().changes).toBeGreaterThan(0);
  db.close();
  const lost = await check({ ...checking, verified: new Set() });
  for (const [, said] of LOSSES) expect(lost.violations.filter((violation) => said.test(violation))).not.toEqual([]);
  await child.stop();
}, 60_000);
