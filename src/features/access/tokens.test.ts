/** Tokens through the doors: what they are, what they may, and every way to forge or outlive one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64url, decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { systemClock } from '../../engines/process/system-clock.ts';

const SECRET = 'secret-of-tests-with-32-bytes-00';
const TOKEN = '/api/v1/auth/token';
const REFRESH = `${TOKEN}/refresh`;
const NO_KEY = 'Invalid or missing API key';
const NO_TOKEN = 'Invalid token';

interface Answer {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly expires_at: string;
  readonly role: string;
  readonly modes: readonly string[];
  readonly detail: string;
  readonly code: string;
  readonly error: { readonly code: string };
}

forEachEngine('tokens', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_JWT_SECRET: SECRET } });
    await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
  });
  afterAll(() => server.stop());

  const post = async (path: string, headers: Record<string, string>, body?: object) => {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer };
  };
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  const newKey = (params: object) => server.ok('admin_create_key', { name: 'k', zone_id: 'corp', ...params });
  const tokenOf = async (key: string): Promise<string> => (await post(TOKEN, bearer(key))).body.access_token;
  /** What a request with these headers is told: the text of its 401, or that it is let in. */
  const told = async (headers: Record<string, string>): Promise<string> => {
    const response = await fetch(`${server.url}/api/v1/auth/whoami`, { headers });
    if (response.status === 200) return 'let in';
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    const { detail } = (await response.json()) as Answer;
    const rpc = await fetch(`${server.url}/api/nfs/list`, { method: 'POST', headers, body: '{}' });
    expect([rpc.status, ((await rpc.json()) as Answer).detail]).toEqual([401, detail]);
    return detail;
  };
  const claimsOf = (key: { key_id: string }, over: object = {}) => {
    const now = Math.floor(systemClock.now() / 1000);
    return {
      iss: 'nexus',
      sub: 'k',
      zone_id: 'corp',
      role: 'operator',
      modes: ['PUBLIC'],
      key_id: key.key_id,
      auth_time: now,
      iat: now,
      exp: now + 60,
      jti: 'token-1',
      ...over,
    };
  };
  const signed = (claims: object, secret = SECRET, alg = 'HS256'): Promise<string> =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg, typ: 'JWT' }).sign(Buffer.from(secret));

  test('a key is exchanged for a token with the listed claims, at both routes and each way of showing the key', async () => {
    const made = await newKey({ user_id: 'ada', role: 'researcher', raw_mode_enabled: true });
    const ways: readonly [string, Record<string, string>, object?][] = [
      [TOKEN, bearer(made.key)],
      [TOKEN, { authorization: made.key }],
      ['/api/v2/auth/token', { 'x-nexus-api-key': made.key }],
      [TOKEN, {}, { api_key: made.key }],
      ['/api/v2/auth/token', {}, { api_key: made.key, unknown_field: 1 }],
      [TOKEN, bearer(made.key), { api_key: made.key }],
    ];
    for (const [path, headers, body] of ways) {
      const before = Math.floor(systemClock.now() / 1000);
      const answer = await post(path, headers, body);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      const { access_token, expires_at, ...rest } = answer.body;
      expect(rest).toEqual({ token_type: 'bearer', expires_in: 3600, role: 'researcher', modes: ['PUBLIC', 'RAW'] });
      const { iat = 0, jti, auth_time, exp, ...claims } = decodeJwt(access_token);
      expect(claims).toEqual({
        iss: 'nexus',
        sub: 'ada',
        zone_id: 'corp',
        role: 'researcher',
        modes: ['PUBLIC', 'RAW'],
        key_id: made.key_id,
      });
      expect(iat).toBeGreaterThanOrEqual(before);
      expect([exp, auth_time]).toEqual([iat + 3600, iat]);
      expect(jti).toMatch(/^token-/);
      expect(Date.parse(expires_at)).toBe((iat + 3600) * 1000);
      expect(decodeProtectedHeader(access_token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    }
  });

  test('a token is what its key is, at every door', async () => {
    const made = await newKey({ user_id: 'ada', expires_days: 1 });
    const token = await tokenOf(made.key);
    await server.ok('rebac_create', {
      subject: ['user', 'ada'],
      relation: 'direct_owner',
      object: ['file', '/t'],
      zone_id: 'corp',
    });
    await server.ok('write', { path: '/t/a', content: 'x' }, token);
    expect((await server.http('/api/v2/files/t/a', { headers: bearer(token) })).status).toBe(200);
    const full = await server.ok('whoami', {}, token);
    expect(full).toMatchObject({
      authenticated: true,
      user_id: 'ada',
      zone_id: 'corp',
      auth_method: 'jwt',
      key_id: made.key_id,
    });
    expect(full).toEqual(await (await server.http('/api/auth/whoami', { headers: bearer(token) })).json());
    const own = await server.http('/api/v1/auth/whoami', { headers: bearer(token) });
    expect(await own.json()).toEqual({
      api_key_id: made.key_id,
      owner: 'ada',
      role: 'operator',
      raw_mode_enabled: false,
      allowed_modes: ['PUBLIC'],
    });
  });

  describe('who is refused a token', () => {
    test('no key, a wrong one, two that differ, a token, one in the URL', async () => {
      const made = await newKey({});
      const other = await newKey({});
      const gone = await newKey({});
      await server.ok('admin_revoke_key', { key_id: gone.key_id });
      const bad: readonly [string, Record<string, string>, object?][] = [
        [TOKEN, {}],
        [TOKEN, {}, {}],
        [TOKEN, {}, { api_key: '' }],
        [TOKEN, {}, { api_key: 'never-was-a-key-00' }],
        [TOKEN, {}, { api_key: gone.key }],
        [TOKEN, bearer('never-was-a-key-00'), { api_key: made.key }],
        [TOKEN, bearer(await tokenOf(made.key)), { api_key: made.key }],
        [TOKEN, bearer(made.key), { api_key: other.key }],
        [TOKEN, bearer(made.key), { api_key: 'never-was-a-key-00' }],
        [TOKEN, bearer(await tokenOf(made.key))],
        [TOKEN, {}, { api_key: await tokenOf(made.key) }],
        [`${TOKEN}?api_key=${made.key}`, {}],
        [`${TOKEN}?api_key=${made.key}`, {}, {}],
      ];
      for (const [path, headers, body] of bad) {
        const answer = await post(path, headers, body);
        expect([answer.status, answer.body.detail, answer.body.code], JSON.stringify([path, headers, body])).toEqual([
          401,
          NO_KEY,
          'unauthorized',
        ]);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
    });

    test('a key whose row has a word that is no role', async () => {
      const made = await newKey({ role: 'viewer' });
      await server.sql.write('corp', (tx) => tx.run("UPDATE keys SET role = 'super' WHERE key_id = ?", [made.key_id]));
      for (const [headers, body] of [
        [bearer(made.key), undefined],
        [{}, { api_key: made.key }],
      ] as const) {
        const refused = await post(TOKEN, headers, body);
        expect([refused.status, refused.body.detail]).toEqual([403, "Role 'none' lacks required permission 'viewer'"]);
      }
    });

    test('a key that is no text is as good as an unknown one, and a body that is longer than any needs 413', async () => {
      for (const api_key of [5, true, [], { a: 1 }]) {
        const refused = await post(TOKEN, {}, { api_key });
        expect([refused.status, refused.body.detail]).toEqual([401, 'Invalid or missing API key']);
        // Nor does a key in a header make it one.
        expect((await post(TOKEN, { authorization: `Bearer ${ADMIN_KEY}` }, { api_key })).status).toBe(401);
      }
      expect((await post(TOKEN, {}, { api_key: 'x'.repeat(70_000) })).status).toBe(413);
    });
  });

  describe('renewal', () => {
    test('gives a new token that goes on from where the key was shown', async () => {
      const made = await newKey({});
      const first = await tokenOf(made.key);
      const { auth_time, ...claims } = decodeJwt(first);
      const shownAt = Number(auth_time) - 600;
      const older = await signed({ ...claims, auth_time: shownAt });
      for (const path of [REFRESH, '/api/v2/auth/token/refresh']) {
        const answer = await post(path, bearer(older));
        expect(answer.status).toBe(200);
        expect(Object.keys(answer.body).sort()).toEqual([
          'access_token',
          'expires_at',
          'expires_in',
          'modes',
          'role',
          'token_type',
        ]);
        const renewed = decodeJwt(answer.body.access_token);
        expect(renewed.auth_time).toBe(shownAt);
        expect(renewed.jti).not.toBe(claims.jti);
        expect(await told(bearer(answer.body.access_token))).toBe('let in');
      }
    });

    test('ends a day after the key was shown', async () => {
      const made = await newKey({});
      const day = 86_400;
      const now = Math.floor(systemClock.now() / 1000);
      expect((await post(REFRESH, bearer(await signed(claimsOf(made, { auth_time: now - day + 60 }))))).status).toBe(
        200,
      );
      const late = await post(REFRESH, bearer(await signed(claimsOf(made, { auth_time: now - day }))));
      expect([late.status, late.body.detail]).toEqual([401, NO_TOKEN]);
    });

    test('takes no key, no expired token, nothing', async () => {
      const made = await newKey({});
      const old = await signed(claimsOf(made, { iat: 1_000, exp: 2_000 }));
      const refused = async (headers: Record<string, string>) => {
        const { status, body } = await post(REFRESH, headers);
        return [status, body.detail];
      };
      expect(await refused(bearer(made.key))).toEqual([401, NO_TOKEN]);
      expect(await refused(bearer(old))).toEqual([401, 'Token has expired']);
      expect(await refused({})).toEqual([401, NO_KEY]);
    });
  });

  describe('attacks', () => {
    test('an expired token, to the second, is told so; another text than a token never is', async () => {
      const made = await newKey({});
      const now = Math.floor(systemClock.now() / 1000);
      expect(await told(bearer(await signed(claimsOf(made, { exp: now - 1 }))))).toBe('Token has expired');
      expect(await told(bearer(await signed(claimsOf(made, { exp: now }))))).toBe('Token has expired');
      expect(await told(bearer(await signed(claimsOf(made, { exp: now + 60 }))))).toBe('let in');
      expect(await told(bearer(await signed(claimsOf(made, { exp: now - 1 }), `${SECRET}x`)))).toBe(NO_TOKEN);
    });

    test('a token that is used as it ends is told so, however it was known a moment before', async () => {
      const made = await newKey({});
      const token = await signed(claimsOf(made, { exp: Math.floor(systemClock.now() / 1000) + 2 }));
      const answers: string[] = [];
      for (let last = 'let in'; last === 'let in'; await new Promise((wake) => setTimeout(wake, 20))) {
        last = await told(bearer(token));
        answers.push(last);
      }
      expect([...new Set(answers)]).toEqual(['let in', 'Token has expired']);
    });

    test('no algorithm, another algorithm, a forged or stripped signature, changed claims', async () => {
      const made = await newKey({});
      const claims = claimsOf(made);
      const good = await signed(claims);
      const [head = '', body = '', signature = ''] = good.split('.');
      const raised = base64url.encode(JSON.stringify({ ...claims, role: 'admin' }));
      const named = (alg: string): string => base64url.encode(JSON.stringify({ alg, typ: 'JWT' }));
      const forged = [
        new UnsecuredJWT(claims).encode(),
        `${named('none')}.${body}.${signature}`,
        `${named('None')}.${body}.`,
        `${named('HS512')}.${body}.${signature}`,
        `${named('RS256')}.${body}.${signature}`,
        await signed(claims, SECRET, 'HS384'),
        await signed(claims, SECRET, 'HS512'),
        await signed(claims, `${SECRET.slice(0, -1)}1`),
        `${head}.${raised}.${signature}`,
        `${head}.${body}.`,
        `${head}.${body}.${signature.slice(0, -2)}`,
        `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
        `${base64url.encode('{"alg":"HS256","crit":["x"],"x":1}')}.${body}.${signature}`,
        `${base64url.encode('{"alg":"HS256","b64":false,"crit":["b64"]}')}.${body}.${signature}`,
        `${base64url.encode('null')}.${body}.${signature}`,
        `${base64url.encode('not json')}.${body}.${signature}`,
        'a.b.c',
        `${'_'.repeat(3000)}.-.-`,
      ];
      for (const token of forged) expect(await told(bearer(token)), token).toBe(NO_TOKEN);
      expect(await told(bearer(good))).toBe('let in');
    });

    test('claims that are not ours: another issuer, none, no key, no end, values of another kind', async () => {
      const made = await newKey({});
      const wrong = [
        { iss: 'https://issuer.example' },
        { iss: undefined },
        { key_id: undefined },
        { key_id: 'key-none' },
        { key_id: [made.key_id] },
        { key_id: `${made.key_id}\u0000` },
        { exp: undefined },
        { auth_time: undefined },
        { auth_time: 'now' },
        { exp: 1e300 },
        { nbf: Math.floor(systemClock.now() / 1000) + 600 },
      ];
      for (const over of wrong) {
        expect(await told(bearer(await signed(claimsOf(made, over)))), JSON.stringify(over)).toBe(NO_TOKEN);
      }
    });

    test('the token of a revoked, expired or foreign key, and of a zone that ended', async () => {
      const revoked = await newKey({});
      const token = await tokenOf(revoked.key);
      expect(await told(bearer(token))).toBe('let in');
      await server.ok('admin_revoke_key', { key_id: revoked.key_id });
      expect(await told(bearer(token))).toBe(NO_TOKEN);
      const expired = await newKey({});
      const late = await tokenOf(expired.key);
      await server.ok('admin_update_key', { key_id: expired.key_id, expires_at: '2001-01-01T00:00:00Z' });
      expect(await told(bearer(late))).toBe(NO_TOKEN);
      await server.ok('zone_create', { zone_id: 'ends', name: 'E' });
      const ends = await tokenOf((await newKey({ zone_id: 'ends' })).key);
      await server.ok('zone_delete', { zone_id: 'ends' });
      expect(await told(bearer(ends))).toBe(NO_TOKEN);
    });

    test('claims of a higher role, another subject or another zone give nothing: the row decides', async () => {
      const made = await newKey({ user_id: 'low', role: 'viewer' });
      const token = await signed(
        claimsOf(made, { role: 'admin', zone_id: 'root', sub: 'admin', modes: ['PUBLIC', 'RAW'], is_admin: true }),
      );
      expect(await server.ok('whoami', {}, token)).toMatchObject({
        role: 'viewer',
        is_admin: false,
        zone_id: 'corp',
        user_id: 'low',
        subject_id: 'low',
      });
      expect(await server.fault('write', { path: '/x', content: '' }, token)).toBe('ACCESS_DENIED');
      expect(await server.fault('admin_list_keys', {}, token)).toBe('ACCESS_DENIED');
      expect(await server.fault('list', { path: '/', zone_id: 'root' }, token)).toBe('ACCESS_DENIED');
      const answer = await post(REFRESH, bearer(token));
      expect(answer.body).toMatchObject({ role: 'viewer', modes: [] });
      expect(decodeJwt(answer.body.access_token)).toMatchObject({ role: 'viewer', zone_id: 'corp', sub: 'low' });
    });

    test('a change of the row counts with the next request', async () => {
      const made = await newKey({ role: 'admin' });
      const token = await tokenOf(made.key);
      await server.ok('write', { path: '/w', content: '' }, token);
      await server.ok('admin_update_key', { key_id: made.key_id, role: 'viewer' });
      expect(await server.fault('write', { path: '/w', content: '' }, token)).toBe('ACCESS_DENIED');
      expect(await server.ok('whoami', {}, token)).toMatchObject({ role: 'viewer' });
    });

    test('a token where a key is asked for, a key in the form of a token, two credentials at once', async () => {
      const made = await newKey({});
      const token = await tokenOf(made.key);
      expect(await told(bearer(token))).toBe('let in');
      expect(await told({ 'x-nexus-api-key': token })).toBe(NO_KEY);
      expect(await told({ authorization: token })).toBe(NO_KEY);
      expect(await told({ ...bearer(token), 'x-nexus-api-key': made.key })).toBe(NO_KEY);
      expect(await told({ ...bearer(token), 'x-nexus-api-key': ADMIN_KEY })).toBe(NO_KEY);
      const url = await fetch(`${server.url}/api/v1/auth/whoami?access_token=${token}&token=${token}`);
      expect(url.status).toBe(401);
    });
  });
});

forEachEngine('the secret', (engine) => {
  test('is made once and kept, so that tokens outlive a restart', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nexus-secret-'));
    const first = await startTestServer({ engine, directory });
    const exchanged = await first.http(TOKEN, { method: 'POST' });
    const { access_token } = (await exchanged.json()) as Answer;
    await first.stop();
    const second = await startTestServer({ engine, directory });
    const kept = await second.sql.read((tx) =>
      tx.all<{ value: string }>("SELECT value FROM settings WHERE name = 'jwt_secret'"),
    );
    expect(kept.map(({ value }) => Buffer.from(value, 'base64url').byteLength)).toEqual([64]);
    expect(await second.ok('whoami', {}, access_token)).toMatchObject({ authenticated: true, auth_method: 'jwt' });
    await second.stop();
    const other = await startTestServer({ engine, directory, environment: { NEXUS_JWT_SECRET: SECRET } });
    expect(await other.ok('whoami', {}, access_token).catch(String)).toContain(NO_TOKEN);
    await other.stop();
    rmSync(directory, { recursive: true });
  });
});
