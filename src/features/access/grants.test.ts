/**
 * Decisions against a naive evaluator, over random graphs, times and changes; and that a decision which was kept never
 * outlives what it relied on.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import { isoTime } from '../../base/clock.ts';
import { ancestorsOf } from '../../base/paths.ts';
import { NO_DEADLINE } from '../../core/deadline.ts';
import type { Caller } from '../../core/operation.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { askAboutSubject } from './check.ts';
import { SYSTEM } from './credentials.ts';
import { holdsName, placeOf } from './evaluate/evaluator.ts';
import { endOf, listEndsSince, listTuplesSince } from './graph/changes.sql.ts';
import { listIncoming } from './shares.sql.ts';

let bare: Bare;
beforeAll(async () => {
  bare = await openBare();
});
afterAll(() => bare.close());

const caller = (zone_id: string, subject_id: string, more: Partial<Caller> = {}): Caller => ({
  ...SYSTEM,
  subject_type: 'user',
  subject_id,
  user_id: subject_id,
  zone_id,
  role: 'operator',
  is_admin: false,
  ...more,
});

interface Tuple {
  readonly subject: readonly [string, string];
  readonly relation: string;
  readonly object: readonly [string, string];
  readonly expires_at: number | null;
}

const LEVELS = ['viewer', 'editor', 'owner'] as const;
const NEEDED = { read: 0, write: 1, execute: 2, share: 2, viewer: 0, editor: 1, owner: 2 } as const;

/** Groups of a subject, by asking every membership again until nothing changes. */
function memberships(tuples: readonly Tuple[], subject: readonly [string, string]): Set<string> {
  const held = new Set([subject.join(':'), `${subject[0]}:*`, '*:*']);
  for (let size = -1; size !== held.size; ) {
    size = held.size;
    for (const { subject: who, relation, object } of tuples) {
      if (relation === 'member' && held.has(who.join(':'))) held.add(object.join(':'));
    }
  }
  return held;
}

function naive(
  all: readonly Tuple[],
  question: { subject: readonly [string, string]; name: string; object: readonly [string, string]; now: number },
): boolean {
  const { subject, name, object, now } = question;
  const tuples = all.filter(({ expires_at }) => expires_at === null || now < expires_at);
  const held = memberships(tuples, subject);
  const on = tuples.filter((tuple) => held.has(tuple.subject.join(':')));
  if (!(name in NEEDED)) {
    return on.some((tuple) => tuple.relation === name && tuple.object.join(':') === object.join(':'));
  }
  const places = object[0] === 'file' ? [object[1], ...ancestorsOf(object[1])] : [object[1]];
  return on.some(({ relation, object: [type, id] }) => {
    const level = LEVELS.findIndex((one) => relation === `direct_${one}` || relation === `shared-${one}`);
    return type === object[0] && places.includes(id) && level >= NEEDED[name as keyof typeof NEEDED];
  });
}

const users = fc.constantFrom<readonly [string, string]>(['user', 'a'], ['user', 'b'], ['agent', 'a']);
const groups = fc.constantFrom<readonly [string, string]>(['group', 'g'], ['group', 'h'], ['group', 'i']);
const everybody = fc.constantFrom<readonly [string, string]>(['user', '*'], ['*', '*']);
const paths = fc.constantFrom('/', '/x', '/x/y', '/x/y/z', '/xy', '/w');
const things = fc.oneof(
  paths.map((path) => ['file', path] as const),
  fc.constantFrom<readonly [string, string]>(['workflow', 'x'], ['document', '/x']),
);
const stored = fc.constantFrom('direct_viewer', 'direct_editor', 'direct_owner', 'shared-viewer', 'shared-owner');
const HOURS = 5;

const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('grant'),
      subject: fc.oneof({ weight: 3, arbitrary: users }, { weight: 3, arbitrary: groups }, everybody),
      relation: stored,
      object: things,
      hours: fc.option(fc.nat(HOURS)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('grant'),
      subject: fc.oneof({ weight: 3, arbitrary: users }, { weight: 3, arbitrary: groups }, everybody),
      relation: fc.constant('member'),
      object: groups,
      hours: fc.option(fc.nat(HOURS)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoke'), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait'), hours: fc.nat(2) }) },
);

const questions = fc.array(
  fc.record({
    subject: fc.oneof(users, groups),
    name: fc.constantFrom('read', 'write', 'share', 'viewer', 'editor', 'owner', 'direct_viewer', 'shared-owner'),
    object: things,
  }),
  { minLength: 6, maxLength: 6 },
);

let zones = 0;
const HOUR = 3_600_000;

test('checks, lists and enforcement agree with a naive evaluator after every change', async () => {
  const steps = fc.array(fc.tuple(change, questions), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      const zone_id = `model-${++zones}`;
      await bare.call('zone_create', { zone_id, name: 'm' });
      const tuples = new Map<string, Tuple>();
      for (const [step, asked] of run) {
        const now = bare.clock.now();
        if (step.kind === 'wait' && 'hours' in step) bare.clock.set(now + (step.hours ?? 0) * HOUR);
        if ('pick' in step) {
          const id = [...tuples.keys()][step.pick % Math.max(1, tuples.size)];
          if (id !== undefined) await bare.call('rebac_delete', { zone_id, tuple_id: id });
          if (id !== undefined) tuples.delete(id);
        }
        if ('subject' in step) {
          const { subject, relation, object, hours } = step;
          const given = hours === null ? null : now + hours * HOUR;
          const params = {
            zone_id,
            subject,
            relation,
            object,
            ...(given === null ? {} : { expires_at: isoTime(given) }),
          };
          const { tuple_id } = await bare.call<{ tuple_id: string }>('rebac_create', params);
          const before = tuples.get(tuple_id)?.expires_at ?? null;
          const kept = before !== null && before <= now ? null : before;
          tuples.set(tuple_id, { subject, relation, object, expires_at: given ?? kept });
        }
        await compare(zone_id, [...tuples.values()], asked);
      }
    }),
    { numRuns: 60 },
  );
});

type Asked = readonly {
  readonly subject: readonly [string, string];
  readonly name: string;
  readonly object: readonly [string, string];
}[];

async function compare(zone_id: string, tuples: readonly Tuple[], asked: Asked): Promise<void> {
  const now = bare.clock.now();
  const wanted = asked.map((question) => naive(tuples, { ...question, now }));
  const checks = asked.map(({ subject, name, object }) => ({ subject, permission: name, object }));
  expect(await bare.call('rebac_check_batch', { zone_id, checks })).toEqual(wanted);
  for (const { subject, name, object } of asked) {
    if (object[0] !== 'file' || !(name === 'read' || name === 'write')) continue;
    const as = caller(zone_id, subject[1], { subject_type: subject[0] });
    const enforced = await bare.server.runner
      .read({ ...PROBE, needs: () => [{ permission: name, path: object[1] }] }, null, {
        caller: as,
        zone_id,
        path_prefix: '',
        channel: 'internal',
        request_id: 'probe',
        address: null,
        deadline: NO_DEADLINE,
      })
      .then(
        () => true,
        (thrown) => {
          expect(thrown.code).toBe('ACCESS_DENIED');
          return false;
        },
      );
    expect(enforced).toBe(naive(tuples, { subject, name, object, now }));
  }
}

const PROBE = {
  name: 'probe',
  summary: '',
  effect: 'read',
  who: 'public',
  input: { parse: () => null } as never,
  output: { parse: () => null } as never,
  faults: [],
  run: async () => null,
} as const;

test('what changed and what is shared is found by index, not through all of the zone', async () => {
  const plans: string[] = [];
  await bare.sql.read(async (tx) => {
    const explaining: Tx = Object.assign(Object.create(tx), {
      get: async () => undefined,
      all: async (sql: string, params: SqlValue[]) => {
        const rows = await tx.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, params);
        plans.push(...rows.map((row) => row.detail).filter((detail) => /tuple/.test(detail)));
        return [];
      },
    });
    await listTuplesSince(explaining, 'z', endOf(7));
    await listEndsSince(explaining, 'z', 7);
    const of = { zone_id: 'z', subjects: new Map([['user', ['ada', '*']]]), now: 0 };
    await listIncoming(explaining, of, { object: null, after: '', limit: 1 });
  });
  expect(plans).toHaveLength(4);
  const [since, ends, own, foreign] = plans;
  expect(since).toMatch(/USING INDEX tuples_by_revision \(zone_id=\? AND \(revision,tuple_id\)>\(\?,\?\)\)/);
  expect(ends).toMatch(/USING INDEX tuple_ends_by_revision \(zone_id=\? AND revision>\?\)/);
  for (const plan of [own, foreign]) expect(plan).toMatch(/USING INDEX .*subject_type=\? AND subject_id=\?/);
});

test('a grant through a group ends with the membership, kept decision or not', async () => {
  const zone_id = 'ends';
  await bare.call('zone_create', { zone_id, name: 'e' });
  await bare.call('write', { zone_id, path: '/f/a', content: 'x' });
  const end = bare.clock.now() + HOUR;
  const member = {
    zone_id,
    subject: ['user', 'ada'],
    relation: 'member',
    object: ['group', 'g'],
    expires_at: isoTime(end),
  };
  await bare.call('rebac_create', member);
  await bare.call('rebac_create', {
    zone_id,
    subject: ['group', 'g'],
    relation: 'direct_viewer',
    object: ['file', '/f'],
  });
  const ada = caller(zone_id, 'ada');
  const { hits } = bare.grants;
  await bare.call('read', { path: '/f/a' }, ada);
  await bare.call('read', { path: '/f/a' }, ada);
  expect(bare.grants.hits).toBeGreaterThan(hits);
  bare.clock.set(end - 1);
  await bare.call('read', { path: '/f/a' }, ada);
  bare.clock.set(end);
  await expect(bare.call('read', { path: '/f/a' }, ada)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  expect(await bare.call('rebac_list_objects', { relation: 'read', subject: ['user', 'ada'] }, ada)).toEqual([]);
});

test('a decision read beside a change that is rolled back is forgotten with it', async () => {
  const zone_id = 'undone';
  await bare.call('zone_create', { zone_id, name: 'u' });
  await bare.call('write', { zone_id, path: '/f', content: 'x' });
  const ada = caller(zone_id, 'ada');
  const failing: typeof bare.sql = Object.assign(Object.create(bare.sql), {
    write: <T>(lane: string, work: (tx: never) => Promise<T>): Promise<T> =>
      bare.sql.write(lane, async (tx) => {
        await work(tx as never);
        throw new Error('the commit failed');
      }),
  });
  const { localRunner } = await import('../../core/transact.ts');
  const { tupleWrite } = await import('./tuples.operations.ts');
  const runner = localRunner({ ...bare.server, sql: failing, clock: bare.clock, grants: bare.grants, auditKeys: [''] });
  // As in a group commit: a grant, then a decision at the revision that it is about to have.
  const context = {
    caller: SYSTEM,
    zone_id,
    path_prefix: '',
    channel: 'internal' as const,
    request_id: 'r',
    address: null,
    deadline: NO_DEADLINE,
  };
  const peeking = {
    ...tupleWrite,
    run: async (call: Parameters<typeof tupleWrite.run>[0], ready: Parameters<typeof tupleWrite.run>[1]) => {
      const output = await tupleWrite.run(call, ready);
      const soon = { ...call.zone, access_revision: output.revision };
      const asked = await askAboutSubject(call, { zone: soon, subject: ['user', 'ada'] });
      expect(holdsName(asked, 'viewer', placeOf(asked.graph, 'file', '/f'))).toBe(true);
      return output;
    },
  };
  const grant = {
    tuple_id: 'tuple-undone',
    subject: { type: 'user', id: 'ada', relation: '' },
    subject_zone_id: zone_id,
    relation: 'direct_viewer',
    object: { type: 'file', id: '/f', given: null },
    expires_at: undefined,
    conditions: undefined,
  };
  await expect(runner.write(peeking, { grants: [grant], deletes: [] }, context)).rejects.toThrow('the commit failed');
  // The revision is given out again, for another change.
  await bare.call('rebac_create', {
    zone_id,
    subject: ['user', 'bob'],
    relation: 'direct_viewer',
    object: ['file', '/f'],
  });
  await expect(bare.call('read', { path: '/f' }, ada)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
});
