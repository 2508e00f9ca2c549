/**
 * A server under mixed load for a while, looked at from outside: what it answers, what it holds. Starts the command as an
 * operator would, drives all areas at a steady rate, and samples resident memory, open handles and threads.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../../bench/lib/process-stats.ts';
import { ADMIN_KEY } from '../harness.ts';
import { startNexus } from '../nexus-process.ts';
import { sparePort } from '../servers/spare-port.ts';
import { AREAS } from './areas.ts';
import { CountingCaller, type Counts } from './caller.ts';
import { heldMebibytes } from './held.ts';

const IN_FLIGHT_MOST = 12;
const TICK_MS = 20;

export interface Sample {
  /** Milliseconds since the load began. */
  readonly at: number;
  readonly mebibytes: number;
  /** Open ones that are no connections, neither of clients nor to the database. */
  readonly handles: number;
  /**
   * Of those to the database: of its log, one for each connection; and of its file. SQLite keeps one of the file that a
   * connection has closed while another is open, and gives it to the next: so there are as many as there ever were
   * connections at once.
   */
  readonly database: { readonly log: number; readonly file: number };
  /** Connections to the database that the server itself counts, as many as reads were under way at once lately. */
  readonly pool: number;
  /** How many there are of each: files by their path, others by their kind. Connections of clients are sockets too. */
  readonly kinds: Readonly<Record<string, number>>;
  /** That clients have open: as many as they like. */
  readonly connections: number;
  readonly threads: number;
}

export interface SoakOptions {
  readonly directory: string;
  readonly seconds: number;
  /** Rounds of one area, of some calls each, begun in a second. */
  readonly rate: number;
  readonly sampleMs: number;
  /** Settings beside those that each soak has. */
  readonly env?: Readonly<Record<string, string>>;
  readonly told?: (sample: Sample, counts: Counts) => void;
  /** After these shares of the time, what is held is looked at. */
  readonly looks?: readonly number[];
}

export interface Soaked {
  readonly samples: readonly Sample[];
  /** MiB that were held at each of the looks. */
  readonly held: readonly number[];
  readonly counts: Counts;
  /** Rounds of each area that ended. */
  readonly rounds: Readonly<Record<string, number>>;
  /** Exit code of the server, and what it wrote to stderr at a level above info. */
  readonly code: number | null;
  readonly complaints: readonly string[];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);

const LOG = /\/nexus\.db-wal$/;
const FILE = /\/nexus\.db$/;

/** A handle may be closed while they are looked at. */
function targetOf(pid: number, handle: string): string {
  try {
    // Of a file that is deleted, or of a socket, the number says nothing.
    return readlinkSync(`/proc/${pid}/fd/${handle}`).replace(/:\[\d+\]$/, '');
  } catch {
    return 'closed meanwhile';
  }
}

function kindsOf(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const handle of readdirSync(`/proc/${pid}/fd`)) {
    const kind = targetOf(pid, handle);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

const ESTABLISHED = '01';

/** One that its client has closed, and the server has not, is none of these. */
function connectionsAt(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return rows.filter((row) => {
    const [, address = '', , state] = row.trim().split(/\s+/);
    return address.endsWith(local) && state === ESTABLISHED;
  }).length;
}

/** What the server says that it has open. */
async function poolOf(port: number): Promise<number> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, accept: 'application/json' };
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
  const text = await answer.text();
  return Number(/^nexus_db_pool_size (\d+)$/m.exec(text)?.[1] ?? /"db\.pool\.size":\s*(\d+)/.exec(text)?.[1]);
}

async function sampleOf({ pid, port }: { readonly pid: number; readonly port: number }, at: number): Promise<Sample> {
  const pool = await poolOf(port);
  const connections = connectionsAt(port);
  const kinds = kindsOf(pid);
  const of = (pattern: RegExp): number => sum(Object.entries(kinds).map(([kind, n]) => (pattern.test(kind) ? n : 0)));
  const database = { log: of(LOG), file: of(FILE) };
  const handles = sum(Object.values(kinds)) - connections - database.log - database.file;
  const mebibytes = residentBytes(pid) / 1024 ** 2;
  return {
    at,
    mebibytes,
    handles,
    database,
    pool,
    kinds,
    connections,
    threads: readdirSync(`/proc/${pid}/task`).length,
  };
}

/** Rounds of the areas in turn, so many a second while no more than some are under way. */
async function drive(caller: CountingCaller, { rate, until }: { rate: number; until: number }) {
  const rounds: Record<string, number> = Object.fromEntries(AREAS.map(({ name }) => [name, 0]));
  const open = new Set<Promise<void>>();
  const began = performance.now();
  const round = async (n: number): Promise<void> => {
    const area = AREAS[n % AREAS.length]!;
    await area.one(caller, Math.floor(n / AREAS.length));
    rounds[area.name] = (rounds[area.name] ?? 0) + 1;
  };
  let failure: unknown;
  for (let next = 0; performance.now() < until && failure === undefined; ) {
    for (const due = ((performance.now() - began) / 1000) * rate; next < due; next++) {
      if (open.size >= IN_FLIGHT_MOST) continue;
      const work: Promise<void> = round(next)
        .catch((thrown: unknown) => {
          failure ??= thrown;
        })
        .finally(() => open.delete(work));
      open.add(work);
    }
    await sleep(TICK_MS);
  }
  await Promise.all(open);
  if (failure !== undefined) throw failure;
  return rounds;
}

export async function soak(options: SoakOptions): Promise<Soaked> {
  const { directory, seconds, rate, sampleMs, env, told, looks = [] } = options;
  const [port, inspectorPort] = [await sparePort(), await sparePort()];
  const started = startNexus(['serve'], {
    env: {
      NEXUS_DATA_DIR: join(directory, 'data'),
      NEXUS_PORT: String(port),
      NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      NEXUS_LOG_LEVEL: 'warn',
      ...(looks.length > 0 ? { NODE_OPTIONS: `--inspect=127.0.0.1:${inspectorPort}` } : {}),
      ...env,
    },
  });
  await started.said(/listening/);
  const pid = started.child.pid ?? 0;
  const caller = new CountingCaller(`http://127.0.0.1:${port}`, IN_FLIGHT_MOST);
  const samples: Sample[] = [];
  const began = performance.now();
  let looking: Promise<void> = Promise.resolve();
  const take = async (): Promise<void> => {
    const sample = await sampleOf({ pid, port }, performance.now() - began);
    samples.push(sample);
    told?.(sample, caller.counts);
  };
  const look = setInterval(() => {
    looking = looking.then(take);
    // Told by whoever waits for it in the end.
    looking.catch(() => undefined);
  }, sampleMs);
  const lookAfter = async (share: number): Promise<number> => {
    await sleep(share * seconds * 1000);
    return heldMebibytes(pid, inspectorPort);
  };
  try {
    const holding = Promise.all(looks.map(lookAfter));
    // Where the load fails first, that is what is told.
    holding.catch(() => undefined);
    const rounds = await drive(caller, { rate, until: began + seconds * 1000 });
    clearInterval(look);
    await looking;
    return { samples, held: await holding, counts: caller.counts, rounds, ...(await end()) };
  } catch (thrown) {
    await end();
    throw thrown;
  }

  async function end(): Promise<Pick<Soaked, 'code' | 'complaints'>> {
    clearInterval(look);
    caller.close();
    started.child.kill();
    const { code, err } = await started.ended;
    return { code, complaints: err.split('\n').filter((line) => /"level":"(error|fatal)"/.test(line)) };
  }
}
