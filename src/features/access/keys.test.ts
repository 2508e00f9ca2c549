/** Keys through both doors: who manages which, what an answer holds, and that a change holds from the next request on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
let corpAdmin: string;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
  await server.ok('zone_create', { zone_id: 'other', name: 'Other' });
  corpAdmin = await server.addKey({ zone_id: 'corp', role: 'admin', subject: 'boss' });
});
afterAll(() => server.stop());

const KEYS = '/api/v2/auth/keys';

/** What these routes answer, as far as the tests look into it. */
interface Answer {
  readonly key: string;
  readonly key_id: string;
  readonly role: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly rate_limit_per_minute: number;
  readonly keys: readonly Pick<Answer, 'key_id' | 'role'>[];
  readonly total: number;
  readonly error: { readonly code: string };
}

async function rest(method: string, path: string, options: { key?: string; body?: object } = {}) {
  const response = await server.http(path, {
    method,
    headers: {
      authorization: `Bearer ${options.key ?? ADMIN_KEY}`,
      ...(options.body ? { 'content-type': 'application/json' } : {}),
    },
    ...(options.body ? { body: JSON.stringify(options.body) } : {}),
  });
  const text = await response.text();
  const body = JSON.parse(text === '' ? '{}' : text) as Answer;
  return { status: response.status, headers: response.headers, body };
}

const works = async (key: string): Promise<boolean> => (await server.rpc('whoami', {}, key)).status === 200;

describe('creating', () => {
  test('answers the key object and the text under three names; the text stands nowhere else', async () => {
    const made = await server.ok('admin_create_key', { name: 'ada', zone_id: 'corp', rate_limit_per_minute: 7 });
    expect(made).toMatchObject({
      id: made.key_id,
      name: 'ada',
      label: 'ada',
      zone_id: 'corp',
      user_id: 'ada',
      subject_type: 'user',
      subject_id: 'ada',
      role: 'operator',
      is_admin: false,
      inherit_permissions: false,
      rate_limit_per_minute: 7,
      expires_at: null,
      last_used_at: null,
      revoked: false,
    });
    expect(made.key).toMatch(/^sk-corp_ada_[0-9a-f]{8}_[0-9a-f]{32}$/);
    expect([made.raw_key, made.api_key, made.key_prefix]).toEqual([made.key, made.key, made.key.slice(0, 12)]);
    expect(await works(made.key)).toBe(true);
    const seen = JSON.stringify([
      await server.ok('admin_get_key', { key_id: made.key_id }),
      await server.ok('admin_list_keys', { zone_id: 'corp' }),
      await server.sql.read((tx) => tx.all('SELECT * FROM keys')),
      await server.sql.read((tx) => tx.all('SELECT * FROM events')),
      await server.sql.read((tx) => tx.all('SELECT * FROM audit')),
    ]);
    expect(seen).not.toContain(made.key);
    expect(seen).not.toContain(made.key.slice(-32));
  });

  test('by a name that no user can have asks whose it is', async () => {
    const messages = async (params: object) =>
      (await server.rpc('admin_create_key', params)).error?.data.issues?.map(({ path, message }) => [path, message]);
    const whose = '; say by user_id whose key it is';
    expect(await messages({ name: '*' })).toEqual([['name', `stands for everybody and is nobody${whose}`]]);
    expect(await messages({ label: '*', subject_type: 'agent' })).toMatchObject([['label', expect.any(String)]]);
    expect(await messages({ name: 'a\nb' })).toEqual([['name', `may not hold control characters${whose}`]]);
    expect(await server.ok('admin_create_key', { name: '*', user_id: 'ada' })).toMatchObject({ subject_id: 'ada' });
  });

  test('over REST the key is for the caller unless it says otherwise', async () => {
    const made = await rest('POST', KEYS, { key: corpAdmin, body: { label: 'laptop', expires_days: 2 } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: 'laptop',
      user_id: 'boss',
      subject_id: 'boss',
      zone_id: 'corp',
      role: 'operator',
    });
    expect(made.headers.get('location')).toBe(`${KEYS}/${made.body.key_id}`);
    expect(Date.parse(made.body.expires_at) - Date.parse(made.body.created_at)).toBe(2 * 86_400_000);
    const agent = { name: 'a', user_id: 'ada', subject_type: 'agent', subject_id: 'bot', inherit_permissions: true };
    expect((await rest('POST', KEYS, { key: corpAdmin, body: agent })).body).toMatchObject({
      user_id: 'ada',
      subject_type: 'agent',
      subject_id: 'bot',
      inherit_permissions: true,
    });
  });

  test.each([
    [{}, 'INVALID_PARAMS'],
    [{ name: '' }, 'INVALID_PARAMS'],
    [{ name: 'a\u0000' }, 'INVALID_PARAMS'],
    [{ name: 'a', zone_id: 'a\u0000b' }, 'ZONE_NOT_FOUND'],
    [{ name: 'a', label: 'b' }, 'INVALID_PARAMS'],
    [{ name: 'a', role: 'king' }, 'INVALID_PARAMS'],
    [{ name: 'a', role: 'viewer', is_admin: true }, 'INVALID_PARAMS'],
    [{ name: 'a', subject_type: 'group' }, 'INVALID_PARAMS'],
    [{ name: 'a', subject_id: '*' }, 'INVALID_PARAMS'],
    [{ name: 'a', user_id: 'a\u0000b' }, 'INVALID_PARAMS'],
    [{ name: 'a', expires_at: 'soon' }, 'INVALID_PARAMS'],
    [{ name: 'a', expires_days: 1, expires_at: '2100-01-01T00:00:00Z' }, 'INVALID_PARAMS'],
    [{ name: 'a', rate_limit_per_minute: 0 }, 'INVALID_PARAMS'],
    [{ name: 'a', zone_id: 'no-such' }, 'ZONE_NOT_FOUND'],
    [{ name: 'a', zone_id: 'BAD ZONE' }, 'ZONE_NOT_FOUND'],
  ])('%j is %s', async (params, code) => {
    expect(await server.fault('admin_create_key', params)).toBe(code);
  });

  test('keys of a zone have a limit, which racing calls do not pass and a revocation frees', async () => {
    await server.ok('zone_create', { zone_id: 'few-keys', name: 'F', limits: { max_keys: 3 } });
    const made = await Promise.all(
      Array.from({ length: 9 }, (_, i) => server.rpc('admin_create_key', { zone_id: 'few-keys', name: `k${i}` })),
    );
    const keys = made.filter(({ error }) => !error).map(({ result }) => result);
    expect(keys).toHaveLength(3);
    expect(new Set(made.map(({ error }) => error?.data.code))).toEqual(new Set([undefined, 'QUOTA_EXCEEDED']));
    await server.ok('admin_revoke_key', { key_id: keys[0]!.key_id });
    await server.ok('admin_create_key', { zone_id: 'few-keys', name: 'again' });
    expect((await server.ok('zone_get', { zone_id: 'few-keys' })).usage.keys).toBe(3);
  });
});

describe('effect', () => {
  test('a revoked key is 401 with the next request, and revoking it again is KEY_NOT_FOUND', async () => {
    const { key, key_id } = await server.ok('admin_create_key', { name: 'r', zone_id: 'corp' });
    expect(await works(key)).toBe(true);
    expect(await server.ok('admin_revoke_key', { key_id }, corpAdmin)).toEqual({
      revoked: true,
      success: true,
      key_id,
    });
    const refused = await server.rpc('whoami', {}, key);
    expect(refused.status).toBe(401);
    const unknown = await server.rpc('whoami', {}, 'sk-never-was-a-key-0000');
    expect(refused.error?.message).toBe(unknown.error?.message);
    expect(await server.fault('admin_revoke_key', { key_id })).toBe('KEY_NOT_FOUND');
    expect(await server.fault('admin_update_key', { key_id, name: 'x' })).toBe('KEY_NOT_FOUND');
    const listed = async (include_revoked: boolean) =>
      (await server.ok('admin_list_keys', { zone_id: 'corp', include_revoked, limit: 1000 })).keys.map(
        (one: { key_id: string }) => one.key_id,
      );
    expect(await listed(false)).not.toContain(key_id);
    expect(await listed(true)).toContain(key_id);
  });

  test('an expired key is 401', async () => {
    const past = await server.ok('admin_create_key', { name: 'p', expires_at: '2001-01-01T00:00:00+02:00' });
    expect(past.expires_at).toBe('2000-12-31T22:00:00.000Z');
    expect(await works(past.key)).toBe(false);
    const { key, key_id } = await server.ok('admin_create_key', { name: 'q' });
    expect(await works(key)).toBe(true);
    await server.ok('admin_update_key', { key_id, expires_at: '2001-01-01T00:00:00Z' });
    expect(await works(key)).toBe(false);
  });

  test('a lowered key may no longer do what its role forbids', async () => {
    const { key, key_id } = await server.ok('admin_create_key', { name: 'l', zone_id: 'corp', is_admin: true });
    await server.ok('write', { path: '/l', content: 'x' }, key);
    const lowered = await server.ok('admin_update_key', { key_id, role: 'viewer' }, corpAdmin);
    expect(lowered).toMatchObject({ role: 'viewer', is_admin: false });
    expect(await server.fault('write', { path: '/l', content: 'y' }, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('admin_list_keys', {}, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('read', { path: '/l' }, key)).toBe('ACCESS_DENIED');
    expect(await server.ok('admin_update_key', { key_id, is_admin: true }, corpAdmin)).toMatchObject({ role: 'admin' });
    expect(await server.ok('admin_update_key', { key_id, is_admin: false }, corpAdmin)).toMatchObject({
      role: 'operator',
    });
  });

  test('a key with a role that is none may do nothing', async () => {
    const { key, key_id } = await server.ok('admin_create_key', { name: 'odd', zone_id: 'corp' });
    await server.sql.write('corp', (tx) => tx.run("UPDATE keys SET role = 'emperor' WHERE key_id = ?", [key_id]));
    expect(await server.fault('read', { path: '/l' }, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('rpc_list', {}, key)).toBe('ACCESS_DENIED');
  });

  test('the time of the first use is there with its answer; later ones are written once a minute at most', async () => {
    const { key, key_id } = await server.ok('admin_create_key', { name: 'used', zone_id: 'corp' });
    const usedAt = async (): Promise<string | null> => (await server.ok('admin_get_key', { key_id })).last_used_at;
    expect(await usedAt()).toBeNull();
    await server.ok('whoami', {}, key);
    const first = await usedAt();
    expect(first).not.toBeNull();
    for (let i = 0; i < 20; i++) await server.ok('whoami', {}, key);
    await server.ok('write', { path: '/flush', content: '', zone_id: 'corp' });
    expect(await usedAt()).toBe(first);
  });
});

test('a key of an agent has what its agent is granted, and what its user is only if it inherits that', async () => {
  const grant = (subject: [string, string], path: string) =>
    server.ok('rebac_create', { subject, relation: 'direct_viewer', object: ['file', path] }, corpAdmin);
  for (const path of ['/of-ada', '/of-bot']) await server.ok('write', { path, content: path }, corpAdmin);
  await grant(['user', 'ada'], '/of-ada');
  await grant(['agent', 'bot'], '/of-bot');
  const keyOf = async (inherit_permissions: boolean) =>
    (
      await server.ok('admin_create_key', {
        name: 'bot',
        zone_id: 'corp',
        user_id: 'ada',
        subject_type: 'agent',
        subject_id: 'bot',
        inherit_permissions,
      })
    ).key;
  const reads = async (key: string) => {
    const outcomes = [];
    for (const path of ['/of-ada', '/of-bot']) outcomes.push((await server.rpc('read', { path }, key)).error === null);
    return outcomes;
  };
  expect(await reads(await keyOf(true))).toEqual([true, true]);
  const plain = await keyOf(false);
  expect(await reads(plain)).toEqual([false, true]);
  const raised = { name: 'x', inherit_permissions: true };
  expect((await rest('POST', KEYS, { key: plain, body: raised })).status).toBe(403);
});

describe('another zone', () => {
  test('a zone admin manages the keys of its zone only', async () => {
    const elsewhere = await server.ok('admin_create_key', { name: 'e', zone_id: 'other' });
    const mine = await server.ok('admin_create_key', { name: 'm' }, corpAdmin);
    expect(mine.zone_id).toBe('corp');
    for (const method of ['admin_get_key', 'admin_update_key', 'admin_revoke_key']) {
      const missing = await server.rpc(method, { key_id: 'key-none', name: 'x' }, corpAdmin);
      const foreign = await server.rpc(method, { key_id: elsewhere.key_id, name: 'x' }, corpAdmin);
      expect(foreign.error?.data.code).toBe('KEY_NOT_FOUND');
      expect(foreign.error?.message.replace(elsewhere.key_id, 'key-none')).toBe(missing.error?.message);
    }
    expect(await works(elsewhere.key)).toBe(true);
    for (const zone_id of ['other', 'root', 'no-such']) {
      expect(await server.fault('admin_create_key', { name: 'x', zone_id }, corpAdmin)).toBe('ACCESS_DENIED');
      expect(await server.fault('admin_list_keys', { zone_id }, corpAdmin)).toBe('ACCESS_DENIED');
    }
    const listed = await server.ok('admin_list_keys', { limit: 1000 }, corpAdmin);
    expect(new Set(listed.keys.map((key: { zone_id: string }) => key.zone_id))).toEqual(new Set(['corp']));
  });

  test('a root admin finds keys of every zone by their id', async () => {
    const { key_id, key } = await server.ok('admin_create_key', { name: 'far', zone_id: 'other' });
    expect((await server.ok('admin_get_key', { key_id })).zone_id).toBe('other');
    expect(await server.fault('admin_get_key', { key_id, zone_id: 'corp' })).toBe('KEY_NOT_FOUND');
    expect((await server.ok('admin_update_key', { key_id, name: 'renamed' })).name).toBe('renamed');
    await server.ok('admin_revoke_key', { key_id });
    expect(await works(key)).toBe(false);
    expect((await server.ok('zone_get', { zone_id: 'other' })).usage.keys).toBe(1);
    const zones = (await server.ok('admin_list_keys', { limit: 1000 })).keys.map(
      (one: { zone_id: string }) => one.zone_id,
    );
    expect(new Set(zones)).toEqual(new Set(['root', 'corp', 'other', 'few-keys']));
  });
});

describe('own keys', () => {
  test('an operator makes, sees, changes and revokes keys of its own subject', async () => {
    const key = await server.addKey({ zone_id: 'corp', subject: 'olga', role: 'operator' });
    const made = await rest('POST', KEYS, { key, body: { name: 'second', role: 'viewer' } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ subject_id: 'olga', user_id: 'olga', role: 'viewer', zone_id: 'corp' });
    const listed = (await rest('GET', KEYS, { key })).body;
    expect(listed.keys).toMatchObject([{ subject_id: 'olga' }, { subject_id: 'olga' }]);
    expect(listed.total).toBe(2);
    expect((await rest('GET', `${KEYS}/${made.body.key_id}`, { key })).status).toBe(200);
    expect((await rest('PATCH', `${KEYS}/${made.body.key_id}`, { key, body: { role: 'operator' } })).body.role).toBe(
      'operator',
    );
    expect((await rest('DELETE', `${KEYS}/${made.body.key_id}`, { key })).status).toBe(204);
    expect(await works(made.body.key)).toBe(false);
  });

  test.each([
    { name: 'x', user_id: 'boss' },
    { name: 'x', subject_id: 'boss' },
    { name: 'x', subject_type: 'agent', subject_id: 'bot' },
    { name: 'x', role: 'researcher' },
    { name: 'x', role: 'admin' },
    { name: 'x', is_admin: true },
    { name: 'x', zone_id: 'other' },
    { name: 'x', zone_id: 'no-such' },
    { name: 'x', inherit_permissions: true },
    { name: 'x', rate_limit_per_minute: 999_999_999 },
  ])('an operator is denied %j', async (body) => {
    const key = await server.addKey({ zone_id: 'corp', role: 'operator' });
    const refused = await rest('POST', KEYS, { key, body });
    expect([refused.status, refused.body.error.code]).toEqual([403, 'ACCESS_DENIED']);
  });

  test('keys of others, and own ones with a higher role, are not there', async () => {
    const key = await server.addKey({ zone_id: 'corp', subject: 'twin', role: 'operator' });
    const admin = await server.ok('admin_create_key', { name: 'twin', zone_id: 'corp', role: 'admin' });
    const other = await server.ok('admin_create_key', { name: 'somebody', zone_id: 'corp' });
    for (const { key_id } of [admin, other]) {
      expect((await rest('GET', `${KEYS}/${key_id}`, { key })).status).toBe(404);
      expect((await rest('PATCH', `${KEYS}/${key_id}`, { key, body: { name: 'mine' } })).status).toBe(404);
      expect((await rest('DELETE', `${KEYS}/${key_id}`, { key })).status).toBe(404);
    }
    const listed = (await rest('GET', KEYS, { key })).body.keys;
    expect(listed.map((one) => one.role)).toEqual(['operator']);
    expect((await rest('GET', `${KEYS}?user_id=boss`, { key })).status).toBe(403);
  });

  test('a key with a rate limit makes keys with the same one', async () => {
    const limited = await server.ok('admin_create_key', { name: 'slow', zone_id: 'corp', rate_limit_per_minute: 50 });
    const made = await rest('POST', KEYS, { key: limited.key, body: { name: 'x' } });
    expect(made.body.rate_limit_per_minute).toBe(50);
    const raised = { rate_limit_per_minute: 5_000 };
    expect((await rest('PATCH', `${KEYS}/${made.body.key_id}`, { key: limited.key, body: raised })).status).toBe(403);
  });

  test('a key that ends makes none that outlives it, and does not put off its own end', async () => {
    const ends = '2100-01-01T00:00:00.000Z';
    const given = { name: 'brief', zone_id: 'corp', expires_at: ends };
    const { key, key_id } = await server.ok('admin_create_key', given);
    expect((await rest('POST', KEYS, { key, body: { name: 'x' } })).body.expires_at).toBe(ends);
    const later = '2100-01-01T00:00:01Z';
    expect((await rest('POST', KEYS, { key, body: { name: 'x', expires_at: later } })).status).toBe(403);
    expect((await rest('PATCH', `${KEYS}/${key_id}`, { key, body: { expires_at: later } })).status).toBe(403);
    const sooner = await rest('PATCH', `${KEYS}/${key_id}`, { key, body: { expires_at: '2099-01-01T00:00:00Z' } });
    expect([sooner.status, sooner.body.expires_at]).toEqual([200, '2099-01-01T00:00:00.000Z']);
  });

  test('a viewer manages none, and the RPC methods are for admins', async () => {
    const viewer = await server.addKey({ zone_id: 'corp', role: 'viewer' });
    expect((await rest('POST', KEYS, { key: viewer, body: { name: 'x' } })).status).toBe(403);
    expect((await rest('GET', KEYS, { key: viewer })).status).toBe(403);
    const researcher = await server.addKey({ zone_id: 'corp', role: 'researcher' });
    for (const method of [
      'admin_create_key',
      'admin_list_keys',
      'admin_get_key',
      'admin_update_key',
      'admin_revoke_key',
    ]) {
      expect(await server.fault(method, { name: 'x', key_id: 'key-x' }, researcher)).toBe('ACCESS_DENIED');
    }
  });
});

test('lists come in pages that add up, newest first', async () => {
  await server.ok('zone_create', { zone_id: 'many', name: 'M' });
  const admin = await server.addKey({ zone_id: 'many', role: 'admin' });
  for (let i = 0; i < 7; i++) await server.ok('admin_create_key', { name: `k${i}` }, admin);
  const names: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { keys: { name: string }[]; total: number; next_cursor: string | null } = await server.ok(
      'admin_list_keys',
      { limit: 3, ...(cursor === null ? {} : { cursor }) },
      admin,
    );
    expect(page.total).toBe(8);
    names.push(...page.keys.map((key) => key.name));
    cursor = page.next_cursor;
  } while (cursor !== null);
  expect(names).toHaveLength(8);
  expect(new Set(names).size).toBe(8);
  expect(await server.fault('admin_list_keys', { cursor: 'x' }, admin)).toBe('INVALID_CURSOR');
  const mine = await server.ok('admin_list_keys', { user_id: 'k3' }, admin);
  expect(mine.keys.map((key: { name: string }) => key.name)).toEqual(['k3']);
});

// Last in this file: it may take the admin's key away.
