/**
 * A whole server for tests, on each SQL engine that `ENGINES` names (`sqlite`, `postgres`; sqlite unless set), with `BLOBS=s3`
 * on the shared S3 server. It listens
 * on a free loopback port, has an admin key, and can be given keys and grants directly in SQL.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe } from 'vitest';
import type { Log } from '../src/base/log.ts';
import { type Config, loadConfig } from '../src/config.ts';
import type { Role } from '../src/core/operation.ts';
import { hashKey } from '../src/features/access/credentials.ts';
import { insertKey } from '../src/features/access/keys.sql.ts';
import { insertZone } from '../src/features/zones/zones.sql.ts';
import type { Sql } from '../src/ports/sql.ts';
import { openThreadSql } from '../src/roof/engines.ts';
import { type Running, start } from '../src/roof/server.ts';
import type { Answer, FaultDetails } from './answer.ts';
import { freshDatabase, freshStore } from './servers/shared-postgres.ts';
import { blobsSettings } from './servers/shared-s3.ts';

export const ADMIN_KEY = 'admin-key-for-tests-0001';

export type EngineName = 'sqlite' | 'postgres';

/** Engines that suites run on. */
export const ENGINES = (process.env.ENGINES ?? 'sqlite').split(',') as readonly EngineName[];

/** The same suite on each of {@link ENGINES}. */
export function forEachEngine(name: string, suite: (engine: EngineName) => void): void {
  describe.each(ENGINES)(`${name} on %s`, suite);
}

export interface RpcOutcome<R = unknown> {
  readonly status: number;
  readonly result: R;
  readonly error: { code: number; message: string; data: FaultDetails } | null;
  readonly body: unknown;
}

export interface NewTestKey {
  readonly zone_id?: string;
  readonly subject?: string;
  readonly role?: Role;
  /** `[relation, path]`, e.g. `['direct_editor', '/work']`. */
  readonly grants?: readonly (readonly [string, string])[];
}

export interface TestServer {
  readonly url: string;
  readonly running: Running;
  readonly config: Config;
  /** A JSON-RPC call; the admin's unless another key is given. */
  rpc<M extends string, const P extends object>(method: M, params?: P, key?: string): Promise<RpcOutcome<Answer<M, P>>>;
  /** The result of a call that has to succeed. */
  ok<M extends string, const P extends object>(method: M, params?: P, key?: string): Promise<Answer<M, P>>;
  /** The fault code of a call that has to fail. */
  fault(method: string, params?: object, key?: string): Promise<string>;
  /** Any request; the admin's key unless headers name another. */
  http(path: string, init?: RequestInit): Promise<Response>;
  addZone(zone_id: string, limits?: Readonly<Record<string, number>>): Promise<void>;
  /** A key with its text; grants are for its subject. */
  addKey(key: NewTestKey): Promise<string>;
  /** A second writing connection to the same database. */
  readonly sql: Sql;
  stop(): Promise<void>;
}

export interface TestOptions {
  /** The first of {@link ENGINES} unless given. */
  readonly engine?: EngineName;
  readonly environment?: Readonly<Record<string, string>>;
  /** Keep data in this directory, and leave it there. */
  readonly directory?: string;
  /** Silent unless given. */
  readonly log?: Log;
}

export async function startTestServer(options: TestOptions = {}): Promise<TestServer> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'nexus-test-'));
  const database = await placeDatabase(options, directory);
  const blobs = await blobsOf(options.environment?.NEXUS_DATABASE_URL ?? database.url, directory, options);
  const { config } = loadConfig({
    environment: {},
    given: {
      NEXUS_DATA_DIR: directory,
      NEXUS_PORT: '0',
      // Only the keys that are named, on a schema of its own.
      NEXUS_ENVIRONMENT: 'prod',
      NEXUS_SCHEMA_MANAGEMENT_MODE: 'auto_create',
      NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      NEXUS_DATABASE_URL: database.url,
      ...blobs,
      ...options.environment,
    },
  });
  const running = await start({ config, ...(options.log && { log: options.log }) });
  const sql = await openThreadSql(config, 'writer', (reason) => {
    throw reason;
  });
  // A call answers what the method's operation says, which is the type that the typed client has of it.
  const rpc = ((method: string, params: object = {}, key = ADMIN_KEY): Promise<RpcOutcome> =>
    callRpc(running.url, { method, params, key })) as TestServer['rpc'];
  return {
    url: running.url,
    running,
    config,
    sql,
    rpc,
    ok: async (method, params, key) => {
      const { result, error } = await rpc(method, params, key);
      if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
      return result;
    },
    fault: async (method, params, key) => {
      const { error, result } = await rpc(method, params, key);
      if (!error) throw new Error(`${method} succeeded: ${JSON.stringify(result)}`);
      return error.data.code;
    },
    http: (path, init = {}) =>
      fetch(running.url + path, { ...init, headers: { authorization: `Bearer ${ADMIN_KEY}`, ...init.headers } }),
    addZone: async (zone_id, limits = {}) => {
      const zone = { zone_id, name: zone_id, domain: null, description: null, limits: JSON.stringify(limits), now: 1 };
      await sql.write(zone_id, (tx) => insertZone(tx, zone));
    },
    addKey: (key) => addTestKey(sql, key),
    stop: async () => {
      await sql.close();
      await running.stop();
      await database.drop();
      if (!options.directory) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Settings of the blobs of each database of PostgreSQL: its nodes have one store. */
const stores = new Map<string, Promise<Record<string, string>>>();

function blobsOf(url: string, directory: string, { environment }: TestOptions): Promise<Record<string, string>> {
  const known = stores.get(url);
  if (known || !/^postgres/.test(url)) return known ?? blobsSettings(directory);
  // What a server made for itself goes with it; a database of the test may outlive its first server.
  const isOwn = !environment?.NEXUS_DATABASE_URL || environment.NEXUS_DATA_DIR !== undefined;
  const folder = isOwn ? (environment?.NEXUS_DATA_DIR ?? directory) : freshStore();
  const onDisk = { NEXUS_BLOBS_URL: pathToFileURL(join(folder, 'blobs')).href };
  const settings = blobsSettings(folder).then((inBucket) => ({ ...onDisk, ...inBucket }));
  stores.set(url, settings);
  return isOwn ? blobsSettings(folder) : settings;
}

interface Place {
  readonly url: string;
  drop(): Promise<void>;
}

/** Where the rows are: on PostgreSQL a database of the server's own, found again by the directory if one was given. */
async function placeDatabase(options: TestOptions, directory: string): Promise<Place> {
  const kept = { url: '', drop: async () => undefined };
  const { engine = ENGINES[0], environment = {} } = options;
  if (engine !== 'postgres' || environment.NEXUS_DATABASE_URL) return kept;
  if (!options.directory) return freshDatabase();
  const note = join(directory, 'database-url');
  if (!existsSync(note)) writeFileSync(note, (await freshDatabase()).url);
  return { ...kept, url: readFileSync(note, 'utf8') };
}

interface RpcRequest {
  readonly method: string;
  readonly params: object;
  readonly key: string;
}

async function callRpc(url: string, call: RpcRequest): Promise<RpcOutcome> {
  const response = await fetch(`${url}/api/nfs/${call.method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${call.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', method: call.method, params: call.params, id: 1 }),
  });
  const body = (await response.json()) as { result: unknown; error: RpcOutcome['error'] };
  return { status: response.status, result: body.result, error: body.error, body };
}

async function addTestKey(sql: Sql, key: NewTestKey): Promise<string> {
  const { zone_id = 'root', subject = `u${randomUUID().slice(0, 8)}`, role = 'operator', grants = [] } = key;
  const text = `key-${randomUUID()}`;
  await sql.write(zone_id, async (tx) => {
    await insertKey(tx, {
      key_id: `key-${randomUUID()}`,
      hash: hashKey(text),
      zone_id,
      name: subject,
      user_id: subject,
      subject_type: 'user',
      subject_id: subject,
      role,
      inherit_permissions: 0,
      raw_mode_enabled: 0,
      rate_limit_per_minute: null,
      key_prefix: text.slice(0, 12),
      origin: null,
      created_at: 1,
      expires_at: null,
    });
    for (const [relation, path] of grants) {
      await tx.run(
        `INSERT INTO tuples (tuple_id, zone_id, subject_zone_id, subject_type, subject_id, subject_relation, relation,
           object_type, object_id, created_at, created_by, revision) VALUES (?, ?, ?, 'user', ?, '', ?, 'file', ?, 1, 'test', (SELECT access_revision + 1 FROM zones WHERE zone_id = ?))`,
        [`tuple-${randomUUID()}`, zone_id, zone_id, subject, relation, path, zone_id],
      );
    }
    await tx.run(
      'UPDATE zones SET access_revision = access_revision + 1, used_keys = used_keys + 1, used_tuples = used_tuples + ? WHERE zone_id = ?',
      [grants.length, zone_id],
    );
  });
  return text;
}
