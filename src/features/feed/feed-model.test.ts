/**
 * Lists and replays against a naive look at every event of the log: whatever is asked for, by whom, in pages of whatever
 * size, the pages together are what looking at each event gives.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { EventRow } from '../events/events.sql.ts';
import type { EventObject } from './event-line.ts';

const TYPES = ['write', 'delete', 'rename', 'mkdir', 'rmdir', 'app.built', 'grant', 'key.created'];
const FILE_TYPES = TYPES.slice(0, 5);
const PATHS = ['/a', '/a/b', '/a/b/c.txt', '/a/d.md', '/e', '/e/f.txt', '/é "q".txt'];
const USERS = ['ada', 'bob'];
const AGENTS = ['agent-1', 'agent-2'];
const REQUESTS = ['request-1', 'request-2'];
const OBJECTS = ['key-1', 'job-1'];
const ROWS = 400;
/** Questions of each kind. */
const RUNS = 60;
const MS_MAX = 120_000;
const BEGAN = Date.UTC(2029, 0, 1);

/** Globs with a test that is written by hand, and what of a subtree may lie below a folder that they match. */
const PATTERNS: Readonly<Record<string, { at(path: string): boolean; below(path: string): boolean }>> = {
  '/a/**': { at: (path) => path.startsWith('/a/'), below: (path) => path === '/a' || path.startsWith('/a/') },
  '**/*.txt': { at: (path) => path.endsWith('.txt'), below: () => true },
  'e/*': { at: (path) => /^\/e\/[^/]+$/.test(path), below: (path) => path === '/e' },
  '/**/*': { at: () => true, below: () => true },
};

type Row = Pick<
  EventRow,
  | 'seq'
  | 'at'
  | 'type'
  | 'path'
  | 'old_path'
  | 'object_type'
  | 'object_id'
  | 'user_id'
  | 'agent_id'
  | 'request_id'
  | 'data'
>;

interface Who {
  readonly name: string;
  readonly key: string;
  sees(row: Row): Row | undefined;
}

interface Question {
  readonly types: readonly string[] | undefined;
  readonly agent: string | undefined;
  readonly user: string | undefined;
  readonly request: string | undefined;
  readonly object: string | undefined;
  readonly pattern: string | undefined;
  readonly prefix: string | undefined;
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly limit: number;
}

const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const question: fc.Arbitrary<Question> = fc.record({
  types: maybe(fc.uniqueArray(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 3 })),
  agent: maybe(fc.constantFrom(...AGENTS, 'agent-none')),
  user: maybe(fc.constantFrom(...USERS, 'nobody')),
  request: maybe(fc.constantFrom(...REQUESTS, 'request-none')),
  object: maybe(fc.constantFrom(...OBJECTS, 'none')),
  pattern: maybe(fc.constantFrom(...Object.keys(PATTERNS))),
  prefix: maybe(fc.constantFrom('/a', '/a/', '/e/f', '/none', '')),
  since: maybe(fc.nat(ROWS)),
  until: maybe(fc.nat(ROWS)),
  limit: fc.constantFrom(3, 7, 50, 1000),
});

const isSubtree = (row: Row): boolean => (JSON.parse(row.data) as { subtree?: boolean }).subtree === true;
const sidesOf = (row: Row): string[] =>
  [row.path, row.old_path].filter((side) => side !== null && side !== '') as string[];

function matches(row: Row, asked: Question): boolean {
  const { types, agent, user, request, object, pattern, prefix } = asked;
  const glob = pattern === undefined ? undefined : PATTERNS[pattern];
  const below = (side: string): boolean => isSubtree(row) && (prefix ?? '').startsWith(`${side}/`);
  return (
    (!types || types.includes(row.type)) &&
    (agent === undefined || row.agent_id === agent) &&
    (user === undefined || row.user_id === user) &&
    (request === undefined || row.request_id === request) &&
    (object === undefined || `${row.object_type}-${row.object_id}` === object) &&
    (!glob || sidesOf(row).some((side) => glob.at(side) || (isSubtree(row) && glob.below(side)))) &&
    (prefix === undefined || sidesOf(row).some((side) => side.startsWith(prefix) || below(side)))
  );
}

forEachEngine('the log through filters', (engine) => {
  let server: TestServer;
  let rows: Row[];
  let everybody: Who[];

  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.addZone('feed');
    rows = makeRows();
    await server.sql.write('feed', async (tx) => {
      const columns =
        'zone_id, seq, at, type, path, old_path, branch, object_type, object_id, user_id, agent_id, channel, request_id, data';
      for (const row of rows) {
        await tx.run(`INSERT INTO events (${columns}) VALUES ('feed', ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, 'rpc', ?, ?)`, [
          row.seq,
          row.at,
          row.type,
          row.path,
          row.old_path,
          row.object_type,
          row.object_id,
          row.user_id,
          row.agent_id,
          row.request_id,
          row.data,
        ]);
      }
      await tx.run("UPDATE zones SET seq = ?, seq_at = ? WHERE zone_id = 'feed'", [rows.length, rows.at(-1)?.at ?? 0]);
    });
    everybody = await makeEverybody(server);
  });
  afterAll(() => server.stop());

  async function pages(path: string, query: Record<string, string>, key: string): Promise<EventObject[]> {
    const all: EventObject[] = [];
    for (let cursor: string | null | undefined; ; ) {
      const search = new URLSearchParams({ ...query, ...(cursor ? { cursor } : {}) });
      const answer = await server.http(`${path}?${search}`, { headers: { authorization: `Bearer ${key}` } });
      const page = (await answer.json()) as {
        events?: EventObject[];
        operations?: EventObject[];
        has_more: boolean;
        next_cursor: string | null;
      };
      expect(answer.status, JSON.stringify(page)).toBe(200);
      all.push(...(page.events ?? page.operations ?? []));
      if (!page.has_more) return all;
      cursor = page.next_cursor;
    }
  }

  const told = (events: readonly EventObject[]): unknown[] =>
    events.map(({ sequence_number, type, path, old_path }) => [sequence_number, type, path, old_path ?? null]);
  const expected = (who: Who, holds: (row: Row) => boolean): unknown[] =>
    rows.flatMap((row) => {
      const seen = who.sees(row);
      return seen && holds(seen) ? [[seen.seq, seen.type, seen.path, seen.old_path]] : [];
    });

  const shared = ({ agent, request, object, pattern, limit }: Question): Record<string, string> => ({
    limit: String(limit),
    ...(agent === undefined ? {} : { agent_id: agent }),
    ...(request === undefined ? {} : { request_id: request }),
    ...(object === undefined ? {} : { object_type: object.split('-')[0] ?? '', object_id: object.split('-')[1] ?? '' }),
    ...(pattern === undefined ? {} : { path_pattern: pattern }),
  });
  const timeOf = (n: number): number => BEGAN + n * 1000;

  test(
    'a list is the log backwards',
    async () => {
      await fc.assert(
        fc.asyncProperty(question, fc.nat(3), async (asked, n) => {
          const who = everybody[n % everybody.length]!;
          const { types, user, prefix, since, until } = asked;
          const query = {
            ...shared(asked),
            ...(types ? { operation_type: types.join(',') } : {}),
            ...(user === undefined ? {} : { user_id: user }),
            ...(prefix === undefined ? {} : { path_prefix: prefix }),
            ...(since === undefined ? {} : { since: new Date(timeOf(since)).toISOString() }),
            ...(until === undefined ? {} : { until: new Date(timeOf(until)).toISOString() }),
          };
          const inTime = ({ at }: Row): boolean =>
            (since === undefined || at >= timeOf(since)) && (until === undefined || at <= timeOf(until));
          const wanted = expected(who, (row) => inTime(row) && matches(row, asked)).toReversed();
          expect(told(await pages('/api/v2/events', query, who.key)), who.name).toEqual(wanted);
          const files = wanted.filter((one) => FILE_TYPES.includes((one as string[])[1] ?? ''));
          expect(told(await pages('/api/v2/operations', query, who.key)), who.name).toEqual(files);
        }),
        { numRuns: RUNS },
      );
    },
    MS_MAX,
  );

  test(
    'a replay is the log forwards, as pages and as lines',
    async () => {
      await fc.assert(
        fc.asyncProperty(question, fc.nat(3), fc.boolean(), async (asked, n, byTime) => {
          const who = everybody[n % everybody.length]!;
          const { types, since } = asked;
          const from: Record<string, string> = byTime
            ? { since_timestamp: new Date(timeOf(since ?? 0)).toISOString() }
            : { since_revision: String(since ?? 0) };
          const query = { ...shared(asked), ...(types ? { event_types: types.join(',') } : {}), ...from };
          const isBehind = (row: Row): boolean => (byTime ? row.at >= timeOf(since ?? 0) : row.seq > (since ?? 0));
          const alone = { ...asked, user: undefined, prefix: undefined };
          const wanted = expected(who, (row) => isBehind(row) && matches(row, alone));
          expect(told(await pages('/api/v2/events/replay', query, who.key)), who.name).toEqual(wanted);
          const headers = { authorization: `Bearer ${who.key}`, accept: 'application/x-ndjson' };
          const lines = await (
            await server.http(`/api/v2/events/replay?${new URLSearchParams(query)}`, { headers })
          ).text();
          const parsed = lines
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as EventObject);
          expect(told(parsed), who.name).toEqual(wanted);
        }),
        { numRuns: RUNS },
      );
    },
    MS_MAX,
  );

  test(
    'a log longer than a page looks at: what is rare is found, by as many pages as it takes',
    async () => {
      const zone_id = 'long';
      await server.addZone(zone_id);
      const count = 12_500;
      const columns = ['zone_id', 'seq', 'at', 'type', 'path', 'user_id', 'channel', 'request_id', 'data'];
      const isRare = (seq: number): boolean => seq % 1_499 === 0;
      const isThere = (seq: number): boolean => seq % 777 === 0;
      await server.sql.write(zone_id, async (tx) => {
        const made = Array.from({ length: count }, (_, i) => i + 1).map((seq) => {
          const path = isThere(seq) ? '/x/y.txt' : `/long/f${seq % 500}`;
          return [zone_id, seq, BEGAN + seq, isRare(seq) ? 'rename' : 'write', path, 'ada', 'rpc', 'r', '{}'];
        });
        for (let at = 0; at < count; at += 500) await tx.insert({ into: 'events', columns }, made.slice(at, at + 500));
        await tx.run('UPDATE zones SET seq = ?, seq_at = ? WHERE zone_id = ?', [count, BEGAN + count, zone_id]);
      });
      const admin = await server.addKey({ zone_id, subject: 'boss', role: 'admin' });
      const guest = await server.addKey({
        zone_id,
        subject: 'guest',
        role: 'viewer',
        grants: [['direct_viewer', '/x']],
      });
      const all = Array.from({ length: count }, (_, i) => i + 1);
      const questions: readonly [Record<string, string>, string, (seq: number) => boolean][] = [
        [{}, admin, () => true],
        [{ types: 'rename' }, admin, isRare],
        [{ path_pattern: '/x/**' }, admin, isThere],
        [{}, guest, isThere],
        [{ types: 'rename' }, guest, (seq) => isThere(seq) && isRare(seq)],
        [{ agent_id: 'nobody' }, admin, () => false],
      ];
      const numbers = (events: readonly EventObject[]): number[] =>
        events.map(({ sequence_number }) => sequence_number);
      for (const [{ types, ...rest }, key, holds] of questions) {
        const wanted = all.filter(holds);
        const query = { ...rest, limit: '1000' };
        const list = { ...query, ...(types === undefined ? {} : { operation_type: types }) };
        expect(numbers(await pages('/api/v2/events', list, key))).toEqual(wanted.toReversed());
        const replay = { ...query, ...(types === undefined ? {} : { event_types: types }) };
        expect(numbers(await pages('/api/v2/events/replay', replay, key))).toEqual(wanted);
        expect(numbers(await pages('/api/v2/events/replay', { ...replay, limit: '10000' }, key))).toEqual(wanted);
        const headers = { authorization: `Bearer ${key}`, accept: 'application/x-ndjson' };
        const { limit: _, ...unbounded } = replay;
        const lines = await server.http(`/api/v2/events/replay?${new URLSearchParams(unbounded)}`, { headers });
        const found = [...(await lines.text()).matchAll(/^\{"event_id":"long\.(\d+)"/gm)].map(([, seq]) => Number(seq));
        expect(found).toEqual(wanted);
      }
    },
    MS_MAX,
  );
});

/** A log of all types, with times that stand still now and then, and changes of whole subtrees. */
function makeRows(): Row[] {
  const made: Row[] = [];
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          type: fc.constantFrom(...TYPES),
          path: fc.constantFrom(...PATHS),
          to: fc.constantFrom(...PATHS),
          user_id: fc.constantFrom(...USERS),
          request_id: fc.constantFrom(...REQUESTS),
          object: fc.option(fc.constantFrom(...OBJECTS)),
          agent_id: fc.option(fc.constantFrom(...AGENTS)),
          subtree: fc.boolean(),
          still: fc.boolean(),
        }),
        { minLength: ROWS, maxLength: ROWS },
      ),
      (all) => {
        let at = BEGAN;
        for (const [i, { object, subtree, still, path, to, ...row }] of all.entries()) {
          if (!still) at += 1000;
          const { type } = row;
          const renamed = type === 'rename';
          const [object_type = null, object_id = null] = object?.split('-') ?? [];
          const whole = (renamed || type === 'rmdir') && subtree;
          made.push({
            ...row,
            seq: i + 1,
            at,
            object_type,
            object_id,
            path: FILE_TYPES.includes(type) ? (renamed ? to : path) : '',
            old_path: renamed ? path : null,
            data: JSON.stringify(whole ? { subtree: true } : {}),
          });
        }
      },
    ),
    { numRuns: 1, seed: 7 },
  );
  return made;
}

/** An admin; one who reads a folder; one who reads a file elsewhere and has done things himself; one with nothing. */
async function makeEverybody(server: TestServer): Promise<Who[]> {
  const zone_id = 'feed';
  const within =
    (...roots: string[]) =>
    (path: string): boolean =>
      roots.some((root) => path === root || path.startsWith(`${root}/`));
  const seeing =
    (subject: string, readable: (path: string) => boolean) =>
    (row: Row): Row | undefined => {
      if (row.type === 'app.built') return row.user_id === subject ? row : undefined;
      if (!FILE_TYPES.includes(row.type)) return undefined;
      const sides = [row.path, ...(row.old_path === null ? [] : [row.old_path])].filter(readable);
      if (sides.length === 0) return undefined;
      const [path = ''] = sides;
      return row.old_path !== null && sides.length === 2 ? row : { ...row, path, old_path: null };
    };
  return [
    { name: 'admin', key: await server.addKey({ zone_id, subject: 'boss', role: 'admin' }), sees: (row) => row },
    {
      name: 'reads a folder',
      key: await server.addKey({ zone_id, subject: 'ada', role: 'viewer', grants: [['direct_viewer', '/a/b']] }),
      sees: seeing('ada', within('/a/b')),
    },
    {
      name: 'reads two',
      key: await server.addKey({
        zone_id,
        subject: 'bob',
        grants: [
          ['direct_viewer', '/e'],
          ['direct_editor', '/a/d.md'],
        ],
      }),
      sees: seeing('bob', within('/e', '/a/d.md')),
    },
    {
      name: 'reads nothing',
      key: await server.addKey({ zone_id, subject: 'eve', role: 'viewer' }),
      sees: seeing('eve', () => false),
    },
  ];
}
