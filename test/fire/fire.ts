/**
 * A queue under fire: many zones at a time, each with a history of its own that a program checks (history.ts), while
 * servers, workers and PostgreSQL are killed, paused, restarted and kept busy. As a command:
 * `node test/fire/fire.ts [--engine sqlite|postgres] [--runs 1000] [--at-once 20] [--jobs 24] [--seed 1]`. A run is one zone.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { chanceOf, upTo } from '../crash/acts.ts';
import type { EngineName } from '../harness.ts';
import { askUntilAnswered, cancel, hold, submit, type Zone } from './clients.ts';
import { readFinal, settled } from './final.ts';
import { checkHistory } from './history.ts';
import { rage } from './nemesis.ts';
import { openPlace, type Place } from './place.ts';

export interface FireOptions {
  readonly engine: EngineName;
  readonly runs: number;
  /** Zones at a time. */
  readonly atOnce: number;
  /** Jobs of a zone. */
  readonly jobs: number;
  readonly seed: number;
  readonly told?: (line: string) => void;
}

export interface FireResult {
  readonly runs: number;
  readonly violations: readonly string[];
  /** How often each thing happened. */
  readonly blows: Readonly<Record<string, number>>;
  readonly jobs: number;
  /** Attempts beyond the first of each job. */
  readonly retries: number;
}

const HOLDERS = 3;
const RAGE_MS = 6_000;
const STARTS_WITHIN_MS = 4_000;

export async function fire(options: FireOptions): Promise<FireResult> {
  const { engine, runs, atOnce, seed, told = () => undefined } = options;
  const place = await openPlace(engine);
  const violations: string[] = [];
  const blows: Record<string, number> = {};
  const sum = { jobs: 0, retries: 0 };
  try {
    for (let done = 0; done < runs; done += atOnce) {
      const count = Math.min(atOnce, runs - done);
      const batch = await runBatch(place, options, { first: done, count });
      violations.push(...batch.violations);
      for (const name of batch.blows) blows[name] = (blows[name] ?? 0) + 1;
      sum.jobs += batch.jobs;
      sum.retries += batch.retries;
      told(`${done + count} of ${runs} runs, seed ${seed}: ${violations.length} violations; ${batch.blows.join(', ')}`);
      for (const one of batch.violations) told(`  ${one}`);
    }
    violations.push(...(await leftBehind(place)));
  } finally {
    await place.close();
  }
  return { runs, violations, blows, ...sum };
}

interface Batch {
  readonly violations: readonly string[];
  readonly blows: readonly string[];
  readonly jobs: number;
  readonly retries: number;
}

async function runBatch(
  place: Place,
  { seed, jobs }: FireOptions,
  { first, count }: { readonly first: number; readonly count: number },
): Promise<Batch> {
  await place.mend();
  const zones = await Promise.all(Array.from({ length: count }, (_, i) => openZone(place, seed, first + i)));
  const holders = zones.map((zone) =>
    Promise.all(Array.from({ length: HOLDERS }, (_, n) => hold(zone, `holder-${n}`))),
  );
  const submitting = zones.map((zone) => submitAll(zone, jobs));
  const blows = await rage(place, chanceOf(seed * 7_919 + first), RAGE_MS);
  await place.mend();
  await Promise.all(submitting);
  const over = await Promise.all(zones.map(settled));
  for (const zone of zones) zone.over = true;
  await Promise.all(holders);
  const checked = await Promise.all(zones.map((zone, i) => checkZone(zone, over[i] === true)));
  return {
    violations: checked.flatMap(({ violations }) => violations),
    blows,
    jobs: count * jobs,
    retries: checked.reduce((total, { retries }) => total + retries, 0),
  };
}

async function openZone(place: Place, seed: number, n: number): Promise<Zone> {
  const zone_id = `fire-${seed}-${n}`;
  const zone: Zone = {
    zone_id: 'root',
    chance: chanceOf(seed * 1_000_003 + n),
    history: [],
    urls: place.urls,
    over: false,
  };
  // Whoever heard no answer asks again, and is told that the zone is there.
  const { status } = await askUntilAnswered(zone, '/api/zones', { zone_id, name: zone_id });
  if (status !== 201 && status !== 409) throw new Error(`zone ${zone_id} could not be made: ${status}`);
  return { ...zone, zone_id };
}

/** In bursts; some are cancelled a little later. */
async function submitAll(zone: Zone, jobs: number): Promise<void> {
  const cancels: Promise<void>[] = [];
  for (let n = 0; n < jobs; ) {
    const burst = Math.min(jobs - n, 1 + upTo(zone.chance, 8));
    const made = await Promise.all(Array.from({ length: burst }, (_, i) => submit(zone, n + i)));
    n += burst;
    for (const job of made) {
      if (zone.chance() < 0.1) cancels.push(sleep(upTo(zone.chance, 1_500)).then(() => cancel(zone, job)));
    }
    await sleep(upTo(zone.chance, STARTS_WITHIN_MS / 3));
  }
  await Promise.all(cancels);
}

async function checkZone(zone: Zone, over: boolean): Promise<{ violations: string[]; retries: number }> {
  const final = await readFinal(zone);
  const named = [...(over ? [] : ['did not come to an end']), ...checkHistory(zone.history, final)];
  const retries = [...final.tasks.values()].reduce((sum, { attempt }) => sum + Math.max(0, attempt - 1), 0);
  return { violations: named.map((what) => `${zone.zone_id}: ${what}`), retries };
}

/** Of PostgreSQL: transactions that nobody ended, and rows that cannot be cleared away. */
async function leftBehind({ postgres }: Place): Promise<string[]> {
  if (!postgres) return [];
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    const idle = await client.query(
      "SELECT query FROM pg_stat_activity WHERE state = 'idle in transaction' AND state_change < now() - interval '5 s'",
    );
    await client.query('VACUUM jobs');
    const dead = await client.query("SELECT n_dead_tup AS n FROM pg_stat_user_tables WHERE relname = 'jobs'");
    const left = Number(dead.rows[0]?.n ?? 0);
    const found = idle.rows.map(({ query }) => `a transaction was left open after: ${query}`);
    return left > 1_000 ? [...found, `${left} dead rows of jobs cannot be cleared away`] : found;
  } finally {
    await client.end();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      engine: { type: 'string', default: 'postgres' },
      runs: { type: 'string', default: '1000' },
      'at-once': { type: 'string', default: '20' },
      jobs: { type: 'string', default: '24' },
      seed: { type: 'string', default: '1' },
    },
  });
  const result = await fire({
    engine: values.engine === 'sqlite' ? 'sqlite' : 'postgres',
    runs: Number(values.runs),
    atOnce: Number(values['at-once']),
    jobs: Number(values.jobs),
    seed: Number(values.seed),
    told: (line) => console.log(line),
  });
  console.log(JSON.stringify({ ...result, violations: result.violations.length }));
  process.exitCode = result.violations.length === 0 ? 0 : 1;
}
