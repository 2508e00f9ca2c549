/**
 * F3: a list of 10,000 entries by callers with one and with 1,000 grants against a zone admin, whom no tuple check
 * touches; and the SQL statements of a page, which depend neither on entries nor on grants (files.md §13).
 */
import { type Account, call, statementsOf } from './lib/calls.ts';
import { startBenchServer } from './lib/child.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const ENTRIES = 10_000;
const BATCH = 1_000;
const LISTS = 3;
const PAIRS = 5;
const STATEMENTS_MAX = 8;

async function fill(account: Account, folder: string, entries: number): Promise<void> {
  for (let from = 0; from < entries; from += BATCH) {
    const size = Math.min(BATCH, entries - from);
    const files = Array.from({ length: size }, (_, i) => [`${folder}/${from + i}.txt`, `file ${from + i}`]);
    await call(account, 'write_batch', { files });
  }
}

async function page(account: Account, folder: string, entries: number): Promise<void> {
  const answer = (await call(account, 'list', { path: folder, limit: entries })) as { entries: unknown[] };
  if (answer.entries.length !== entries) throw new Error(`${folder} has ${answer.entries.length} entries`);
}

/** Milliseconds of a list of all entries. */
const side = (name: string, account: Account): Side => ({
  name,
  measure: async () => {
    const began = performance.now();
    for (let i = 0; i < LISTS; i++) await page(account, '/bench/many', ENTRIES);
    return (performance.now() - began) / LISTS;
  },
});

interface Callers {
  readonly one: Account;
  readonly many: Account;
}

async function compareStatements({ one, many }: Callers): Promise<boolean> {
  // What reading the counter costs by itself is counted too, and taken off.
  const own = await statementsOf(one.url, async () => undefined);
  const counts = new Map<string, number>();
  for (const [grants, account] of [
    ['1 grant', one],
    ['1,000 grants', many],
  ] as const) {
    for (const [entries, folder] of [
      [10, '/bench/few'],
      [ENTRIES, '/bench/many'],
    ] as const) {
      const count = (await statementsOf(one.url, () => page(account, folder, entries))) - own;
      counts.set(`${entries} entries, ${grants}`, count);
    }
  }
  const all = [...counts.values()];
  const same = all.every((count) => count === all[0]);
  const met = same && Math.max(...all) <= STATEMENTS_MAX;
  console.log('F3  SQL statements of a page, authentication included');
  for (const [what, count] of counts) console.log(`    ${what}: ${count}`);
  console.log(`    bar all the same, ≤ ${STATEMENTS_MAX}: ${met ? 'met' : 'NOT MET'}`);
  return met;
}

export async function run(): Promise<boolean> {
  const server = await startBenchServer();
  const { url, key, manyGrantsKey, adminKey } = server.ready;
  const one = { url, key };
  const many = { url, key: manyGrantsKey };
  await fill(one, '/bench/few', 10);
  await fill(one, '/bench/many', ENTRIES);
  const theirs = side('zone admin', { url, key: adminKey });
  let met = true;
  for (const ours of [side('caller with 1 grant', one), side('caller with 1,000 grants', many)]) {
    const result = await measurePairs(ours, theirs, PAIRS);
    const bar = { id: 'F3', what: `list of ${ENTRIES} entries, ${ours.name}`, unit: 'ms', bound: { atMost: 1.2 } };
    met = printBar(bar, { ours, theirs }, result) && met;
  }
  met = (await compareStatements({ one, many })) && met;
  await server.stop();
  return met;
}
