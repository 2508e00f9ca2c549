/**
 * Loaded into a server before its own code, in every thread of it: changes what lies below the program, Node's modules
 * for SQLite and files, so that production code needs no seam for tests.
 *
 * NEXUS_TEST_KILL=point:n  SIGKILL at the n-th time the point is reached, counted while the file NEXUS_TEST_ARMED exists
 * NEXUS_TEST_NO_SYNC=wal|blobs|folders  leaves out one of the syncs that acknowledged writes rely on
 */
import { existsSync } from 'node:fs';
import files, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, type SQLInputValue, StatementSync } from 'node:sqlite';

const { NEXUS_TEST_KILL = '', NEXUS_TEST_ARMED = '', NEXUS_TEST_NO_SYNC = '' } = process.env;
const [wanted = '', count = '1'] = NEXUS_TEST_KILL.split(':');
let left = Number(count);

function reach(point: string): void {
  if (point !== wanted || !existsSync(NEXUS_TEST_ARMED)) return;
  left--;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}

/** Points before and after a statement, by its text. */
const STATEMENTS: readonly (readonly [RegExp, string])[] = [
  [/^COMMIT$/, 'commit'],
  [/^INSERT INTO file_states .* VALUES /s, 'state'],
  [/^INSERT INTO file_states .* SELECT /s, 'move'],
  [/^UPDATE file_states AS s SET ended/, 'subtree'],
  [/^INSERT INTO audit /, 'audit'],
  [/^PRAGMA wal_checkpoint\((PASSIVE|RESTART)\)$/, 'checkpoint'],
];

function pointOf(sql: string): string | undefined {
  return STATEMENTS.find(([text]) => text.test(sql))?.[1];
}

const { prototype } = StatementSync;
for (const name of ['run', 'get'] as const) {
  const original: (this: StatementSync, ...parameters: SQLInputValue[]) => unknown = prototype[name];
  Object.defineProperty(prototype, name, {
    value(this: StatementSync, ...parameters: SQLInputValue[]): unknown {
      const point = pointOf(this.sourceSQL);
      if (point) reach(`${point}.before`);
      const outcome = original.apply(this, parameters);
      if (point) reach(`${point}.after`);
      return outcome;
    },
  });
}

const { rename, open } = files;
files.rename = async (from, to) => {
  reach('blob.written');
  await rename(from, to);
  reach('blob.named');
};
files.open = async (path, flags, mode) => {
  if (flags === 'wx') reach('blob.reserved');
  const file = await open(path, flags, mode);
  const unsynced = flags === 'wx' ? 'blobs' : flags === 'r' ? 'folders' : '';
  if (NEXUS_TEST_NO_SYNC !== '' && NEXUS_TEST_NO_SYNC === unsynced) skipSync(file);
  return file;
};
syncBuiltinESMExports();

function skipSync(file: FileHandle): void {
  file.sync = async () => undefined;
}

if (NEXUS_TEST_NO_SYNC === 'wal') {
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    exec.call(this, sql.replace('synchronous=FULL', 'synchronous=OFF'));
  };
}
