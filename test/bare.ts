/**
 * The rooms behind the doors, without a server: a fresh database, a blob store, a runner in this thread and a clock that
 * the test sets. For what the server does by itself, where a running one would do it too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultLimits } from '../src/base/limits.ts';
import { silentLog } from '../src/base/log.ts';
import { loadConfig } from '../src/config.ts';
import { BrickBoard } from '../src/core/brick-board.ts';
import type { JobHands } from '../src/core/call/job-hands.ts';
import { silentNotes } from '../src/core/call/notes.ts';
import { NO_DEADLINE } from '../src/core/deadline.ts';
import { invoke } from '../src/core/invoke.ts';
import type { AnyOperation, CallContext, Caller } from '../src/core/operation.ts';
import { allOperations, getOperation, jobTypesOf } from '../src/core/operations.ts';
import { Rings } from '../src/core/rings.ts';
import type { Server } from '../src/core/server.ts';
import { Streams } from '../src/core/streams.ts';
import { localRunner } from '../src/core/transact.ts';
import { Turns } from '../src/core/turns.ts';
import { ZoneWatch } from '../src/core/zone-watch.ts';
import { corpusFolder } from '../src/engines/disk/corpus-folder.ts';
import { openDiskBlobs } from '../src/engines/disk/disk-blobs.ts';
import { seedTexts } from '../src/engines/disk/seed-texts.ts';
import { openToolServers } from '../src/engines/mcp/tool-servers.ts';
import { openOutbound } from '../src/engines/network/outbound.ts';
import { openProcessBell } from '../src/engines/process/process-bell.ts';
import { bootstrap } from '../src/features/access/bootstrap.ts';
import { SYSTEM } from '../src/features/access/credentials.ts';
import { GrantCache } from '../src/features/access/grant-cache.ts';
import { type TokenDesk, tokenDesk } from '../src/features/access/tokens.ts';
import { ToolLooks } from '../src/features/mcp/tool-looks.ts';
import { sealOf } from '../src/features/mounts/seal.ts';
import { OpenStores } from '../src/features/mounts/stores.ts';
import type { Blobs } from '../src/ports/blobs.ts';
import type { Clock } from '../src/ports/clock.ts';
import type { Sql } from '../src/ports/sql.ts';
import { openAuditDesk } from '../src/roof/audit/desk.ts';
import { backupDesk } from '../src/roof/backups/desk.ts';
import { openComputing } from '../src/roof/computing.ts';
import { openThreadSql } from '../src/roof/engines.ts';
import { migrate } from '../src/roof/migrations.ts';
import { type RunStep, systemSteps } from '../src/roof/system.ts';
import type { EngineName } from './harness.ts';
import { freshDatabase } from './servers/shared-postgres.ts';

/** What the audit log is chained with. */
export const AUDIT_KEY = 'audit-key-of-tests-with-32-bytes';

/** As long as a timer can wait. */
const NEVER_MS = 2 ** 31 - 1;

export interface Bare {
  readonly server: Server;
  readonly sql: Sql;
  readonly blobs: Blobs;
  /** The file of a blob. */
  blobFile(sha256: string): string;
  readonly grants: GrantCache;
  readonly clock: Clock & { set(now: number): void };
  readonly tokens: TokenDesk;
  readonly step: RunStep;
  /** A call by the RPC name of an operation; the server's own unless a caller is given. */
  call<T = Record<string, unknown>>(method: string, params: object, caller?: Caller, request_id?: string): Promise<T>;
  close(): Promise<void>;
}

const byMethod = new Map<string, AnyOperation>(
  allOperations.flatMap((operation) => (operation.rpc ? [[operation.rpc.name, operation] as const] : [])),
);

/** No kind of store outside, and no MCP server that may be asked. */
function storesWithout(): OpenStores {
  const seal = sealOf('secret-of-tests');
  const servers = openToolServers({ outbound: openOutbound({ allow: [], pins: [], ca: '' }), commands: [] });
  return new OpenStores({ connectors: [], seal, tools: new ToolLooks({ servers, seal, limits: defaultLimits }) });
}

/** On SQLite unless told; on PostgreSQL in a database of its own, which has a clock of its own too. */
const newStreams = (parts: Pick<Server, 'sql' | 'blobs' | 'rings' | 'runner' | 'bricks' | 'backups'>): Streams =>
  new Streams({ ...parts, limits: defaultLimits, watch: new ZoneWatch({ ...parts, log: silentLog }) });

const none = () => Promise.reject(new Error('no server to restore'));
const noDesk = {
  restore: none,
  importZone: none,
  exportZone: () => {
    throw new Error('no server to export from');
  },
};
const NO_CLUSTER = { alone: true, health: () => Promise.reject(new Error('no server that has nodes')) };
const SWITCHES = { raw_mode: true, ml_plugins: false, shadow_execution: false };

/** Nobody works here. */
const NO_HANDS: JobHands = {
  worker_id: 'nobody',
  leaseMs: 1,
  reserve: () => undefined,
  run: async () => undefined,
  offer: () => undefined,
  answer: () => undefined,
};

const FIXED = {
  cluster: NO_CLUSTER,
  limits: defaultLimits,
  asyncJobs: true,
  hands: NO_HANDS,
  switches: SWITCHES,
  log: silentLog,
  notes: silentNotes,
  observe: () => undefined,
};

export async function openBare(engine: EngineName = 'sqlite'): Promise<Bare> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-bare-'));
  const database = engine === 'postgres' ? await freshDatabase() : undefined;
  const given = { NEXUS_DATA_DIR: directory, NEXUS_DATABASE_URL: database?.url };
  const { config } = loadConfig({ environment: {}, given });
  const sql = await openThreadSql(config, 'writer', (reason) => {
    throw reason;
  });
  await migrate(sql);
  let now = Date.UTC(2030, 0, 1);
  const clock = {
    now: () => now,
    set: (time: number) => {
      now = time;
    },
  };
  await sql.write('root', (tx) => bootstrap(tx, { viewer: '', operator: '', researcher: '', admin: '' }, now));
  const blobs = await openDiskBlobs(join(directory, 'blobs'));
  const grants = new GrantCache();
  const runner = localRunner({ sql, blobs, clock, limits: defaultLimits, grants, auditKeys: [AUDIT_KEY] });
  const tokens = tokenDesk({
    secret: Buffer.from('secret-of-tests-with-32-bytes-00'),
    algorithm: 'HS256',
    life: 3_600_000,
    renewable: 86_400_000,
    clock,
  });
  const step = systemSteps(runner);
  // Calls are written down when somebody asks for the log, so that tests can count what a call itself does.
  const audit = openAuditDesk({ step, clock, log: silentLog, config, gatherMs: NEVER_MS });
  const rings = new Rings(openProcessBell());
  const bricks = new BrickBoard({ sql, rings, clock, log: silentLog, node_id: undefined, jobTypes: jobTypesOf });
  const parts = { sql, blobs, rings, runner, bricks, backups: backupDesk(config, noDesk) };
  const server: Server = {
    ...parts,
    ...FIXED,
    turns: new Turns(),
    streams: newStreams(parts),
    computing: openComputing(),
    folder: corpusFolder('nowhere'),
    seeds: seedTexts('nowhere', () => {
      throw new Error('nobody is asked');
    }),
    tokens,
    stores: storesWithout(),
    audit,
  };
  return {
    server,
    sql,
    blobs,
    blobFile: (sha256) => join(directory, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256),
    grants,
    clock,
    tokens,
    step,
    call: async <T>(method: string, params: object, caller: Caller = SYSTEM, request_id = 'test'): Promise<T> => {
      const operation = byMethod.get(method) ?? getOperation(method);
      const request = { ...contextOf(caller), caller, request_id, zone_id: undefined, tolerant: true };
      return (await invoke(server, operation, { raw: params, request })).output as T;
    },
    close: async () => {
      await audit.settle();
      await sql.close();
      await blobs.close();
      await database?.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const contextOf = (caller: Caller): CallContext => ({
  caller,
  zone_id: caller.zone_id,
  path_prefix: '',
  channel: 'internal',
  request_id: 'test',
  address: null,
  deadline: NO_DEADLINE,
});
