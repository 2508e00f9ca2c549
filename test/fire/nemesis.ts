/**
 * What happens to a queue under fire, one thing after the other, by chance. Guarantee: each of them is over, or is made good
 * by the place's `mend`, when it returns.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Chance, upTo } from '../crash/acts.ts';
import { runOn } from '../servers/postgres.ts';
import { type Place, signal } from './place.ts';

export interface Blow {
  readonly name: string;
  strike(place: Place, chance: Chance): Promise<void>;
}

const one = <T>(list: readonly T[], chance: Chance): T => list[upTo(chance, list.length)]!;

async function pause(kept: Place['worker'], ms: number): Promise<void> {
  signal(kept, 'SIGSTOP');
  await sleep(ms);
  signal(kept, 'SIGCONT');
}

const BLOWS: readonly Blow[] = [
  { name: 'kill a server', strike: async ({ servers }, chance) => signal(one(servers, chance), 'SIGKILL') },
  { name: 'stop a server', strike: async ({ servers }, chance) => signal(one(servers, chance), 'SIGTERM') },
  { name: 'kill the worker', strike: async ({ worker }) => signal(worker, 'SIGKILL') },
  { name: 'stop the worker', strike: async ({ worker }) => signal(worker, 'SIGTERM') },
  { name: 'pause a server', strike: ({ servers }, chance) => pause(one(servers, chance), 300 + upTo(chance, 2_000)) },
  // Longer than its lease.
  { name: 'pause the worker', strike: ({ worker }, chance) => pause(worker, 4_500 + upTo(chance, 2_000)) },
  { name: 'nothing', strike: async (_, chance) => sleep(upTo(chance, 1_000)) },
];

const admin = ({ postgres }: Place): string => postgres?.server.urlOf('postgres') ?? '';

/** The server may be away, or cut this connection too. */
const onPostgres = (place: Place, statements: string): Promise<void> =>
  runOn(admin(place), statements).catch(() => undefined);

const NOT_MINE = "pid <> pg_backend_pid() AND backend_type = 'client backend'";

async function takeConnections(place: Place, ms: number): Promise<void> {
  const clients = Array.from({ length: 190 }, () => new Client({ connectionString: admin(place) }));
  for (const client of clients) client.on('error', () => undefined);
  await Promise.all(clients.map((client) => client.connect().catch(() => undefined)));
  await sleep(ms);
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
}

/** A transaction that does nothing, and holds back what can be cleared away, or rows that others want to write. */
async function holdTransaction(place: Place, statement: string, ms: number): Promise<void> {
  const client = new Client({ connectionString: place.postgres?.url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${statement}`);
    await sleep(ms);
  } catch {
    // It was cut too.
  } finally {
    await client.end().catch(() => undefined);
  }
}

const BLOWS_ON_POSTGRES: readonly Blow[] = [
  {
    name: 'end some backends',
    strike: (place) =>
      onPostgres(place, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${NOT_MINE} AND random() < 0.5`),
  },
  {
    name: 'cancel statements',
    strike: (place) =>
      onPostgres(place, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE ${NOT_MINE} AND random() < 0.7`),
  },
  {
    name: 'restart PostgreSQL',
    strike: async ({ postgres }, chance) => {
      await postgres?.server.halt(chance() < 0.5 ? 'SIGINT' : 'SIGQUIT');
      await sleep(upTo(chance, 1_500));
      await postgres?.server.resume();
    },
  },
  { name: 'take all connections', strike: (place, chance) => takeConnections(place, 500 + upTo(chance, 1_000)) },
  {
    name: 'hold the oldest snapshot',
    strike: (place, chance) => holdTransaction(place, 'SELECT COUNT(*) FROM jobs', 1_000 + upTo(chance, 3_000)),
  },
  {
    name: 'read in the way',
    strike: (place, chance) =>
      holdTransaction(
        place,
        'SELECT job_id FROM jobs ORDER BY random() LIMIT 20 FOR UPDATE',
        300 + upTo(chance, 1_500),
      ),
  },
];

export const blowsOn = ({ postgres }: Pick<Place, 'postgres'>): readonly Blow[] =>
  postgres ? [...BLOWS, ...BLOWS_ON_POSTGRES] : BLOWS;

/** Blow after blow for so long; their names. */
export async function rage(place: Place, chance: Chance, ms: number): Promise<string[]> {
  const until = performance.now() + ms;
  const blows = blowsOn(place);
  const done: string[] = [];
  while (performance.now() < until) {
    const blow = one(blows, chance);
    done.push(blow.name);
    await blow.strike(place, chance);
    await sleep(upTo(chance, 800));
  }
  return done;
}
