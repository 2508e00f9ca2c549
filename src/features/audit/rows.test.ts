/** What leaves which row in the audit log: every field of it, whose zone it stands in, and what never stands in any. */
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { hashKey } from '../access/credentials.ts';
import type { AuditEntry } from './entries.ts';

forEachEngine('rows', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.addZone('acme', { max_files: 3 });
    await server.addZone('other');
  });
  afterAll(() => server.stop());

  /** Newest first. */
  const list = async (params: object): Promise<AuditEntry[]> => {
    const { entries } = await server.ok('audit_list', { limit: 1000, ...params });
    return entries as AuditEntry[];
  };
  const prefixOf = (key: string): string => hashKey(key).slice(0, 8);
  const counts = (entries: AuditEntry[]): number =>
    entries.reduce((sum, { details }) => sum + Number(details.count), 0);

  test('a change has one, with every field', async () => {
    const key = await server.addKey({ zone_id: 'acme', subject: 'ann', role: 'admin' });
    const headers = { authorization: `Bearer ${key}`, 'x-request-id': 'call-1', 'x-agent-id': 'scout' };
    const before = systemClock.now();
    const put = await server.http('/api/v2/files/a.txt', { method: 'PUT', body: 'text', headers });
    expect(put.status).toBe(201);
    const [row, ...more] = await list({ zone_id: 'acme', action: 'file.write' });
    expect(more).toEqual([]);
    expect(row).toEqual({
      id: expect.stringMatching(/^acme:\d+$/),
      at: expect.any(String),
      zone_id: 'acme',
      tenant_id: 'acme',
      actor: 'user:ann',
      subject_type: 'user',
      subject_id: 'ann',
      key_id: expect.stringMatching(/^key-/),
      agent_id: 'scout',
      action: 'file.write',
      effect: 'write',
      object: '/a.txt',
      outcome: 'allowed',
      code: null,
      channel: 'http',
      session_id: null,
      call_id: 'call-1',
      ip: '127.0.0.1',
      duration_ms: expect.any(Number),
      details: {},
    });
    expect(Date.parse(row?.at ?? '')).toBeGreaterThanOrEqual(before);
  });

  test('a call that reads has one, and one that fails too', async () => {
    const key = await server.addKey({
      zone_id: 'acme',
      subject: 'rita',
      role: 'viewer',
      grants: [['direct_viewer', '/']],
    });
    await server.ok('exists', { path: '/a.txt' }, key);
    expect(await server.fault('read', { path: '/none' }, key)).toBe('FILE_NOT_FOUND');
    const rows = await list({ zone_id: 'acme', actor: 'user:rita' });
    expect(rows.map(({ action, object, outcome, code }) => [action, object, outcome, code])).toEqual([
      ['file.read', '/none', 'failed', 'FILE_NOT_FOUND'],
      ['file.exists', '/a.txt', 'allowed', null],
      ['auth_success', '', 'allowed', null],
    ]);
    expect(rows[2]).toMatchObject({
      details: { key_hash_prefix: prefixOf(key), role: 'viewer', endpoint: 'POST /api/nfs/exists' },
      id: expect.stringMatching(/^acme:r\d+$/),
    });
  });

  test('auth_success is at most once a second for each credential and channel', async () => {
    const key = await server.addKey({ zone_id: 'acme', subject: 'busy', role: 'admin' });
    const began = performance.now();
    for (let i = 0; i < 10; i++) {
      await server.ok('whoami', {}, key);
      await server.http('/api/v2/files/a.txt', { headers: { authorization: `Bearer ${key}` } });
    }
    const seconds = Math.floor((performance.now() - began) / 1000) + 2;
    const rows = await list({ zone_id: 'acme', actor: 'user:busy', action: 'auth_success' });
    const by = (channel: string) => rows.filter((row) => row.channel === channel).length;
    for (const channel of ['rpc', 'http']) {
      expect(by(channel)).toBeGreaterThan(0);
      expect(by(channel)).toBeLessThanOrEqual(seconds);
    }
  });

  describe('a refusal', () => {
    test('of an object says which right is missing, and equal ones are one row', async () => {
      const key = await server.addKey({ zone_id: 'acme', subject: 'olga' });
      const asked = Array.from({ length: 40 }, (_, i) => server.fault('read', { path: `/secret/${i % 2}` }, key));
      expect(new Set(await Promise.all(asked))).toEqual(new Set(['ACCESS_DENIED']));
      const rows = await list({ zone_id: 'acme', actor: 'user:olga', outcome: 'denied' });
      expect(counts(rows)).toBe(40);
      // A machine that is slow may need more than the one second for them.
      expect(rows.length).toBeLessThan(20);
      expect(rows[0]).toMatchObject({
        action: 'file.read',
        code: 'ACCESS_DENIED',
        object: expect.stringMatching(/^\/secret\/[01]$/),
        details: { permission: 'read', missing: { relation: 'viewer', object: ['file', expect.any(String)] } },
      });
    });

    test('of one of several parts is one, though the call goes on', async () => {
      const grants = [['direct_editor', '/mine']] as const;
      const key = await server.addKey({ zone_id: 'acme', subject: 'pat', grants });
      const deleted = await server.ok('delete_bulk', { paths: ['/a.txt', '/mine/none', '/b.txt'] }, key);
      expect(deleted).toMatchObject({ '/a.txt': { success: false } });
      const rows = await list({ zone_id: 'acme', actor: 'user:pat', outcome: 'denied' });
      expect(rows.map(({ action, object, code }) => [action, object, code])).toEqual([
        ['file.delete-bulk', '/b.txt', 'ACCESS_DENIED'],
        ['file.delete-bulk', '/a.txt', 'ACCESS_DENIED'],
      ]);
    });

    test('of a role is auth_denied', async () => {
      const key = await server.addKey({ zone_id: 'acme', subject: 'vic', role: 'viewer' });
      expect(await server.fault('mkdir', { path: '/x' }, key)).toBe('ACCESS_DENIED');
      const denied = await server.http('/api/zones', {
        method: 'POST',
        body: '{"name":"x"}',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      });
      expect(denied.status).toBe(403);
      const rows = await list({ zone_id: 'acme', actor: 'user:vic', action: 'auth_denied' });
      expect(rows.map(({ object, details, outcome }) => [object, outcome, details])).toEqual(
        expect.arrayContaining([
          [
            'file.mkdir',
            'denied',
            {
              key_hash_prefix: prefixOf(key),
              role: 'viewer',
              required_role: 'operator',
              required_mode: null,
              endpoint: 'POST /api/nfs/mkdir',
              reason: null,
              count: 1,
            },
          ],
          ['zone.create', 'denied', expect.objectContaining({ endpoint: 'POST /api/zones' })],
        ]),
      );
    });

    test('of a quota stands in the zone whose quota it is, an attempt on another zone in the own', async () => {
      const key = await server.addKey({ zone_id: 'acme', subject: 'quin', role: 'admin' });
      for (let i = 0; i < 6; i++) await server.rpc('write', { path: `/q/${i}`, content: 'x' }, key);
      const [full] = await list({ zone_id: 'acme', action: 'file.write', outcome: 'denied' });
      expect(full).toMatchObject({ code: 'QUOTA_EXCEEDED', details: { quota: 'max_files', limit: 3 } });
      expect(await server.fault('list', { zone_id: 'other', path: '/' }, key)).toBe('ACCESS_DENIED');
      expect(await server.fault('read', { path: '/zone/other/x' }, key)).toBe('ACCESS_DENIED');
      const rows = await list({ zone_id: 'acme', actor: 'user:quin', outcome: 'denied' });
      expect(rows.map(({ action }) => action)).toEqual(expect.arrayContaining(['file.list', 'file.read']));
      expect(rows.find(({ action }) => action === 'file.list')?.details).toMatchObject({ zone_id: 'other' });
      expect(await list({ zone_id: 'other' })).toEqual([]);
    });

    test('of a credential tells its owner and why, never the credential', async () => {
      const revoked = await server.ok('admin_create_key', { zone_id: 'acme', name: 'gone', user_id: 'gus' });
      await server.ok('admin_revoke_key', { zone_id: 'acme', key_id: revoked.key_id });
      const expired = await server.addKey({ zone_id: 'acme', subject: 'exa' });
      await server.sql.write('acme', (tx) => tx.run("UPDATE keys SET expires_at = 5 WHERE subject_id = 'exa'"));
      const tries = [revoked.key, expired, 'never-was-a-key-at-all', 'aaaa.bbbb.cccc'];
      for (const text of tries) expect((await server.rpc('whoami', {}, text)).status).toBe(401);
      const wrong = await fetch(`${server.url}/api/v1/auth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"api_key":"shown-in-the-body-0"}',
      });
      expect(wrong.status).toBe(401);
      expect((await server.http('/no/such/route', { headers: { authorization: 'Bearer nowhere-known' } })).status).toBe(
        401,
      );
      const owned = await list({ zone_id: 'acme', action: 'auth_failure' });
      const unowned = await list({ action: 'auth_failure' });
      expect(owned.map(({ actor, details }) => [actor, details.reason])).toEqual([
        ['user:exa', 'expired'],
        ['user:gus', 'revoked'],
      ]);
      const told = unowned.map(({ actor, details }) => [actor, details.reason, details.key_hash_prefix]);
      expect(unowned[0]?.details.endpoint).toBe('GET unknown');
      expect(told).toEqual([
        ['anonymous', 'unknown', prefixOf('nowhere-known')],
        ['anonymous', 'unknown', prefixOf('shown-in-the-body-0')],
        ['anonymous', 'invalid_token', prefixOf('aaaa.bbbb.cccc')],
        ['anonymous', 'unknown', prefixOf('never-was-a-key-at-all')],
      ]);
      const fields = ['endpoint', 'key_hash_prefix', 'reason', 'required_mode', 'required_role', 'role'];
      for (const { details } of [...owned, ...unowned, ...(await list({ zone_id: 'acme', action: 'auth_success' }))])
        expect(
          Object.keys(details)
            .filter((name) => name !== 'count')
            .sort(),
        ).toEqual(fields);
      expect([owned[0]?.details.role, unowned[0]?.details.role]).toEqual(['operator', null]);
      expect(unowned[0]).toMatchObject({ outcome: 'failed', code: 'UNAUTHENTICATED', tenant_id: 'root', key_id: null });
    });

    test('of a key that ended a moment ago is one too', async () => {
      const { key, key_id } = await server.ok('admin_create_key', {
        zone_id: 'acme',
        name: 'late',
        user_id: 'lea',
        role: 'admin',
      });
      await server.ok('whoami', {}, key);
      await server.sql.write('acme', async (tx) => {
        await tx.run('UPDATE keys SET revoked_at = 5 WHERE key_id = ?', [key_id]);
        await tx.run("UPDATE zones SET access_revision = access_revision + 1 WHERE zone_id = 'acme'");
      });
      expect((await server.rpc('list', { path: '/' }, key)).status).toBe(401);
      const [row] = await list({ zone_id: 'acme', actor: 'user:lea', action: 'auth_failure' });
      expect(row?.details).toMatchObject({ reason: 'revoked', key_hash_prefix: prefixOf(key) });
    });

    test('of a token that has expired names whose key is behind it, where its signature is right', async () => {
      const key = await server.addKey({ zone_id: 'acme', subject: 'ida' });
      const headers = { authorization: `Bearer ${key}` };
      const issued = await server.http('/api/v1/auth/token', { method: 'POST', headers });
      const { access_token } = (await issued.json()) as { access_token: string };
      const secret = await server.sql.read((tx) =>
        tx.get<{ value: string }>("SELECT value FROM settings WHERE name = 'jwt_secret'"),
      );
      const late = (by: string): Promise<string> =>
        new SignJWT({ ...decodeJwt(access_token), exp: 2_000 })
          .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
          .sign(new TextEncoder().encode(by));
      for (const token of [await late(secret?.value ?? ''), await late('x'.repeat(64))])
        expect((await server.rpc('list', { path: '/' }, token)).status).toBe(401);
      const rows = await list({ zone_id: 'acme', actor: 'user:ida', action: 'auth_failure' });
      expect(rows.map(({ details }) => [details.reason, details.key_hash_prefix])).toEqual([
        ['expired', prefixOf(key)],
      ]);
      const [forged] = await list({ action: 'auth_failure' });
      expect(forged).toMatchObject({ actor: 'anonymous', details: { reason: 'invalid_token' } });
    });

    test('of a credential of the wrong kind says no more than that', async () => {
      const key = await server.addKey({ zone_id: 'acme', subject: 'kim' });
      const ask = (path: string, bearer: string, body = '{}') =>
        server.http(`/api/v1/auth/token${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
          body,
        });
      const { access_token } = (await (await ask('', key)).json()) as { access_token: string };
      expect([(await ask('/refresh', key)).status, (await ask('', access_token)).status]).toEqual([401, 401]);
      const rows = await list({ zone_id: 'acme', actor: 'user:kim', action: 'auth_failure' });
      expect(rows.map(({ details }) => [details.reason, details.key_hash_prefix])).toEqual([
        ['invalid_token', prefixOf(key)],
        ['invalid_token', prefixOf(key)],
      ]);
      expect((await ask('', key, JSON.stringify({ api_key: 'another-key-in-the-body' }))).status).toBe(401);
      const [other] = await list({ action: 'auth_failure' });
      expect(other?.details).toMatchObject({ reason: 'unknown', key_hash_prefix: prefixOf('another-key-in-the-body') });
    });

    test('of the next second is a row of its own', async () => {
      const key = await server.addKey({ zone_id: 'other', subject: 'sue' });
      const refuse = () => server.fault('read', { path: '/x' }, key);
      await refuse();
      await sleep(1_100);
      await refuse();
      const rows = await list({ zone_id: 'other', actor: 'user:sue', outcome: 'denied' });
      expect(rows.map(({ details }) => details.count)).toEqual([1, 1]);
    });
  });

  test('keys, tokens and contents stand nowhere in the database but where they belong', async () => {
    const made = await server.ok('admin_create_key', { name: 'secret', role: 'admin' });
    const issued = await server.http('/api/v1/auth/token', {
      method: 'POST',
      headers: { authorization: `Bearer ${made.key}` },
    });
    const { access_token } = (await issued.json()) as { access_token: string };
    const content = 'the content that nobody logs';
    await server.ok('write', { path: '/logged.txt', content }, made.key);
    await server.ok('append', { path: '/logged.txt', content: 'appended and not logged' }, access_token);
    await server.ok('edit', { path: '/logged.txt', edits: [['nobody', 'replaced-by-this']] }, made.key);
    await server.ok('read', { path: '/logged.txt' }, access_token);
    await server.fault('write', { path: '/none/../x', content: 'refused and not logged' }, made.key);
    await fetch(`${server.url}/api/nfs/read?api_key=${made.key}`, { method: 'POST', body: '{}' });
    await server.rpc('whoami', {}, `${made.key}x`);
    await list({});
    const texts = await server.sql.read(async (tx) => {
      const tables = ['audit', 'audit_open', 'audit_reads', 'audit_heads', 'audit_checkpoints'];
      return JSON.stringify(await Promise.all(tables.map((table) => tx.all(`SELECT * FROM ${table}`))));
    });
    expect(texts).toContain('/logged.txt');
    const secrets = [
      made.key,
      `${made.key}x`,
      hashKey(made.key),
      access_token,
      ADMIN_KEY,
      content,
      'not logged',
      'replaced-by-this',
    ];
    for (const secret of secrets) expect(texts).not.toContain(secret);
  });

  test('the chains of all zones are whole after all that', async () => {
    expect(await server.ok('audit_verify', { all: true })).toMatchObject({ ok: true, problems: [] });
  });
});

test('a call that reads is in the log by itself, without anybody asking for it', async () => {
  const server = await startTestServer();
  await (await server.http('/api/v2/files/none', { headers: { 'x-request-id': 'by-itself' } })).text();
  const lines = async () => {
    const rows = await server.sql.read((tx) => tx.all<{ lines: string }>('SELECT lines FROM audit_reads'));
    return rows.map((row) => row.lines).join('\n');
  };
  await expect.poll(lines, { timeout: 20_000 }).toContain('by-itself');
  await server.stop();
});

test('with NEXUS_AUDIT_READS=sync a call is in the log before it is answered', async () => {
  const server = await startTestServer({ environment: { NEXUS_AUDIT_READS: 'sync' } });
  await server.ok('write', { path: '/f', content: 'x' });
  const lines = async () => {
    const rows = await server.sql.read((tx) => tx.all<{ lines: string }>('SELECT lines FROM audit_reads'));
    return rows.map((row) => row.lines).join('\n');
  };
  for (let i = 0; i < 5; i++) {
    const response = await server.http('/api/v2/files/f', { headers: { 'x-request-id': `sync-${i}` } });
    await response.text();
    expect(await lines()).toContain(`sync-${i}`);
  }
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      await (await server.http('/api/v2/files/f', { headers: { 'x-request-id': `many-${i}.` } })).text();
      expect(await lines()).toContain(`many-${i}.`);
    }),
  );
  await server.stop();
});
