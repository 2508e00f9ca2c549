/**
 * Every operation of the list × every role × the zone that is named × every grant has the outcome that its declaration and
 * its cases give, and a denied call changes nothing. An operation without cases fails.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnyOperation, ROLES } from '../../src/core/operation.ts';
import { publicOperations } from '../../src/core/operations.ts';
import { toolOf } from '../../src/core/tools.ts';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../harness.ts';
import { ACCESS_CASES } from './access-cases.ts';
import { AGENT_CASES } from './agent-cases.ts';
import { BACKUP_CASES } from './backup-cases.ts';
import { BRICK_CASES } from './brick-cases.ts';
import {
  type AskedRole,
  type FindCaller,
  HERE,
  homeOf,
  LEVELS,
  type Level,
  type MatrixCaller,
  MISSING,
  makeCallers,
  ROLES_ASKED,
  roleOf,
  THERE,
} from './callers.ts';
import type { Case, Cases, Input } from './cases.ts';
import { CLUSTER_CASES } from './cluster-cases.ts';
import { CORPUS_ANALYSIS_CASES } from './corpus-analysis-cases.ts';
import { CORPUS_BRANCH_CASES } from './corpus-branch-cases.ts';
import { CORPUS_DOCUMENT_CASES } from './corpus-document-cases.ts';
import { CORPUS_GOVERNANCE_CASES } from './corpus-governance-cases.ts';
import { makeCorpus } from './corpus-made.ts';
import { EVENT_CASES } from './event-cases.ts';
import { FILE_CASES } from './file-cases.ts';
import { JOB_CASES } from './job-cases.ts';
import { MOUNT_CASES } from './mount-cases.ts';
import { send } from './request.ts';
import { ROLE_OF } from './roles.ts';
import { SYNC_CASES } from './sync-cases.ts';
import { UPLOAD_CASES } from './upload-cases.ts';

const CASES: Cases = {
  ...FILE_CASES,
  ...EVENT_CASES,
  ...ACCESS_CASES,
  ...JOB_CASES,
  ...AGENT_CASES,
  ...UPLOAD_CASES,
  ...MOUNT_CASES,
  ...BACKUP_CASES,
  ...CLUSTER_CASES,
  ...BRICK_CASES,
  ...SYNC_CASES,
  ...CORPUS_DOCUMENT_CASES,
  ...CORPUS_BRANCH_CASES,
  ...CORPUS_GOVERNANCE_CASES,
  ...CORPUS_ANALYSIS_CASES,
};

/** What zone a call names: its own, one that is there, one that never was; by header, by parameter, or in its paths. */
const NAMED = [
  'none',
  'own',
  'other',
  'missing',
  'other by parameter',
  'missing by parameter',
  'other by path',
  'missing by path',
] as const;
type Naming = (typeof NAMED)[number];

/** Calls to be denied that are sent at once. */
const TOGETHER = 16;

interface Cell {
  readonly role: AskedRole;
  readonly naming: Naming;
  readonly level: Level;
}

/** Grants matter where the caller is at home, so that elsewhere the least and the most stand for all. */
const cells: readonly Cell[] = ROLES_ASKED.flatMap((role) =>
  NAMED.flatMap((naming) =>
    (naming === 'none' ? LEVELS : (['nothing', 'owner'] as const)).map((level) => ({ role, naming, level })),
  ),
);

const foreign = (naming: Naming): boolean => naming.startsWith('other') || naming.startsWith('missing');

function hasRole(role: AskedRole, who: AnyOperation['who']): boolean {
  if (who === 'public') return true;
  if (who === 'root admin') return role === 'root-admin';
  const own = roleOf(role);
  return own !== 'none' && ROLES.indexOf(own) >= ROLES.indexOf(who.role);
}

/** The input with each of its paths in a zone, in the form that names one. */
const inZone = (input: Input, zone_id: string): Input =>
  JSON.parse(JSON.stringify(input), (_, value: unknown) =>
    typeof value === 'string' && value.startsWith('/') ? `/zone/${zone_id}${value}` : value,
  );

/** What has to come of a call. */
function expected(operation: AnyOperation, one: Case, cell: Cell): string {
  const outcome = permitted(operation, one, cell);
  return outcome === 'ok' ? (one.ends ?? outcome) : outcome;
}

/** The same by the declaration and the case, as far as permission goes. */
function permitted(operation: AnyOperation, one: Case, { role, naming, level }: Cell): string {
  const { who, zone = 'named' } = operation;
  const credentialsOnly = who === 'public' && zone === 'caller';
  if (role === 'nobody') return who === 'public' ? (one.nobody ?? 'ok') : 'UNAUTHENTICATED';
  if (!hasRole(role, who)) return 'ACCESS_DENIED';
  if (role === 'none' && one.noRole) return one.noRole;
  if (foreign(naming) && !credentialsOnly) {
    if (role !== 'root-admin') return 'ACCESS_DENIED';
    // A path names its zone, wherever the operation is at home.
    if (naming === 'missing by path' || (naming.startsWith('missing') && zone !== 'caller')) {
      if (!operation.nowhere && operation.anyZone !== 'even none') return 'ZONE_NOT_FOUND';
      return one.shows === undefined ? 'ok' : 'hidden';
    }
  }
  if (roleOf(role) === 'admin') return (!foreign(naming) && one.ownZone) || (one.shows === undefined ? 'ok' : 'shown');
  const suffices = one.level !== 'admin' && LEVELS.indexOf(level) >= LEVELS.indexOf(one.level);
  if (one.shows !== undefined) return suffices ? 'shown' : 'hidden';
  if (suffices) return 'ok';
  const { without = 'ACCESS_DENIED' } = one;
  return typeof without === 'function' ? without(level) : without;
}

test('every operation has cases, and no case is of none', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(publicOperations.map(({ name }) => name).toSorted());
});

test.each(publicOperations)('$name takes the role of its effect, or the one written here', ({ name, effect, who }) => {
  const usual = effect === 'read' ? 'viewer' : 'operator';
  expect(typeof who === 'string' ? who : who.role).toBe(ROLE_OF[name] ?? usual);
});

forEachEngine('the matrix of access', (engine) => {
  let server: TestServer;
  let callerOf: FindCaller;
  const made: Record<string, Record<string, string>> = {};
  let n = 0;

  beforeAll(async () => {
    server = await startTestServer({
      engine,
      environment: {
        NEXUS_RATE_LIMIT_ENABLED: 'false',
        NEXUS_EMBEDDED_WORKER: 'false',
        NEXUS_SHADOW_EXECUTION_ENABLED: 'true',
        // The admin begins one for each cell.
        NEXUS_LIMIT_UPLOADS_PER_CALLER: '1000',
      },
    });
    for (const zone_id of [HERE, THERE]) await server.ok('zone_create', { zone_id, name: zone_id });
    for (const zone_id of [HERE, THERE, 'root']) {
      const inZone = { zone_id };
      await server.ok('write', { path: '/given/a.txt', content: 'one\n', ...inZone });
      const { revision } = await server.ok('write', { path: '/given/a.txt', content: 'two\n', ...inZone });
      await server.ok('write', { path: '/given/lent.txt', content: 'x', ...inZone });
      await server.ok('share_with_user', { path: '/given/lent.txt', user_id: 'somebody', ...inZone });
      const { snapshot_id } = await server.ok('tree_snapshot_create', { name: 'before', path: '/given', ...inZone });
      await server.ok('tree_branch_create', { name: 'side', ...inZone });
      await server.ok('write', { path: '/given/later.txt', content: 'x', ...inZone });
      made[zone_id] = { snapshot: snapshot_id, revision: String(revision), ...(await makeCorpus(server, zone_id)) };
    }
    callerOf = await makeCallers(server);
  });
  afterAll(() => server.stop());

  interface Mark {
    readonly zone_id: string;
    readonly seq: number;
    readonly access_revision: number;
  }

  const marks = () =>
    server.sql.read((tx) =>
      tx.all<Mark>('SELECT zone_id, seq, access_revision FROM zones WHERE zone_id IN (?, ?, ?)', [HERE, THERE, 'root']),
    );

  /** What a caller changed since, and whether anybody changed who may do what; jobs of the zones go on meanwhile. */
  async function changedSince(before: readonly Mark[], { subject }: MatrixCaller): Promise<unknown[]> {
    const events = await server.sql.read((tx) =>
      Promise.all(
        before.map(({ zone_id, seq }) =>
          tx.all('SELECT type FROM events WHERE zone_id = ? AND seq > ? AND user_id = ?', [zone_id, seq, subject]),
        ),
      ),
    );
    const now = await marks();
    const revisionOf = (all: readonly Mark[], zone: string) =>
      all.find(({ zone_id }) => zone_id === zone)?.access_revision;
    const moved = before.filter(({ zone_id, access_revision }) => revisionOf(now, zone_id) !== access_revision);
    return [...events.flat(), ...moved];
  }

  async function zoneNamed(one: Case, naming: Naming, caller: MatrixCaller): Promise<string | undefined> {
    if (naming === 'none') return undefined;
    if (naming.startsWith('missing')) return MISSING;
    if (naming === 'own') return homeOf(caller.role);
    if (!one.freshZone) return THERE;
    const zone_id = `fresh-${++n}`;
    await server.ok('zone_create', { zone_id, name: 'Fresh' });
    return zone_id;
  }

  async function postIn(zone: string, path: string, body: Input): Promise<Input> {
    const headers = {
      'content-type': 'application/json',
      'x-nexus-zone-id': zone,
      authorization: `Bearer ${ADMIN_KEY}`,
    };
    const response = await server.http(path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Input;
  }

  async function openConflict(zone_id: string, path: string): Promise<string> {
    const conflict_id = randomUUID();
    await server.sql.write(zone_id, (tx) =>
      tx.run(
        `INSERT INTO sync_conflicts (conflict_id, zone_id, mount_id, mount_point, path, status, detected_at)
         VALUES (?, ?, 'gone', '/given', ?, 'open', 1)`,
        [conflict_id, zone_id, path],
      ),
    );
    return conflict_id;
  }

  async function beginUpload(zone: string): Promise<string> {
    const headers = { 'x-nexus-zone-id': zone, 'tus-resumable': '1.0.0', 'upload-length': '9' };
    const made = await server.http('/api/v2/uploads', { method: 'POST', headers });
    if (made.status !== 201) throw new Error(await made.text());
    return made.headers.get('location')?.split('/').at(-1) ?? '';
  }

  async function tokenOf({ key }: MatrixCaller): Promise<string> {
    const answer = await server.http('/api/v1/auth/token', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
    });
    return answer.ok ? ((await answer.json()) as { access_token: string }).access_token : key;
  }

  /** A call ready to be sent. */
  interface Sending {
    readonly cell: Cell;
    readonly caller: MatrixCaller;
    readonly request: Parameters<typeof send>[1];
  }

  interface Doing {
    readonly cell: Cell;
    readonly byTool: boolean;
  }

  /** Undefined where the operation cannot name a zone so. */
  async function sendingOf(operation: AnyOperation, one: Case, { cell, byTool }: Doing): Promise<Sending | undefined> {
    const byPath = cell.naming.endsWith('by path');
    if (byPath && !operation.mapPaths) return undefined;
    const caller = callerOf(cell.role, cell.level, one.spot ?? '/given');
    const named = await zoneNamed(one, cell.naming, caller);
    const zone = cell.naming.startsWith('other') ? (named ?? '') : homeOf(cell.role);
    const at = {
      zone,
      named: named ?? zone,
      n: ++n,
      caller,
      made: made[zone] ?? {},
      ok: (method: string, params: Input): Promise<Input> =>
        server.ok(method, { zone_id: zone, ...params }) as Promise<Input>,
      rest: (path: string, body: Input): Promise<Input> => postIn(zone, path, body),
      begin: () => beginUpload(zone),
      conflict: (path: string) => openConflict(zone, path),
    };
    const plain = await one.input(at);
    const input = byPath ? inZone(plain, at.named) : plain;
    if (byPath && JSON.stringify(input) === JSON.stringify(plain)) return undefined;
    const byParameter = cell.naming.endsWith('by parameter') && operation.zone !== 'caller';
    const request = {
      operation,
      input: byParameter ? { ...input, zone_id: named } : input,
      key: one.byToken && caller.key !== '' ? await tokenOf(caller) : caller.key,
      zone: byParameter || byPath ? undefined : named,
      byRoute: one.byRoute ?? false,
      byTool,
    };
    return { cell, caller, request };
  }

  /** What came of calls that are sent at once; whoever was denied must have changed nothing. */
  async function outcomes(one: Case, sendings: readonly Sending[]): Promise<string[]> {
    const before = await marks();
    const came = await Promise.all(sendings.map(({ request }) => send(server.url, request)));
    for (const [i, { code }] of came.entries()) {
      if (code !== 'ok') expect(await changedSince(before, sendings[i]!.caller), code).toEqual([]);
    }
    return came.map(({ code, text }) => {
      if (code !== 'ok' || one.shows === undefined) return code;
      return text.includes(one.shows) ? 'shown' : 'hidden';
    });
  }

  const labelOf = ({ role, naming, level }: Cell): string => `${role}, zone ${naming}, ${level}`;

  /** By cell: what came of the calls. Those that are to be denied are sent together, each other one by itself. */
  async function cameOf(operation: AnyOperation, one: Case, byTool: boolean): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    const note = async (sendings: readonly Sending[]): Promise<void> => {
      const came = await outcomes(one, sendings);
      for (const [i, { cell }] of sendings.entries()) found[labelOf(cell)] = came[i]!;
    };
    let denied: Sending[] = [];
    for (const cell of cells) {
      const sending = await sendingOf(operation, one, { cell, byTool });
      if (!sending) continue;
      if (['ok', 'shown', 'hidden', one.ends].includes(expected(operation, one, cell))) await note([sending]);
      else denied.push(sending);
      if (denied.length < TOGETHER) continue;
      await note(denied);
      denied = [];
    }
    await note(denied);
    return found;
  }

  /** The door of tools lets nobody in without a key. */
  const expectedBy = (byTool: boolean, cell: Cell, otherwise: string): string =>
    byTool && cell.role === 'nobody' ? 'UNAUTHENTICATED' : otherwise;

  describe.each(publicOperations.map((operation) => [operation.name, operation] as const))('%s', (name, operation) => {
    const cases = CASES[name] ?? [];
    // What may be done does not depend on the engine: tools are tried on one.
    const byTools = engine === 'sqlite' && toolOf(operation) ? cases.filter(({ byRoute }) => !byRoute) : [];
    test.each([
      ...cases.map((one) => [one.title ?? 'every caller', one, false] as const),
      ...byTools.map((one) => [`${one.title ?? 'every caller'}, by its tool`, one, true] as const),
    ])(
      '%s',
      async (_, one, byTool) => {
        const found = await cameOf(operation, one, byTool);
        const asked = cells.filter((cell) => labelOf(cell) in found);
        const wanted = asked.map((cell) => [labelOf(cell), expectedBy(byTool, cell, expected(operation, one, cell))]);
        expect(found).toEqual(Object.fromEntries(wanted));
      },
      120_000,
    );
  });
});
