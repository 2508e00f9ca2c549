/**
 * What jobs promise (infrastructure.md §15), as commands: submits at a steady rate, the first retry, cancels at random
 * instants, many worker processes on one database, some that are killed, one that ingests while others ask, and the cost of a
 * look at the metrics after many requests. `--calls` is the number of requests before that look; the others are in proportion.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY, type EngineName, startTestServer, type TestServer } from '../test/harness.ts';
import { type Started, startNexus } from '../test/nexus-process.ts';
import { createDatabase, startPostgres } from '../test/servers/postgres.ts';
import { type BenchServer, type Child, startBenchServer } from './lib/child.ts';
import { englishText } from './lib/english.ts';
import { runLoad } from './lib/load.ts';
import { percentile } from './lib/pairs.ts';

const REQUESTS = 1_000_000;
const SUBMITS_A_SECOND = 200;
const SUBMIT_SECONDS = 15;
const SUBMIT_P95_MS = 20;
const JOBS = 2_000;
const WORKERS = 8;
const CANCELS = 1_000;
const RETRIES = 20;
const KILLED = 20;
const METRICS_P95_MS = 10;
const SCRAPES = 200;
const WARM = 100_000;
const CALLERS = 50;
const INGESTED_BYTES = 10_000_000;
const HEALTH_P99_MS = 100;
/** Between two looks at the health of a server. */
const HEALTH_EACH_MS = 5;

const p95 = (times: readonly number[]): number => percentile(times, 0.95);

function tell(what: string, figure: string, met: boolean): boolean {
  console.log(`jobs: ${what}: ${figure}${met ? '' : '  NOT MET'}`);
  return met;
}

interface Api {
  readonly url: string;
  readonly key: string;
}

async function call<T>({ url, key }: Api, path: string, body?: object): Promise<T> {
  const answer = await fetch(url + path, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

interface Attempt {
  readonly started_at: string;
  readonly finished_at: string | null;
}

interface JobView {
  readonly job_id: string;
  readonly status: string;
  readonly attempts: readonly Attempt[];
  readonly result: Readonly<Record<string, unknown>>;
}

/** From the end of the one to the start of the other. */
const secondsBetween = (one: Attempt | undefined, other: Attempt | undefined): number =>
  (Date.parse(other?.started_at ?? '') - Date.parse(one?.finished_at ?? '')) / 1000;

const submit = (api: Api, job: object): Promise<JobView> =>
  call(api, '/api/v1/jobs/submit', { job_type: 'echo', ...job });
const lookAt = (api: Api, { job_id }: Pick<JobView, 'job_id'>): Promise<JobView> => call(api, `/api/v1/jobs/${job_id}`);
const isOver = ({ status }: JobView): boolean => ['succeeded', 'failed', 'cancelled'].includes(status);

async function ended(api: Api, job: Pick<JobView, 'job_id'>): Promise<JobView> {
  for (;;) {
    const found = await lookAt(api, job);
    if (isOver(found)) return found;
    await sleep(50);
  }
}

interface Figures {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
}

/** What a server says of itself. */
async function served(api: Api): Promise<{ count: number; mib: number; cpu: number }> {
  const { counters, gauges } = await call<Figures>(api, '/metrics?format=json');
  return {
    count: counters['http.status.200'] ?? 0,
    mib: (gauges.process_resident_memory_bytes ?? 0) / 2 ** 20,
    cpu: gauges.process_cpu_seconds_total ?? 0,
  };
}

/** Each begins when it is due, whatever became of those before it. */
async function submits(api: Api, seconds: number): Promise<boolean> {
  const times: number[] = [];
  const { cpu: before } = await served(api);
  const began = performance.now();
  const all: Promise<void>[] = [];
  for (let n = 0; n < seconds * SUBMITS_A_SECOND; n++) {
    const due = began + (n * 1000) / SUBMITS_A_SECOND;
    await sleep(Math.max(0, due - performance.now()));
    all.push(submit(api, { payload: { value: n } }).then(() => void times.push(performance.now() - due)));
  }
  await Promise.all(all);
  const ms = p95(times);
  const cpu = (((await served(api)).cpu - before) * 1000) / times.length;
  const what = `${SUBMITS_A_SECOND} submits a second, each run too`;
  const figure = `p95 ${ms.toFixed(1)} ms (< ${SUBMIT_P95_MS}), ${cpu.toFixed(1)} ms of CPU each`;
  return tell(what, figure, ms < SUBMIT_P95_MS);
}

async function retries(api: Api, count: number): Promise<boolean> {
  const payload = { value: 1, fail_attempts: 1 };
  const jobs = await Promise.all(Array.from({ length: count }, () => submit(api, { payload })));
  const waits = await Promise.all(
    jobs.map(async (job) => {
      const [first, second] = (await ended(api, job)).attempts;
      return secondsBetween(first, second);
    }),
  );
  const [least, most] = [Math.min(...waits), Math.max(...waits)];
  const figure = `${least.toFixed(2)} to ${most.toFixed(2)} s later (2.00 to 3.00)`;
  return tell(`first retry of ${count} jobs that failed at once`, figure, least >= 2 && most <= 3);
}

async function cancels(api: Api, count: number): Promise<boolean> {
  let different = 0;
  let cancelled = 0;
  for (let n = 0; n < count; n++) {
    const job = await submit(api, { payload: { value: n, delay_ms: Math.floor(Math.random() * 30) } });
    await sleep(Math.random() * 40);
    const told = await call<JobView>(api, `/api/v1/jobs/${job.job_id}/cancel`, {});
    if (told.status === 'cancelled') cancelled++;
    await sleep(5);
    if (!isOver(told) || (await lookAt(api, job)).status !== told.status) different++;
  }
  const figure = `${different} answers differ from what came of it; ${cancelled} were cancelled`;
  return tell(`${count} cancels at random instants`, figure, different === 0);
}

interface Beside {
  readonly server: TestServer;
  readonly api: Api;
  /** A worker process on the same database. */
  startWorker(environment?: Readonly<Record<string, string>>): Started;
}

/** A server that runs no jobs itself, with all that was started beside it gone afterwards. */
async function withWorkers(engine: EngineName, url: string, use: (beside: Beside) => Promise<boolean>) {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-bench-'));
  const database: Record<string, string> = url ? { NEXUS_DATABASE_URL: url } : {};
  const environment = { ...database, NEXUS_EMBEDDED_WORKER: 'false' };
  const server = await startTestServer({ engine, directory, environment });
  const startWorker: Beside['startWorker'] = (more = {}) =>
    startNexus(['worker', '--data', directory], {
      cwd: directory,
      env: { ...database, NEXUS_LOG_LEVEL: 'error', ...more },
    });
  try {
    return await use({ server, api: { url: server.url, key: ADMIN_KEY }, startWorker });
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Each attempt is a row. */
async function workers(engine: EngineName, { server, api, startWorker }: Beside, jobs: number): Promise<boolean> {
  for (let n = 0; n < jobs; n += 50) {
    await Promise.all(Array.from({ length: 50 }, () => submit(api, { payload: { value: n } })));
  }
  const began = performance.now();
  const running = Array.from({ length: WORKERS }, () => startWorker());
  while ((await states(server)).some(({ status }) => status !== 'succeeded')) await sleep(200);
  const seconds = (performance.now() - began) / 1000;
  for (const { child } of running) child.kill();
  const ends = await Promise.all(running.map(({ ended: end }) => end));
  const processed = ends.map(({ out }) => Number(/processed_jobs=(\d+)/.exec(out)?.[1]));
  const total = processed.reduce((sum, n) => sum + n, 0);
  const [row] = await states(server);
  const met = row?.n === jobs && row.attempts === jobs && total === jobs;
  const figure = `${row?.n} succeeded in ${row?.attempts} attempts, workers count ${total}, ${seconds.toFixed(1)} s`;
  return tell(`${jobs} jobs, ${WORKERS} worker processes, ${engine}`, figure, met);
}

/** Worker processes that are all killed at once, each with jobs in hand, and one that goes on with these. */
async function kills(engine: EngineName, { server, api, startWorker }: Beside, count: number): Promise<boolean> {
  const slots = 4;
  const payload = { value: 1, delay_ms: 3_000 };
  const doomed = Array.from({ length: Math.ceil(count / slots) }, () =>
    startWorker({ NEXUS_WORKER_SLOTS: String(slots) }),
  );
  while ((await call<{ workers: unknown[] }>(api, '/api/v1/workers')).workers.length < doomed.length) await sleep(50);
  const jobs = await Promise.all(Array.from({ length: count }, () => submit(api, { payload })));
  const began = async (job: JobView): Promise<boolean> => (await lookAt(api, job)).status === 'running';
  while (!(await Promise.all(jobs.map(began))).every(Boolean)) await sleep(20);
  const killed = Date.now();
  for (const { child } of doomed) child.kill('SIGKILL');
  const heir = startWorker({ NEXUS_WORKER_SLOTS: String(count) });
  const ends = await Promise.all(jobs.map((job) => ended(api, job)));
  heir.child.kill();
  await heir.ended;
  const back = ends.map(({ attempts: [first] }) => (Date.parse(first?.finished_at ?? '') - killed) / 1000);
  const again = ends.map(({ attempts: [first, second] }) => secondsBetween(first, second));
  const [audit] = await server.sql.read((tx) =>
    tx.all<{ n: number; jobs: number }>(
      "SELECT COUNT(*) AS n, COUNT(DISTINCT object) AS jobs FROM audit WHERE action = 'stale_lease_recovery'",
    ),
  );
  const [late, least, most] = [Math.max(...back), Math.min(...again), Math.max(...again)];
  const well = ends.every(({ status, attempts }) => status === 'succeeded' && attempts.length === 2);
  const met = well && late <= 6 && least >= 2 && most <= 3 && audit?.n === count && audit.jobs === count;
  const figure = `taken back within ${late.toFixed(2)} s (6), run again ${least.toFixed(2)} to ${most.toFixed(2)} s later (2 to 3), ${audit?.n} audit rows`;
  return tell(`${count} jobs of ${doomed.length} worker processes that were killed, ${engine}`, figure, met);
}

const states = (server: TestServer): Promise<{ status: string; n: number; attempts: number }[]> =>
  server.sql.read((tx) =>
    tx.all(
      "SELECT status, COUNT(*) AS n, CAST(SUM(attempt) AS BIGINT) AS attempts FROM jobs WHERE door = 'api' GROUP BY status",
    ),
  );

/** A worker process ingests 10 MB into the SQLite file that 50 callers ask who they are. */
async function ingests({ api, startWorker }: Beside): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-corpus-'));
  writeFileSync(join(folder, 'text.txt'), englishText(INGESTED_BYTES));
  const worker = startWorker({ NEXUS_CORPUS_ROOT: folder });
  let over = false;
  let failures = 0;
  const asking = (async () => {
    const headers = { authorization: `Bearer ${api.key}` };
    const path = '/api/v1/auth/whoami';
    while (!over)
      failures += (await runLoad({ url: api.url, method: 'GET', path, headers, connections: CALLERS, seconds: 1 }))
        .failures;
  })();
  const health: number[] = [];
  const looking = (async () => {
    while (!over) {
      const from = performance.now();
      if (!(await fetch(`${api.url}/healthz`)).ok) failures++;
      health.push(performance.now() - from);
      await sleep(HEALTH_EACH_MS);
    }
  })();
  const began = performance.now();
  const job = await submit(api, { job_type: 'ingest_batch', payload: { source_paths: ['text.txt'] } });
  const { status, result } = await ended(api, job);
  const seconds = (performance.now() - began) / 1000;
  over = true;
  await Promise.all([asking, looking]);
  worker.child.kill();
  const { out } = await worker.ended;
  rmSync(folder, { recursive: true });
  const atoms = Number(result.atoms_created ?? 0);
  const ms = percentile(health, 0.99);
  const met = failures === 0 && ms <= HEALTH_P99_MS && out.includes('processed_jobs=1') && status === 'succeeded';
  const figure = `${atoms} atoms in ${seconds.toFixed(1)} s, ${failures} answers not 200, /healthz p99 ${ms.toFixed(1)} ms (≤ ${HEALTH_P99_MS})`;
  return tell(`${CALLERS} callers of whoami while a worker process ingests 10 MB, sqlite`, figure, met);
}

/** Memory after a tenth of the requests, and no fewer than it takes to be warm, and after all. */
async function metrics(server: Child<BenchServer>, requests: number): Promise<boolean> {
  const { url, key } = server.ready;
  const api = { url, key };
  const headers = { authorization: `Bearer ${key}` };
  const load = { url, method: 'GET', path: '/api/v1/auth/whoami', headers, connections: 32, seconds: 3 } as const;
  const until = async (wanted: number): Promise<void> => {
    while ((await served(api)).count < wanted) await runLoad(load);
  };
  /** The heap is a saw: its least of some seconds is what is held. */
  const held = async (): Promise<number> => {
    const looks: number[] = [];
    for (let n = 0; n < 5; n++) {
      await runLoad({ ...load, seconds: 1 });
      looks.push((await served(api)).mib);
    }
    return Math.min(...looks);
  };
  await until(Math.min(requests, Math.max(requests / 10, WARM)));
  const before = await held();
  await until(requests);
  const after = await held();
  const { cpu: cpuBefore } = await served(api);
  const times: number[] = [];
  for (let n = 0; n < SCRAPES; n++) {
    const from = performance.now();
    await (await fetch(`${url}/metrics/prometheus`)).text();
    times.push(performance.now() - from);
  }
  const cpu = (((await served(api)).cpu - cpuBefore) * 1000) / SCRAPES;
  const ms = p95(times);
  const level = after < before * 1.25;
  const figure = `p95 ${ms.toFixed(1)} ms (< ${METRICS_P95_MS}) and ${cpu.toFixed(1)} ms of CPU, ${before.toFixed(0)} MiB, then ${after.toFixed(0)} MiB`;
  return tell(`GET /metrics after ${requests} requests`, figure, ms < METRICS_P95_MS && level);
}

export async function run({ calls = REQUESTS }: { readonly calls?: number | undefined }): Promise<boolean> {
  const part = Math.min(1, calls / REQUESTS);
  const some = (all: number): number => Math.max(1, Math.round(all * part));
  const server = await startBenchServer();
  const met: boolean[] = [];
  try {
    const api = { url: server.ready.url, key: server.ready.key };
    await submit(api, { payload: { value: 0 }, execution_mode: 'sync' });
    met.push(await submits(api, some(SUBMIT_SECONDS)));
    met.push(await retries(api, some(RETRIES)));
    met.push(await cancels(api, some(CANCELS)));
    met.push(await metrics(server, calls));
  } finally {
    await server.stop();
  }
  const jobs = Math.max(50, 50 * Math.round((JOBS * part) / 50));
  const both = async (engine: EngineName, url: string): Promise<void> => {
    met.push(await withWorkers(engine, url, (beside) => workers(engine, beside, jobs)));
  };
  const killing = async (engine: EngineName, url: string): Promise<void> => {
    met.push(await withWorkers(engine, url, (beside) => kills(engine, beside, some(KILLED))));
  };
  await both('sqlite', '');
  await killing('sqlite', '');
  met.push(await withWorkers('sqlite', '', ingests));
  const postgres = await startPostgres();
  try {
    await both('postgres', (await createDatabase(postgres)).url);
    await killing('postgres', (await createDatabase(postgres)).url);
  } finally {
    await postgres.stop();
  }
  return met.every(Boolean);
}
