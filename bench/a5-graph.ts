/**
 * A5: a zone of 1,000,000 tuples: bytes each in memory, time until the first answer from an open database, and time until
 * one changed tuple is obeyed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config.ts';
import { ZoneGraphs } from '../src/features/access/graph/zone-graphs.ts';
import type { RowsInsert, Sql } from '../src/ports/sql.ts';
import { openThreadSql } from '../src/roof/engines.ts';
import { migrate } from '../src/roof/migrations.ts';
import { benchCheck, benchTuples, checkOn } from './lib/access-graph.ts';
import { measuredOnce, median, printBar } from './lib/pairs.ts';

const TUPLES = 1_000_000;
const BYTES_MAX = 512;
const READY_MS_MAX = 10_000;
const VISIBLE_MS_MAX = 5;
const ZONE = 'bench';

const ROWS: RowsInsert = {
  into: 'tuples',
  columns: `tuple_id, zone_id, subject_zone_id, subject_type, subject_id, subject_relation, relation, object_type,
    object_id, created_at, created_by, revision`.split(/,\s*/),
};

const BATCH = 50_000;

async function fill(sql: Sql): Promise<void> {
  let rows: (string | number)[][] = [];
  let written = 0;
  const flush = async (): Promise<void> => {
    await sql.write(ZONE, (tx) => tx.insert(ROWS, rows));
    rows = [];
  };
  for (const one of benchTuples(TUPLES)) {
    const id = `tuple-${String(written++).padStart(24, '0')}`;
    const subject = [one.subject_type, one.subject_id, one.subject_relation];
    rows.push([id, ZONE, ZONE, ...subject, one.relation, one.object_type, one.object_id, 1, 'bench', 1]);
    if (rows.length === BATCH) await flush();
  }
  await flush();
}

/** Bytes that the program holds. */
function held(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function measure(sql: Sql): Promise<boolean> {
  const graphs = new ZoneGraphs(10 * TUPLES);
  const at = (revision: number) =>
    sql.read(async (tx) => (await graphs.at(tx, { zone_id: ZONE, access_revision: revision })).zone);
  const before = held();
  const began = performance.now();
  const zone = await at(1);
  const { user, path } = benchCheck(0, TUPLES);
  if (!checkOn(zone, user, ['read', 'file', path])) throw new Error('the first check is denied');
  const ready = performance.now() - began;
  if (zone.graph.size !== TUPLES) throw new Error(`${zone.graph.size} tuples were read`);
  const bytes = (held() - before) / TUPLES;
  const times: number[] = [];
  for (let revision = 2; revision < 22; revision++) {
    const row = [
      `tuple-new-${revision}`,
      ZONE,
      ZONE,
      'user',
      'nova',
      '',
      'direct_viewer',
      'file',
      `/new-${revision}`,
      1,
      'bench',
      revision,
    ];
    await sql.write(ZONE, (tx) => tx.insert(ROWS, [row]));
    const start = performance.now();
    if (!checkOn(await at(revision), 'nova', ['read', 'file', `/new-${revision}/x`])) throw new Error('not visible');
    times.push(performance.now() - start);
  }
  const bar = (what: string, unit: string, figures: readonly [number, number]): boolean =>
    printBar(
      { id: 'A5', what, unit, bound: { atMost: 1 } },
      { ours: { name: `nexus, ${TUPLES} tuples` }, theirs: { name: 'at most' } },
      measuredOnce(...figures),
    );
  const slowest = `the slowest of 20 changed tuples is obeyed after; their median took ${median(times).toFixed(1)} ms`;
  const small = bar('a tuple in memory', 'bytes', [bytes, BYTES_MAX]);
  const soon = bar('ready', 'ms', [ready, READY_MS_MAX]);
  const visible = bar(slowest, 'ms', [Math.max(...times), VISIBLE_MS_MAX]);
  return small && soon && visible;
}

export async function run(): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-a5-'));
  const { config } = loadConfig({ environment: {}, given: { NEXUS_DATA_DIR: directory } });
  const sql = await openThreadSql(config, 'writer', (reason) => {
    throw reason;
  });
  try {
    await migrate(sql);
    await fill(sql);
    return await measure(sql);
  } finally {
    await sql.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
