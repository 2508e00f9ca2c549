/**
 * What the corpus promises over HTTP (corpus.md §17), on SQLite and the package as it is published: batches, their memory and
 * what they store, others meanwhile, analyses, integrity. `--calls` is the number of small files.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { englishText } from './lib/english.ts';
import { percentile } from './lib/pairs.ts';
import { peakGrowth } from './lib/process-stats.ts';
import { type Published, startPublished } from './lib/published.ts';

const SMALL_FILES = 1_000;
const LARGE_BYTES = 10_000_000;
const LARGE_FILES = 10;
const GROWTH_MIB = 300;
const STORED_BYTES = 15;
const HEALTH_P99_MS = 100;
const WRITE_MOST_MS = 250;
const BESIDE_EACH_MS = 10;
const ANALYSES = 100;
/** Until a server has given back what it needed for its start. */
const IDLE_MS = 15_000;
const MEBIBYTE = 1024 ** 2;

function tell(what: string, figure: string, met: boolean): boolean {
  console.log(`corpus: ${what}: ${figure}${met ? '' : '  NOT MET'}`);
  return met;
}

const under = (what: string, figure: { ours: number; most: number; unit: string }): boolean =>
  tell(what, `${figure.ours.toPrecision(3)} ${figure.unit} (< ${figure.most})`, figure.ours < figure.most);

async function call<T>({ url, adminKey }: Published, path: string, body?: object): Promise<T> {
  const answer = await fetch(url + path, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

interface Batch {
  readonly atoms_created: number;
  readonly documents_ingested: number;
  readonly documents_unchanged: number;
}

async function timed<T>(work: () => Promise<T>): Promise<{ seconds: number; result: T }> {
  const began = performance.now();
  const result = await work();
  return { seconds: (performance.now() - began) / 1000, result };
}

interface Place {
  readonly server: Published;
  readonly folder: string;
}

const ingest = ({ server }: Place, source_paths: readonly string[]): Promise<Batch> =>
  call(server, '/api/v1/ingest/batch', { source_paths });

/** Bytes of data on disk. */
const storedBytes = ({ server }: Place): number =>
  Number(
    execFileSync('du', ['-sb', '--apparent-size', '--exclude=reserve', server.directory], { encoding: 'utf8' }).split(
      '\t',
    )[0],
  );

interface Beside {
  readonly health: readonly number[];
  readonly writes: readonly number[];
}

/** Looks at the health and writes small files while something else is done. */
async function beside(server: Published, work: () => Promise<unknown>): Promise<Beside> {
  let over = false;
  const health: number[] = [];
  const writes: number[] = [];
  const repeat = async (times: number[], one: (n: number) => Promise<unknown>): Promise<void> => {
    for (let n = 0; !over; n++) {
      const { seconds } = await timed(() => one(n));
      times.push(seconds * 1000);
      await sleep(BESIDE_EACH_MS);
    }
  };
  const looking = repeat(health, () => fetch(`${server.url}/healthz`).then((answer) => answer.text()));
  const writing = repeat(writes, (n) =>
    call(server, '/api/nfs/write', { params: { path: `/beside/${n}`, content: 'x' } }),
  );
  await work();
  over = true;
  await Promise.all([looking, writing]);
  return { health, writes };
}

async function large(place: Place): Promise<boolean[]> {
  const { server, folder } = place;
  writeFileSync(join(folder, 'kilo.txt'), englishText(100_000));
  writeFileSync(join(folder, 'mega.txt'), englishText(LARGE_BYTES));
  const met: boolean[] = [];
  const small = await timed(() => ingest(place, ['kilo.txt']));
  met.push(under(`100 KB, ${small.result.atoms_created} atoms`, { ours: small.seconds, most: 1, unit: 's' }));
  await sleep(IDLE_MS);
  const before = storedBytes(place);
  let one = { seconds: Number.NaN, result: { atoms_created: 0 } };
  const growth = await peakGrowth(server.pid, async () => {
    one = await timed(() => ingest(place, ['mega.txt']));
  });
  met.push(under(`10 MB, ${one.result.atoms_created} atoms`, { ours: one.seconds, most: 60, unit: 's' }));
  met.push(under('memory over idle meanwhile', { ours: growth / MEBIBYTE, most: GROWTH_MIB, unit: 'MiB' }));
  await sleep(IDLE_MS);
  const stored = (storedBytes(place) - before) / LARGE_BYTES;
  met.push(under('database and blobs', { ours: stored, most: STORED_BYTES, unit: 'bytes a byte of text' }));
  return met;
}

async function many(place: Place): Promise<boolean[]> {
  const { server, folder } = place;
  const names = Array.from({ length: LARGE_FILES }, (_, n) => `mega-${n}.txt`);
  for (const [n, name] of names.entries()) writeFileSync(join(folder, name), `${n} ${englishText(LARGE_BYTES)}`);
  await sleep(IDLE_MS);
  let others: Beside = { health: [], writes: [] };
  const growth = await peakGrowth(server.pid, async () => {
    others = await beside(server, () => ingest(place, names));
  });
  return [
    under('memory over idle of ten such files', { ours: growth / MEBIBYTE, most: GROWTH_MIB, unit: 'MiB' }),
    under('/healthz p99 meanwhile', { ours: percentile(others.health, 0.99), most: HEALTH_P99_MS, unit: 'ms' }),
    under(`longest of ${others.writes.length} writes by others`, {
      ours: Math.max(...others.writes),
      most: WRITE_MOST_MS,
      unit: 'ms',
    }),
  ];
}

async function small(place: Place, files: number): Promise<boolean[]> {
  const names = Array.from({ length: files }, (_, n) => `small-${n}.txt`);
  for (const [n, name] of names.entries()) writeFileSync(join(place.folder, name), `${n} ${englishText(1_000)}`);
  const first = await timed(() => ingest(place, names));
  const again = await timed(() => ingest(place, names));
  const whole = first.result.documents_ingested === files && again.result.documents_unchanged === files;
  const share = files / SMALL_FILES;
  return [
    whole,
    under(`${files} files of 1 KB`, { ours: first.seconds, most: 20 * share, unit: 's' }),
    under('the same again', { ours: again.seconds, most: 2 * share, unit: 's' }),
  ];
}

async function idOf({ server, folder }: Place, name: string): Promise<string> {
  const { documents } = await call<{ documents: { id: string; path: string }[] }>(server, '/api/v1/documents');
  return documents.find(({ path }) => path === join(folder, name))?.id ?? '';
}

async function analyses(place: Place): Promise<boolean[]> {
  const p95 = async (name: string): Promise<number> => {
    const document_id = await idOf(place, name);
    const times: number[] = [];
    for (let n = 0; n < ANALYSES; n++) {
      times.push((await timed(() => call(place.server, '/api/v1/analyze', { document_id }))).seconds * 1000);
    }
    return percentile(times, 0.95);
  };
  const mega = await idOf(place, 'mega.txt');
  const whole = await timed(() => call(place.server, '/api/v1/analyze', { document_id: mega }));
  const check = await timed(() => call(place.server, `/api/v1/hypergraph/documents/${mega}/integrity`));
  const job = { job_type: 'integrity_audit', execution_mode: 'sync' };
  const audit = await timed(() => call<{ job_id: string }>(place.server, '/api/v1/jobs/submit', job));
  const { result } = await call<{ result: { inconsistency_count: number; document_count: number } }>(
    place.server,
    `/api/v1/jobs/${audit.result.job_id}`,
  );
  return [
    under('analysis of 1 KB, p95', { ours: await p95('small-0.txt'), most: 20, unit: 'ms' }),
    under('analysis of 100 KB, p95', { ours: await p95('kilo.txt'), most: 200, unit: 'ms' }),
    under('analysis of 10 MB', { ours: whole.seconds, most: 10, unit: 's' }),
    under('integrity of 10 MB by the route', { ours: check.seconds * 1000, most: 100, unit: 'ms' }),
    under(`audit of ${result.document_count} documents, for each 10 MB`, {
      ours: audit.seconds / (LARGE_FILES + 1),
      most: 15,
      unit: 's',
    }),
    result.inconsistency_count === 0,
  ];
}

export async function run({ calls = SMALL_FILES }: { readonly calls?: number | undefined }): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-corpus-'));
  const server = await startPublished({ NEXUS_CORPUS_ROOT: folder });
  try {
    const place = { server, folder };
    const met = [
      ...(await large(place)),
      ...(await many(place)),
      ...(await small(place, calls)),
      ...(await analyses(place)),
    ];
    return met.every(Boolean);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}
