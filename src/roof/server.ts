/**
 * Start and stop of a server: configuration → engines → schema → first keys → threads → doors. Guarantees: what
 * `start` returned listens; `stop` lets requests end, answers nothing afterwards and leaves no thread, file or
 * connection open.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { type Log, silentLog } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import { addressReader } from '../channels/http/addresses.ts';
import type { DoorOptions } from '../channels/http/door.ts';
import { buildHttp } from '../channels/http/http-server.ts';
import { retuned } from '../config/reload.ts';
import { type Config, sqliteFileOf } from '../config.ts';
import type { Notes } from '../core/call/notes.ts';
import type { Told } from '../core/call/told.ts';
import { Metrics } from '../core/metrics.ts';
import { jobTypes } from '../core/operations.ts';
import { Rings } from '../core/rings.ts';
import type { Server } from '../core/server.ts';
import { Streams } from '../core/streams.ts';
import { Turns } from '../core/turns.ts';
import { ZoneWatch } from '../core/zone-watch.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { claimDirectory } from '../engines/sqlite/data-directory.ts';
import { keyChanges } from '../features/access/keys.operations.ts';
import { assertAddressFree } from './address.ts';
import { openAuditDesk } from './audit/desk.ts';
import type { UnwrittenReads } from './audit/read-batches.ts';
import { tellingOfAuth } from './audit/told.ts';
import { openGate } from './backups/gate.ts';
import { openBackups } from './backups/open.ts';
import { openBricks } from './bricks.ts';
import { callersOf, type KeptCallers } from './callers.ts';
import { openComputing } from './computing.ts';
import { warnOfCorpusRoot } from './corpus.ts';
import { hasReader, openBell, openBlobs, openServerSql, spoolRootOf } from './engines.ts';
import { healthView, lookAtBlobs } from './health.ts';
import { keyUse } from './key-use.ts';
import { mindLeaving } from './leave.ts';
import { joinNodes } from './nodes.ts';
import { openOutside } from './outside.ts';
import { grantCache, switchesOf } from './parts.ts';
import { type Prepared, type Preparing, prepareDatabase } from './prepare.ts';
import { ratesOf, rateTable } from './rates.ts';
import { type Opening, openRenewed } from './renewal.ts';
import { runnerOf, type Threads } from './runner.ts';
import { logOfSchema } from './schema/incomplete.ts';
import { corpusDesks } from './seeds.ts';
import { openSpools } from './spools.ts';
import { systemSteps } from './system.ts';
import { type LateThread, startThread, type ThreadOptions, threadOnDemand } from './threads.ts';
import { tokensOf } from './tokens.ts';
import { type OpenTracing, openTracing } from './tracing.ts';
import { tellOfJobs } from './worker/told.ts';
import { startWork } from './worker/work.ts';

export interface StartOptions {
  readonly config: Config;
  readonly log?: Log;
  /**
   * Called when the process has to stop: a commit whose outcome is unknown, a thread that died. What was waiting has
   * been answered by then, and nothing is written any more.
   */
  readonly onBroken?: (reason: unknown) => void;
  /** Given the text of an admin key once it is kept, whatever becomes of the start: nobody can have it from the database again. */
  readonly onAdminKey?: (text: string) => void;
}

export interface Running {
  /** `http://host:port`. */
  readonly url: string;
  /** Text of the admin key, when this start made it. */
  readonly adminKey: string | undefined;
  readonly server: Server;
  /** Takes over what of another configuration can be while it runs. */
  retune(config: Config): void;
  stop(): Promise<void>;
}

/** Milliseconds for the last answers of a server that has to stop. */
const HALT_MS = 1_000;

export async function start(options: StartOptions): Promise<Running> {
  const { config, memory } = placeMemory(options.config);
  const file = sqliteFileOf(config);
  const claim = file === undefined ? undefined : claimDirectory(dirname(file));
  const leave = (): void => {
    claim?.release();
    if (memory) rmSync(memory, { recursive: true, force: true });
  };
  let tuned = config;
  const carried: Carried = {};
  try {
    await assertAddressFree(config);
    const { first, now, stop } = await openRenewed({
      config,
      open: (as, opening) => startClaimed({ ...options, config: retuned(as, tuned), carried }, opening),
      onBroken: (reason) => options.onBroken?.(reason),
    });
    return {
      url: first.url,
      adminKey: carried.adminKey,
      get server() {
        return now().server;
      },
      retune: (other) => {
        tuned = other;
        now().retune(other);
      },
      stop: () => stop().then(leave),
    };
  } catch (thrown) {
    leave();
    throw thrown;
  }
}

interface Halt {
  /** Gives those who wait the time to be answered. */
  lastAnswers(): Promise<unknown>;
  readonly onBroken: (reason: unknown) => void;
}

function haltOf(told: (reason: unknown) => void): Halt {
  const halt: Halt = {
    lastAnswers: async () => undefined,
    onBroken: (reason) => {
      halt.lastAnswers().then(() => told(reason), told);
    },
  };
  return halt;
}

/** What a server that begins anew takes over from the one before. */
interface Carried {
  left?: UnwrittenReads;
  /** That it made. */
  adminKey?: string;
}

interface Claimed extends StartOptions {
  readonly carried: Carried;
}

async function prepare(options: Claimed, preparing: Preparing): Promise<Prepared> {
  const prepared = await prepareDatabase(options.config, preparing);
  if (prepared.adminKey !== undefined) {
    options.carried.adminKey = prepared.adminKey;
    options.onAdminKey?.(prepared.adminKey);
  }
  return prepared;
}

async function startClaimed(options: Claimed, { fence, anew, beforeListening }: Opening): Promise<Running> {
  const log = logOfSchema(options.config, options.log ?? silentLog);
  const halt = haltOf(options.onBroken ?? ((reason) => log('error', 'server.broken', { err: String(reason) })));
  const { storeMark, ...kept } = await prepare(options, { log, fence, onBroken: halt.onBroken });
  const config = { ...options.config, AUDIT_KEY: kept.auditKey };
  const tokens = tokensOf(config, kept.secret);
  const sql = await openServerSql(config, halt.onBroken, fence);
  const blobs = await openBlobs(config);
  const { metrics, told, tracing, notes } = await figuresOf(config, log);
  const threads = await startThreads(config, { fence, onBroken: halt.onBroken, told, spans: tracing?.note });
  const grants = grantCache(config);
  const bell = await openBell(config);
  const rings = new Rings(bell);
  const watch = new ZoneWatch({ sql, rings, log });
  const inner = runnerOf(config, { sql, blobs, threads, rings, grants, told, tracing });
  const gate = openGate();
  const reached = { secretsKey: kept.secretsKey, nodes: () => nodes.live(), runner: gate.over(inner) };
  const { stores, outside, runner, mind } = openOutside({ config, sql, blobs, log, ...reached });
  const desk = openAuditDesk({ step: systemSteps(runner), clock: systemClock, log, config, ...options.carried });
  const audit = tellingOfAuth(desk, { log, count: (key) => metrics.count(key) });
  const used = keyUse({ runner, clock: systemClock, log });
  const nodes = await joinNodes({ config, sql, log, look: () => lookAtBlobs(blobs, storeMark) });
  const { alone } = nodes;
  const bricks = await openBricks({ sql, rings, log, runner, node_id: alone ? undefined : nodes.node_id });
  mind(bricks);
  const rates = ratesOf(config, nodes);
  const callers = callersOf({ sql, clock: systemClock, tokens, rates, rings, used: used.note });
  const engines = { sql, blobs, computing: openComputing() };
  const observe = observerOf(metrics, { callers, reader: threads.reader });
  const working = { config, runner, rings, bricks, outside, ...engines, clock: systemClock, log, tracing, notes };
  const { hands, ...work } = startWork(working, alone);
  const pending = new Set(['listen']);
  const opened = { ...working, inner, gate, fence, pending, anew, stopWork: () => work.stop() };
  const { backups, ...restores } = openBackups(opened);
  const health = healthView({ config, sql, blobs, storeMark, threads, grants, bricks, nodes, pending });
  const views = { backups, cluster: { alone, health: health.summary }, hands, audit, notes };
  const desks = { tokens, ...corpusDesks(config), stores, bricks, ...views };
  const server = serverOf(config, { ...engines, runner, watch, rings, log, observe, ...desks });
  const app = frontOf(config, { server, health, metrics, tracing, callers, rates, pending, alone });
  halt.lastAnswers = () => {
    pending.add('stopping');
    return Promise.race([app.close(), sleep(HALT_MS)]);
  };
  const close = async (until?: number): Promise<void> => {
    rings.stop();
    await restores.stop();
    await Promise.all([
      app.close().then(() => server.streams.settled()),
      work.stop(until),
      bricks.stop(),
      nodes.stop(),
    ]);
    options.carried.left = await desk.close();
    await used.settled();
    await stores.close();
    await Promise.all([threads.writer?.close(), threads.reader?.close(), engines.computing.close()]);
    await sql.close();
    await blobs.close();
    await bell.close();
    await tracing?.close();
  };
  await warnOfCorpusRoot(config, log);
  await beforeListening();
  const url = await listen(app, config, close);
  pending.delete('listen');
  log('info', 'server.started', { url });
  const leave = mindLeaving({ config, nodes, health, pending, work, log });
  const retune = retuneOf({ rates, callers });
  return { url, adminKey: options.carried.adminKey, server, retune, stop: () => stopOf({ app, config, leave, close }) };
}

/** Other rates hold for callers that are remembered, too. */
const retuneOf =
  ({ rates, callers }: { readonly rates: ReturnType<typeof ratesOf>; readonly callers: KeptCallers }) =>
  (other: Config): void => {
    rates?.retune(rateTable(other));
    callers.forget();
  };

interface Front extends Pick<DoorOptions, 'server' | 'health' | 'metrics' | 'tracing' | 'callers' | 'rates'> {
  readonly pending: ReadonlySet<string>;
  readonly alone: boolean;
}

const frontOf = (config: Config, { pending, alone, ...door }: Front): FastifyInstance =>
  buildHttp({
    ...door,
    version: VERSION,
    addressOf: addressReader(config.TRUSTED_PROXIES),
    corsOrigins: config.CORS_ORIGINS,
    mcpSse: config.MCP_SSE,
    leaving: () => pending.has('stopping'),
    isRestoring: () => pending.has('restoring'),
    spools: openSpools({ directory: spoolRootOf(config), maximum: config.limits.SPOOL_BYTES, alone }),
  });

interface Stopping {
  readonly app: FastifyInstance;
  readonly config: Config;
  readonly leave: () => Promise<void>;
  /** What still runs has until then, of the monotonic clock. */
  readonly close: (until: number) => Promise<void>;
}

const LAST_ANSWERS_MS = 1_000;

async function stopOf({ app, config, leave, close }: Stopping): Promise<void> {
  const until = performance.now() + config.DRAIN_SECONDS * 1000;
  // A reader that stalls would hold the stop for ever: then its connection is closed. Who waits for a job that is given back
  // when the time is over hears of that before.
  const drained = setTimeout(() => app.server.closeAllConnections(), config.DRAIN_SECONDS * 1000 + LAST_ANSWERS_MS);
  await leave();
  await close(until);
  clearTimeout(drained);
}

/** What a call that ended is told to. Whoever calls may well list next. */
const observerOf =
  (
    metrics: Metrics,
    { callers, reader }: { callers: KeptCallers; reader: LateThread | undefined },
  ): Server['observe'] =>
  (operation, outcome, seconds) => {
    metrics.operationEnded(operation, outcome, seconds);
    if (keyChanges.has(operation)) callers.forget();
    reader?.expect();
  };

/** What is counted, and who is told what to count. */
async function figuresOf(config: Config, log: Log): Promise<ServerFigures> {
  const metrics = new Metrics(jobTypes.map(({ type }) => type));
  const tracing = await openTracing(config, { log, dropped: (spans) => metrics.count('otel.dropped', spans) });
  const notes: Notes = {
    log,
    pluginRan: (plugin, outcome) => metrics.pluginRan(plugin, outcome),
    ingested: (file) => metrics.ingested(file),
    span: tracing?.note,
  };
  return { metrics, tracing, notes, told: tellOfJobs({ log, counts: (move) => metrics.jobMoved(move) }) };
}

interface ServerFigures {
  readonly metrics: Metrics;
  readonly told: Told;
  readonly notes: Notes;
  readonly tracing: OpenTracing | undefined;
}

/** The address that it listens at; closed again where it cannot. */
async function listen(app: FastifyInstance, config: Config, close: () => Promise<void>): Promise<string> {
  try {
    await app.listen({ host: config.HOST, port: config.PORT });
    return urlOf(config, app.server.address() as AddressInfo);
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

const urlOf = ({ HOST }: Config, { port }: AddressInfo): string =>
  `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`;

interface ServerParts extends Omit<Server, 'limits' | 'turns' | 'streams' | 'switches' | 'asyncJobs'> {
  readonly watch: ZoneWatch;
}

const serverOf = (config: Config, { watch, ...parts }: ServerParts): Server => ({
  ...parts,
  limits: config.limits,
  turns: new Turns(),
  streams: new Streams({ ...parts, limits: config.limits, watch }),
  switches: switchesOf(config),
  asyncJobs: config.ASYNC_JOBS_ENABLED,
});

/** `:memory:` is a private directory that goes with the server: several threads have to share it. */
function placeMemory(config: Config): { config: Config; memory: string | undefined } {
  if (sqliteFileOf(config) !== ':memory:') return { config, memory: undefined };
  const memory = mkdtempSync(join(tmpdir(), 'nexus-memory-'));
  return { config: { ...config, DATABASE_URL: `sqlite:///${join(memory, 'nexus.db')}`, DATA_DIR: memory }, memory };
}

interface ServerThreads extends Threads {
  readonly reader: LateThread | undefined;
}

async function startThreads(config: Config, hears: Omit<ThreadOptions, 'role' | 'config'>): Promise<ServerThreads> {
  const common = { config, ...hears };
  const embedded = sqliteFileOf(config) !== undefined;
  return {
    writer: embedded ? await startThread({ ...common, role: 'writer' }) : undefined,
    reader: hasReader(config) ? threadOnDemand({ ...common, role: 'reader' }) : undefined,
  };
}
