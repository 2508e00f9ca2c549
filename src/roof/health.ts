/** What the server says of its own state (files.md §12). Guarantees: no host names, paths or secrets. */
import { asFault, Fault, isSchemaBehind } from '../base/faults.ts';
import { VERSION } from '../base/version.ts';
import type { HealthView } from '../channels/http/door.ts';
import { type Config, sqliteFileOf } from '../config.ts';
import type { BrickState } from '../core/call/brick-state.ts';
import type { HealthBody, NodeObject, NodeStatus } from '../core/call/cluster.ts';
import type { Figures, ProbeValues } from '../core/metrics.ts';
import { presentBricks } from '../core/operations.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { Reserve } from '../engines/sqlite/reserve.ts';
import type { GrantCache } from '../features/access/grant-cache.ts';
import { findCredentialByHash } from '../features/access/keys.sql.ts';
import { backupGauges } from '../features/backups/figures.ts';
import { featureName } from '../features/bricks/bricks.ts';
import { checkGauges } from '../features/content/check.sql.ts';
import { findOldestEvent } from '../features/events/moments.sql.ts';
import { jobGauges } from '../features/jobs/figures.sql.ts';
import type { Blobs } from '../ports/blobs.ts';
import { allCommits, type PoolStats, type Sql, type Tx } from '../ports/sql.ts';
import { lastSaid, within } from './last-said.ts';
import type { Nodes } from './nodes.ts';
import type { Threads } from './runner.ts';
import type { ThreadStats } from './thread-protocol.ts';

export interface HealthParts {
  readonly config: Config;
  readonly sql: Sql;
  readonly blobs: Blobs;
  /** Content that they have, if they are those of the database. */
  readonly storeMark: string | undefined;
  readonly threads: Threads;
  /** Grants known in this thread. */
  readonly grants: GrantCache;
  readonly bricks: BrickState;
  readonly nodes: Pick<Nodes, 'node_id' | 'list'>;
  /** Phases of start that are not over, `draining` while it shall get no more work, `stopping` once a stop began. */
  readonly pending: Set<string>;
}

/** A dependency that answers more slowly than this degrades the server; one that does not answer makes it unhealthy. */
const SLOW_MS = 1_000;
/** How long a figure that takes a scan is kept. */
const TOTALS_KEPT_MS = 10_000;
/** Whoever asked whether the server is ready asks again within this time, unless it has gone. */
const WATCHED_MS = 15_000;
/** A hash that no content has, and no key. */
const NOTHING = '0'.repeat(64);

/** Rejects where the store of blobs does not answer, or is not the one with that mark (store-mark.ts). */
export async function lookAtBlobs(blobs: Blobs, mark: string | undefined): Promise<void> {
  if ((await blobs.has(mark ?? NOTHING)) === false && mark !== undefined)
    throw new Fault('UNAVAILABLE', 'The store of the blobs is not the one of this database, or has lost its contents');
}

interface Component {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly latency_ms?: number;
  readonly detail?: string;
}

export interface Health extends HealthView {
  /** Somebody asks again and again whether the server is ready, as balancers do. */
  isWatched(): boolean;
  /** How often that was asked. */
  readonly asks: number;
}

export function healthView(parts: HealthParts): Health {
  const { config } = parts;
  const embedded = sqliteFileOf(config) !== undefined;
  const began = performance.now();
  let asked = Number.NEGATIVE_INFINITY;
  let asks = 0;
  const totals = keptTotals(parts.sql);
  const { writer, reader } = parts.threads;
  const said = lastSaid([async () => writer?.stats(), async () => reader?.stats()]);
  return {
    summary: async () => summaryOf(parts, statusOf(parts, await componentsOf(parts))),
    detailed: async () => {
      const components = await componentsOf(parts);
      return { ...summaryOf(parts, statusOf(parts, components)), components };
    },
    pendingPhases: () => [...parts.pending],
    readiness: async () => {
      asked = performance.now();
      asks++;
      return [...parts.pending, ...((await isWithoutSchema(parts)) ? ['schema'] : [])];
    },
    get asks() {
      return asks;
    },
    isWatched: () => performance.now() - asked < WATCHED_MS,
    uptimeSeconds: () => Math.floor((performance.now() - began) / 1000),
    features: () => ({
      profile: embedded ? 'embedded' : 'cloud',
      mode: embedded ? 'standalone' : 'cluster',
      version: VERSION,
      ...bricksOf(parts.bricks),
      rate_limit_enabled: config.RATE_LIMIT_ENABLED,
      performance_tuning: {},
    }),
    figures: () => figuresOf(parts, { totals, said }),
  };
}

type Status = HealthBody['status'];

/** What a server is while it starts, or ends. */
function phaseOf(pending: ReadonlySet<string>): Status | undefined {
  if (pending.has('stopping')) return 'unhealthy';
  return [...pending].some((phase) => phase !== 'draining') ? 'starting' : undefined;
}

function statusOf({ pending }: HealthParts, components: Readonly<Record<string, Component>>): Status {
  const worst = new Set(Object.values(components).map(({ status }) => status));
  return phaseOf(pending) ?? (['unhealthy', 'degraded', 'healthy'] as const).find((one) => worst.has(one)) ?? 'healthy';
}

/** What this server is among the nodes. */
function ownStatus(pending: ReadonlySet<string>, status: Status): NodeStatus {
  if (pending.has('stopping') || pending.has('draining')) return 'draining';
  return status === 'healthy' || status === 'degraded' ? 'healthy' : 'down';
}

function summaryOf({ config, nodes, pending }: HealthParts, status: Status): HealthBody {
  const listed = nodes.list(ownStatus(pending, status));
  return {
    status,
    healthy: status === 'healthy',
    service: 'nexus',
    version: VERSION,
    node: nodes.node_id,
    region: config.REGION || null,
    enforce_permissions: true,
    enforce_zone_isolation: true,
    has_auth: true,
    nodes: listed,
    healthy_nodes: healthyOf(listed),
  };
}

const healthyOf = (nodes: readonly NodeObject[]): string[] =>
  nodes.filter(({ status }) => status === 'healthy').map(({ id }) => id);

/** A server that is there no more, and has not said that it leaves, degrades those that are. */
function nodesOf({ config, nodes }: HealthParts): Record<string, Component> {
  if (sqliteFileOf(config) !== undefined) return {};
  const down = nodes.list('healthy').filter(({ status }) => status === 'down');
  return down.length === 0
    ? { nodes: { status: 'healthy' } }
    : { nodes: { status: 'degraded', detail: `down: ${down.map(({ id }) => id).join(', ')}` } };
}

/** Those of this server, by what they are called here. */
function bricksOf(bricks: BrickState): Readonly<Record<'enabled_bricks' | 'disabled_bricks', readonly string[]>> {
  const { on = [], off = [] } = Object.groupBy(presentBricks(), (name) => (bricks.isOff(name) ? 'off' : 'on'));
  return { enabled_bricks: on.map(featureName), disabled_bricks: off.map(featureName) };
}

async function componentsOf(parts: HealthParts): Promise<Record<string, Component>> {
  const { config, sql: database } = parts;
  const [sql, blobs, events, jobs, schema] = await Promise.all([
    probe(() => database.ping()),
    probe(() => lookAtBlobs(parts.blobs, parts.storeMark)),
    probe(() => database.read((tx) => findOldestEvent(tx, 'root'))),
    probe(() => database.read((tx) => jobGauges(tx, systemClock.now()))),
    schemaOf(parts),
  ]);
  const access: Component = { status: 'healthy' };
  return { sql, ...schema, blobs, ...diskOf(config), events, jobs, access, ...nodesOf(parts) };
}

/** In the other modes the start has seen to the schema, and nothing is asked about it (infrastructure.md §14). */
const mayLackSchema = ({ config }: HealthParts): boolean => config.SCHEMA_MANAGEMENT_MODE === 'off';

/** What each call begins with: whose credential it is. Where that cannot be asked, no call can be answered. */
async function askSchema({ sql }: HealthParts): Promise<void> {
  await sql.read((tx) => findCredentialByHash(tx, NOTHING));
}

async function schemaOf(parts: HealthParts): Promise<Record<string, Component>> {
  return mayLackSchema(parts) ? { schema: await probe(() => askSchema(parts)) } : {};
}

/** A database that does not answer in time has not said that it lacks anything. */
async function isWithoutSchema(parts: HealthParts): Promise<boolean> {
  if (!mayLackSchema(parts)) return false;
  const lacks = await within(
    ASKED_MS,
    askSchema(parts).catch((thrown) => isSchemaBehind(thrown)),
  );
  return lacks === true;
}

/** Of the embedded engine: without the room that it keeps back, what grows the store is refused. */
function diskOf(config: Config): Record<string, Component> {
  const file = sqliteFileOf(config);
  if (file === undefined) return {};
  return new Reserve(file).isLost()
    ? { disk: { status: 'degraded', detail: 'the disk is full: writes are refused until there is room again' } }
    : { disk: { status: 'healthy' } };
}

/** Milliseconds after which what has not answered is as good as away: who asks may not wait for longer. */
const GONE_MS = 5_000;
const SILENT = { status: 'unhealthy', detail: `no answer within ${GONE_MS / 1000} s` } as const;

async function probe(work: () => Promise<unknown>): Promise<Component> {
  const began = performance.now();
  const answered = work().then(
    (): Component => {
      const latency_ms = Math.round(performance.now() - began);
      return { status: latency_ms > SLOW_MS ? 'degraded' : 'healthy', latency_ms };
    },
    (thrown): Component => ({ status: 'unhealthy', detail: asFault(thrown).message }),
  );
  return (await within(GONE_MS, answered)) ?? SILENT;
}

interface Totals {
  readonly files: number;
  readonly bytes: number;
}

/** Figures that take a scan are asked at most every ten seconds. */
function keptTotals(sql: Sql): () => Promise<Totals> {
  let kept: { readonly at: number; readonly totals: Totals } | undefined;
  return async () => {
    if (kept && performance.now() - kept.at < TOTALS_KEPT_MS) return kept.totals;
    const totals = await sql.read(async (tx) => {
      const files = await tx.get<{ n: number }>('SELECT CAST(COALESCE(SUM(used_files), 0) AS BIGINT) AS n FROM zones');
      const blobs = await tx.get<{ n: number }>('SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS n FROM blobs');
      return { files: files?.n ?? 0, bytes: blobs?.n ?? 0 };
    });
    kept = { at: performance.now(), totals };
    return totals;
  };
}

/** Milliseconds that a scrape, or a question whether the server is ready, waits for the database. */
const ASKED_MS = 1_000;

/** Of all threads of this process. */
const poolOf = (pools: readonly PoolStats[]) => ({
  'db.pool.size': pools.reduce((sum, { size }) => sum + size, 0),
  'db.pool.checked_out': pools.reduce((sum, { checkedOut }) => sum + checkedOut, 0),
  'db.pool.overflow': pools.reduce((sum, { overflow }) => sum + overflow, 0),
});

interface Askable {
  readonly totals: () => Promise<Totals>;
  /** What the threads last said. */
  readonly said: () => Promise<readonly ThreadStats[]>;
}

/** A database that says that it has no such table has answered. */
const orWithout = <T>(asked: Promise<T>): Promise<T | undefined> =>
  asked.catch((thrown) => {
    if (isSchemaBehind(thrown)) return undefined;
    throw thrown;
  });

/** What is asked of the database is left out when it does not answer; the scrape itself goes on. */
async function figuresOf(parts: HealthParts, { totals, said }: Askable): Promise<Figures> {
  const others = await said();
  const own = parts.sql.stats();
  const all = [own, ...others];
  const usage = process.cpuUsage();
  const serves = phaseOf(parts.pending) === undefined && !(await isWithoutSchema(parts));
  const listed = parts.nodes.list(ownStatus(parts.pending, serves ? 'healthy' : 'starting'));
  const known: ProbeValues = {
    up: serves ? 1 : 0,
    statements: all.reduce((total, one) => total + one.statements, 0),
    memory: process.memoryUsage.rss(),
    cpu: (usage.user + usage.system) / 1e6,
  };
  const read = <T>(work: (tx: Tx) => Promise<T>) => orWithout(parts.sql.read(work));
  const asked = await within(
    ASKED_MS,
    Promise.all([
      orWithout(totals()),
      read((tx) => jobGauges(tx, systemClock.now())),
      read(backupGauges),
      read(checkGauges),
    ]),
  );
  const [sums, jobs, backups, contents] = asked ?? [];
  return {
    probes: {
      ...known,
      databaseUp: asked ? 1 : 0,
      // Without its database no node serves, as /health says.
      healthyNodes: asked ? healthyOf(listed).length : 0,
      ...(sums && { files: sums.files, blobBytes: sums.bytes }),
    },
    gauges: {
      ...poolOf(all.map(({ pool }) => pool)),
      nodes: listed.length,
      'bricks.off': bricksOf(parts.bricks).disabled_bricks.length,
      ...(jobs && {
        'jobs.queued': jobs.queued,
        'jobs.running': jobs.running,
        'jobs.retry_wait': jobs.retry_wait,
        'workers.active': jobs.workers,
      }),
      ...backups,
      ...contents,
    },
    commits: allCommits(all.map(({ commits }) => commits)),
    decisions: [parts.grants.decisions, ...others.map(({ decisions }) => decisions)],
  };
}
