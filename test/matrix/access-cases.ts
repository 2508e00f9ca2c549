/** The cases of zones, callers, keys, tuples, shares and the audit log. */
import type { At, Case, Cases, Input } from './cases.ts';

const always = (input: Input = {}, more: Partial<Case> = {}): readonly Case[] => [
  { level: 'nothing', input: () => input, ...more },
];

/** A key of the caller's own subject, in the zone that is meant. */
async function ownKey({ ok, caller, zone }: At): Promise<string> {
  const { key_id } = await ok('admin_create_key', {
    zone_id: zone,
    name: 'own',
    user_id: caller.subject,
    role: 'viewer',
  });
  return String(key_id);
}

async function someKey({ ok, zone }: At): Promise<string> {
  const { key_id } = await ok('admin_create_key', { zone_id: zone, name: 'some', user_id: 'somebody', role: 'viewer' });
  return String(key_id);
}

const adminKey = (more: Input = {}): readonly Case[] => [
  { level: 'admin', input: async (at) => ({ key_id: await someKey(at), ...more }) },
];
/** The own key is anybody's to manage; another's is not there. */
const ownOrAdmin = (more: Input = {}): readonly Case[] => [
  { title: 'of its own', level: 'nothing', input: async (at) => ({ key_id: await ownKey(at), ...more }) },
  {
    title: 'of another',
    level: 'admin',
    without: 'KEY_NOT_FOUND',
    input: async (at) => ({ key_id: await someKey(at), ...more }),
  },
];

const file = (path = '/given/a.txt') => ['file', path];
const self = ({ caller }: At) => ['user', caller.subject];
const other = ['user', 'somebody'];

/** Of itself anybody may ask; of others an owner of the object. */
const asks = (more: Input): readonly Case[] => [
  { title: 'about itself', level: 'nothing', input: (at) => ({ subject: self(at), object: file(), ...more }) },
  { title: 'about another', level: 'owner', input: () => ({ subject: other, object: file(), ...more }) },
];

async function someTuple({ ok, n, zone }: At): Promise<string> {
  const fact = { subject: ['user', `t${n}`], relation: 'direct_viewer', object: file() };
  return String((await ok('rebac_create', { ...fact, zone_id: zone })).tuple_id);
}

export const ACCESS_CASES: Cases = {
  'method.list': always(),
  'zone.create': [{ level: 'admin', input: ({ n }) => ({ zone_id: `made-${n}`, name: 'Made' }) }],
  'zone.list': always(),
  'zone.get': [{ level: 'nothing', input: ({ named }) => ({ zone_id: named }) }],
  'zone.update': [{ level: 'admin', input: ({ named, n }) => ({ zone_id: named, description: `d${n}` }) }],
  'zone.delete': [{ level: 'admin', freshZone: true, ownZone: 'CONFLICT', input: ({ named }) => ({ zone_id: named }) }],
  'caller.whoami': [
    ...always({}, { title: 'by its open route', byRoute: true }),
    ...always({}, { title: 'by its method', nobody: 'UNAUTHENTICATED' }),
  ],
  'key.whoami': always(),
  'feature.list': always(),
  'feature.update': always({ name: 'shadow_execution', enabled: true }),
  'token.create': always({}, { nobody: 'UNAUTHENTICATED', noRole: 'ACCESS_DENIED' }),
  'token.refresh': always({}, { byToken: true }),
  'key.admin-create': [{ level: 'admin', input: ({ n }) => ({ name: `k${n}`, user_id: 'somebody' }) }],
  'key.create': [
    { title: 'for itself', level: 'nothing', input: ({ n }) => ({ name: `k${n}`, role: 'viewer' }) },
    {
      title: 'for another',
      level: 'admin',
      input: ({ n }) => ({ name: `k${n}`, user_id: 'somebody', role: 'viewer' }),
    },
    { title: 'of a higher role', level: 'admin', input: ({ n }) => ({ name: `k${n}`, role: 'admin' }) },
  ],
  'key.admin-list': [{ level: 'admin', input: () => ({}) }],
  'key.list': [
    { title: 'of its own', level: 'nothing', input: () => ({}) },
    { title: 'of another', level: 'admin', input: () => ({ user_id: 'somebody' }) },
  ],
  'key.admin-get': adminKey(),
  'key.get': ownOrAdmin(),
  'key.admin-update': adminKey({ name: 'other' }),
  'key.update': ownOrAdmin({ name: 'other' }),
  'key.admin-revoke': adminKey(),
  'key.revoke': ownOrAdmin(),
  'tuple.create': [
    { level: 'owner', input: ({ n }) => ({ subject: ['user', `c${n}`], relation: 'direct_viewer', object: file() }) },
    {
      title: 'member of a group',
      level: 'admin',
      input: ({ n }) => ({ subject: other, relation: 'member', object: ['group', `g${n}`] }),
    },
  ],
  'tuple.delete': [
    { level: 'owner', without: 'TUPLE_NOT_FOUND', input: async (at) => ({ tuple_id: await someTuple(at) }) },
  ],
  'tuple.write': [
    {
      title: 'creates',
      level: 'owner',
      input: ({ n }) => ({ creates: [{ subject: ['user', `w${n}`], relation: 'direct_viewer', object: file() }] }),
    },
    {
      title: 'deletes',
      level: 'owner',
      without: 'TUPLE_NOT_FOUND',
      input: async (at) => ({ deletes: [await someTuple(at)] }),
    },
  ],
  'tuple.check': asks({ permission: 'read' }),
  'tuple.check-batch': asks({ permission: 'read' }).map(({ input, ...one }) => ({
    ...one,
    input: async (at) => ({ checks: [await input(at)] }),
  })),
  'tuple.explain': asks({ permission: 'read' }),
  'tuple.list': [...asks({}), { title: 'of the whole zone', level: 'admin', input: () => ({}) }],
  'tuple.objects': [
    { title: 'of itself', level: 'nothing', input: (at) => ({ relation: 'viewer', subject: self(at) }) },
    { title: 'of another', level: 'admin', input: () => ({ relation: 'viewer', subject: other }) },
  ],
  'tuple.expand': [{ level: 'owner', input: () => ({ permission: 'read', object: file() }) }],
  'tuple.schema': always(),
  'tuple.set-schema': [
    { level: 'admin', input: () => ({ types: { report: { auditor: { this: ['user'] } } }, dry_run: true }) },
  ],
  'share.create': [{ level: 'owner', input: ({ n }) => ({ path: '/given/a.txt', user_id: `s${n}` }) }],
  'share.create-group': [{ level: 'owner', input: ({ n }) => ({ path: '/given/a.txt', group_id: `s${n}` }) }],
  'share.revoke': [
    {
      level: 'owner',
      without: 'TUPLE_NOT_FOUND',
      input: async ({ ok, n }) => ({
        share_id: (await ok('share_with_user', { path: '/given/a.txt', user_id: `s${n}` })).share_id,
      }),
    },
  ],
  'share.list': [{ level: 'owner', shows: '"share_id"', input: () => ({ path: '/given/lent.txt' }) }],
  'share.incoming': always(),
  'cache.stats': always(),
  'audit.list': [{ level: 'admin', input: () => ({}) }],
  'audit.verify': [{ level: 'admin', input: () => ({}) }],
};
