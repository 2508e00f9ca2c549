/**
 * A server against brute force over the tuples that it lists: checks, permissions of files, what lists, globs and searches
 * leave out, and who sees which shares. As a command, on both engines with the cache on and off:
 * `node test/model/access-server.ts --steps 1000000`; a step is one answer of the server that is compared.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import type { GrepMatch } from '../../client/index.ts';
import type { Types } from '../../src/features/access/schema/rules.ts';
import { schemaWith, typesOf } from '../../src/features/access/schema/schema.ts';
import { type EngineName, startTestServer, type TestServer } from '../harness.ts';
import { createDatabase, startPostgres } from '../servers/postgres.ts';
import { type NaiveTuple, naiveHeld } from './naive-access.ts';

const ADDED: Types = {
  doc: {
    reader: { this: ['user', 'group', '*', 'doc#reader'] },
    blocked: { this: ['user', 'group'] },
    open: { exclusion: [{ computed: 'reader' }, { computed: 'blocked' }] },
    both: { intersection: [{ computed: 'open' }, { computed: 'viewer' }] },
  },
  file: {
    auditor: { this: ['user', 'group'] },
    audit: { intersection: [{ computed: 'viewer' }, { computed: 'auditor' }] },
  },
};
/** Between the two ends that tuples have; so is the time of the server. */
const NOW = Date.UTC(2500, 0, 1);
const TYPES = typesOf(schemaWith(1, ADDED));
const PATHS = ['/', '/x', '/x/y', '/x/y/z', '/xy', '/w', '/w/v'];
const FILES = ['/x/y/z', '/xy', '/w/v'];
const NAMES = { file: ['read', 'write', 'share', 'audit'], doc: ['open', 'both', 'viewer'], group: ['member'] };

const path = fc.constantFrom(...PATHS);
const user = fc.constantFrom('u', 'v').map((id) => ['user', id] as const);
const group = fc.constantFrom('g', 'h', 'i').map((id) => ['group', id] as const);
const file = path.map((id) => ['file', id] as const);
const doc = fc.constantFrom('1', '2').map((id) => ['doc', id] as const);
const everybody = fc.constantFrom(['user', '*'] as const, ['*', '*'] as const);
const set = doc.map(([, id]) => ['doc', id, 'reader'] as const);
const level = fc.constantFrom('direct_viewer', 'direct_editor', 'direct_owner', 'shared-viewer', 'shared-owner');

const fact = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.oneof(user, group, everybody), level, fc.oneof(file, doc)) },
  { weight: 4, arbitrary: fc.tuple(fc.oneof(user, group), fc.constant('member'), group) },
  { weight: 2, arbitrary: fc.tuple(fc.oneof(file, doc), fc.constant('parent'), fc.oneof(file, doc)) },
  { weight: 2, arbitrary: fc.tuple(fc.oneof(user, group, everybody, set), fc.constant('reader'), doc) },
  { weight: 1, arbitrary: fc.tuple(fc.oneof(user, group), fc.constant('blocked'), doc) },
  { weight: 1, arbitrary: fc.tuple(fc.oneof(user, group), fc.constant('auditor'), file) },
);
const terms = fc.constantFrom<object>(
  {},
  {},
  {},
  { expires_at: '2001-01-01T00:00:00Z' },
  { expires_at: '2999-01-01T00:00:00Z' },
  { conditions: { ip_range: '127.0.0.0/8' } },
  { conditions: { ip_range: '10.0.0.0/8' } },
  { conditions: { channel: 'rpc' } },
  { conditions: { time_window: { start: '2001-01-01T00:00:00Z', end: '2002-01-01T00:00:00Z' } } },
);
export const steps = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('grant'), fact, terms }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('revoke'), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename'), from: path, to: path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), path }) },
);
export type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never;

const THINGS = [
  ...PATHS.map((id) => ['file', id] as const),
  ...['1', '2'].map((id) => ['doc', id] as const),
  ...['g', 'h', 'i'].map((id) => ['group', id] as const),
];
const SUBJECTS = ['u', 'v'];
const CONTEXT = { ip: '127.0.0.1', channel: 'rpc' };

/** A tuple as the server lists it. */
interface Listed extends NaiveTuple {
  readonly tuple_id: string;
}

/** An answer that is not what brute force says. */
export interface Difference {
  readonly what: string;
  readonly found: unknown;
  readonly wanted: unknown;
}

interface Entry {
  readonly path: string;
  readonly directory: boolean;
}

/** Is the path the folder, or below it? */
const within = (path: string, folder: string): boolean =>
  path === folder || folder === '/' || path.startsWith(`${folder}/`);

export class AccessModel {
  /** Answers that were compared. */
  steps = 0;
  readonly server: TestServer;
  readonly admin: string;
  private readonly keys: ReadonlyMap<string, string>;

  static async open(server: TestServer): Promise<AccessModel> {
    await server.ok('zone_create', { zone_id: 'corp', name: 'corp' });
    const admin = await server.addKey({ zone_id: 'corp', role: 'admin', subject: 'boss' });
    const keys = new Map<string, string>();
    for (const subject of SUBJECTS) keys.set(subject, await server.addKey({ zone_id: 'corp', subject }));
    await server.ok('rebac_set_schema', { types: ADDED }, admin);
    return new AccessModel(server, admin, keys);
  }

  private constructor(server: TestServer, admin: string, keys: ReadonlyMap<string, string>) {
    this.server = server;
    this.admin = admin;
    this.keys = keys;
  }

  /** No tuples, and no files but some: what the last run renamed may be a file where a folder goes. */
  async beginAgain(): Promise<void> {
    const { server, admin } = this;
    const deletes = (await this.listed()).map(({ tuple_id }) => tuple_id);
    if (deletes.length > 0) await server.ok('rebac_write', { deletes }, admin);
    const { files } = await server.ok('list', { path: '/', recursive: false, details: false }, admin);
    for (const path of files.map(String)) {
      const { error } = await server.rpc('rmdir', { path, recursive: true }, admin);
      if (error) await server.ok('delete', { path }, admin);
    }
    await server.ok('write_batch', { files: FILES.map((path) => [path, 'some words'] as const) }, admin);
  }

  async apply(one: Step): Promise<void> {
    const { server, admin } = this;
    if ('fact' in one) {
      const [subject, relation, object] = one.fact;
      await server.rpc('rebac_create', { subject, relation, object, ...one.terms }, admin);
    } else if ('pick' in one) {
      const tuples = await this.listed();
      const picked = tuples[one.pick % Math.max(1, tuples.length)];
      if (picked) await server.ok('rebac_delete', { tuple_id: picked.tuple_id }, admin);
    } else if ('from' in one) await server.rpc('rename', { old_path: one.from, new_path: one.to }, admin);
    else await server.rpc('rmdir', { path: one.path, recursive: true }, admin);
  }

  private async listed(): Promise<Listed[]> {
    const rows = await this.server.ok('rebac_list_tuples', { zone_id: 'corp', limit: 10_000 }, this.admin);
    return rows.map((row) => ({
      tuple_id: row.tuple_id,
      subject: [row.subject_type, row.subject_id, row.subject_relation ?? undefined] as const,
      relation: row.relation,
      object: [row.object_type, row.object_id] as const,
      expires_at: row.expires_at === null ? null : Date.parse(row.expires_at),
      conditions: row.conditions,
    }));
  }

  /** Every difference between the server and brute force, as things are now. */
  async compare(): Promise<Difference[]> {
    const tuples = await this.listed();
    const { files } = await this.server.ok('list', { path: '/', recursive: true, details: true }, this.admin);
    const entries = files.map((one) => ({ path: one.path, directory: one.is_directory }));
    const world = { types: TYPES, tuples, now: NOW, context: CONTEXT };
    const differences: Difference[] = [];
    for (const subject of SUBJECTS) {
      const held = naiveHeld(
        world,
        ['user', subject],
        [...THINGS, ...entries.map(({ path }) => ['file', path] as const)],
      );
      const seen = new Seen(this, { subject, key: this.keys.get(subject) ?? '', tuples, entries, held });
      for (const difference of await seen.compare())
        differences.push({ ...difference, what: `${subject}: ${difference.what}` });
    }
    return differences;
  }
}

interface Sight {
  readonly subject: string;
  readonly key: string;
  readonly tuples: readonly Listed[];
  readonly entries: readonly Entry[];
  readonly held: ReadonlySet<string>;
}

/** What one user sees. */
class Seen {
  private readonly model: AccessModel;
  private readonly of: Sight;
  private readonly differences: Difference[] = [];

  constructor(model: AccessModel, of: Sight) {
    this.model = model;
    this.of = of;
  }

  async compare(): Promise<Difference[]> {
    await this.checks();
    await this.files();
    await this.shares();
    return this.differences;
  }

  private holds(type: string, id: string, name: string): boolean {
    return this.of.held.has(JSON.stringify([type, id, name]));
  }

  private expect(what: string, found: unknown, wanted: unknown): void {
    this.model.steps++;
    if (JSON.stringify(found) !== JSON.stringify(wanted)) this.differences.push({ what, found, wanted });
  }

  private async checks(): Promise<void> {
    const { server } = this.model;
    const { subject, key } = this.of;
    const asked = THINGS.flatMap(([type, id]) => NAMES[type].map((permission) => ({ permission, object: [type, id] })));
    const checks = asked.map((one) => ({ subject: ['user', subject], ...one }));
    const answers = await server.ok('rebac_check_batch', { checks }, key);
    for (const [
      i,
      {
        permission,
        object: [type = '', id = ''],
      },
    ] of asked.entries()) {
      this.expect(`${permission} on ${type}:${id}`, answers[i], this.holds(type, id, permission));
    }
    for (const path of PATHS) {
      const { error } = await server.rpc('exists', { path }, key);
      this.expect(`exists ${path}`, error?.data.code !== 'ACCESS_DENIED', this.holds('file', path, 'read'));
    }
  }

  private async files(): Promise<void> {
    const { server } = this.model;
    const { key, entries } = this.of;
    const readable = (path: string): boolean => this.holds('file', path, 'read');
    const plain = entries.filter(({ path, directory }) => !directory && readable(path)).map(({ path }) => path);
    const glob = await server.rpc('glob', { pattern: '**' }, key);
    this.expect('glob', glob.error ? [] : glob.result.matches.toSorted(), plain.toSorted());
    const grep = await server.rpc('grep', { pattern: 'words' }, key);
    this.expect(
      'grep',
      grep.error ? [] : (grep.result.matches as GrepMatch[]).map(({ file }) => file).toSorted(),
      plain.toSorted(),
    );
    // A folder is listed where it leads to something that may be read.
    const leads = (folder: string): boolean => PATHS.some((path) => within(path, folder) && readable(path));
    const listed = entries.filter(({ path, directory }) => readable(path) || (directory && leads(path)));
    const list = await server.rpc('list', { path: '/', recursive: true, details: false }, key);
    const paths = list.error ? [] : list.result.files.map(String);
    this.expect('list', paths.toSorted(), listed.map(({ path }) => path).toSorted());
  }

  private async shares(): Promise<void> {
    const { server } = this.model;
    const { key, subject, tuples } = this.of;
    const ids = (rows: readonly { readonly tuple_id: string }[]) => rows.map(({ tuple_id }) => tuple_id).toSorted();
    const shares = tuples.filter(({ relation }) => relation.startsWith('shared-'));
    const named = ([type, id]: NaiveTuple['subject']): boolean =>
      type === '*' ||
      (type === 'user' && (id === '*' || id === subject)) ||
      (type === 'group' && this.holds(type, id, 'member'));
    const incoming = await server.ok('list_incoming_shares', { limit: 1000 }, key);
    this.expect(
      'incoming',
      ids(incoming.shares),
      ids(shares.filter((one) => named(one.subject) && (one.expires_at ?? NOW + 1) > NOW)),
    );
    const outgoing = await server.ok('list_outgoing_shares', { limit: 1000 }, key);
    this.expect(
      'outgoing',
      ids(outgoing.shares),
      ids(shares.filter(({ object: [type, id] }) => this.holds(type, id, 'owner'))),
    );
  }
}

async function runSteps(model: AccessModel, most: number, seed: number): Promise<Difference[]> {
  const runs = fc.array(steps, { minLength: 1, maxLength: 14 });
  for (let n = 0; model.steps < most; n++) {
    await model.beginAgain();
    const [run = []] = fc.sample(runs, { numRuns: 1, seed: seed + n });
    for (const [i, one] of run.entries()) {
      await model.apply(one);
      const differences = await model.compare();
      if (differences.length > 0)
        return [{ what: 'run', found: run.slice(0, i + 1), wanted: seed + n }, ...differences];
    }
  }
  return [];
}

if (import.meta.main) {
  const options = {
    steps: { type: 'string', default: '1000000' },
    engines: { type: 'string', default: 'sqlite,postgres' },
    seed: { type: 'string', default: '1' },
  } as const;
  const { values } = parseArgs({ options });
  const engines = values.engines.split(',') as EngineName[];
  const postgres = engines.includes('postgres') ? await startPostgres() : undefined;
  for (const engine of engines) {
    for (const cache of ['on', 'off']) {
      const environment: Record<string, string> = { NEXUS_ACCESS_CACHE: cache, NEXUS_RATE_LIMIT_ENABLED: 'false' };
      if (engine === 'postgres' && postgres) environment.NEXUS_DATABASE_URL = (await createDatabase(postgres)).url;
      const model = await AccessModel.open(await startTestServer({ engine, environment }));
      const began = performance.now();
      const differences = await runSteps(model, Number(values.steps) / (2 * engines.length), Number(values.seed));
      await model.server.stop();
      const seconds = Math.round((performance.now() - began) / 1_000);
      console.log(JSON.stringify({ engine, cache, steps: model.steps, seconds, differences }));
      if (differences.length > 0) process.exitCode = 1;
    }
  }
  await postgres?.stop();
}
