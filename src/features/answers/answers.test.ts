/**
 * Calls that come with an Idempotency-Key (workflows.md §1.3): one of several takes place, the others get its answer, at any
 * door and on any node; also when the server was killed before it was heard.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openBare } from '../../../test/bare.ts';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { startNexus } from '../../../test/nexus-process.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { allOperations } from '../../core/operations.ts';
import { pruneAnswers } from '../../roof/prune.ts';

interface Said {
  readonly status: number;
  readonly text: string;
  readonly replayed: string | null;
}

interface Asking {
  readonly key?: string;
  readonly as?: string;
  readonly method?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

async function ask(url: string, path: string, asking: Asking): Promise<Said> {
  const { key, as = ADMIN_KEY, method = 'POST', body = '' } = asking;
  const headers = {
    authorization: `Bearer ${as}`,
    'content-type': 'application/json',
    ...(key && { 'idempotency-key': key }),
  };
  const answer = await fetch(url + path, { method, headers, ...(method === 'GET' ? {} : { body }) });
  return { status: answer.status, text: await answer.text(), replayed: answer.headers.get('idempotent-replayed') };
}

const reasonOf = ({ status, text }: Said): unknown => [status, JSON.parse(text).error.data.reason];
const append = (content: string, path = '/log'): string => JSON.stringify({ params: { path, content } });

forEachEngine('calls with a key', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const call = (method: string, asking: Asking) => ask(server.url, `/api/nfs/${method}`, asking);
  const textOf = async (path: string): Promise<string> => (await server.http(`/api/v2/files${path}`)).text();

  test('of many at once one takes place, and all get its answer to the byte', async () => {
    const said = await Promise.all(Array.from({ length: 8 }, () => call('append', { key: 'many', body: append('x') })));
    expect(new Set(said.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(said.map(({ replayed }) => replayed).filter((one) => one === null)).toHaveLength(1);
    expect(await textOf('/log')).toBe('x');
    expect((await call('append', { body: append('x') })).replayed).toBe(null);
    expect(await textOf('/log')).toBe('xx');
  });

  // Those that are prepared on what may have changed by their transaction, with calls that have to be prepared again.
  const AGAIN: Readonly<Record<string, () => Promise<void>>> = {
    'file.append': async () => {
      await server.ok('write', { path: '/large', content: 'b'.repeat(70_000) });
      const large = 'p'.repeat(70_000);
      const calls = ['END', large, 'LAST'].map((content, n) => ({
        key: `large-${n}`,
        body: append(content, '/large'),
      }));
      for (const one of calls) {
        const first = await call('append', one);
        expect([first.replayed, JSON.parse(first.text).result.stale]).toEqual([null, undefined]);
        expect(await call('append', one)).toEqual({ ...first, replayed: 'true' });
      }
      expect(await textOf('/large')).toBe(`${'b'.repeat(70_000)}END${large}LAST`);
    },
    'file.edit': async () => {
      const words = Array.from({ length: 12 }, (_, n) => `<${n}>`);
      await server.ok('write', { path: '/edited', content: words.join(' ') });
      const edits = words.map((word) => {
        const params = { path: '/edited', edits: [[word, word.replace('<', '<x')]] };
        return { key: `edit${word}`, body: JSON.stringify({ params }) };
      });
      const first = await Promise.all(edits.map((one) => call('edit', one)));
      for (const { text, replayed } of first) {
        expect([replayed, JSON.parse(text)]).toEqual([null, expect.objectContaining({ error: null })]);
      }
      expect(await textOf('/edited')).toBe(words.map((word) => word.replace('<', '<x')).join(' '));
      const again = await Promise.all(edits.map((one) => call('edit', one)));
      expect(again.map(({ text }) => text)).toEqual(first.map(({ text }) => text));
      expect(await textOf('/edited')).toBe(words.map((word) => word.replace('<', '<x')).join(' '));
    },
  };

  test.each(Object.keys(AGAIN))('what has to be prepared again takes place, and is then answered: %s', async (name) => {
    await AGAIN[name]?.();
    const kept = await server.sql.read((tx) => tx.all<{ answer: string | null }>('SELECT answer FROM answers'));
    expect(kept.filter(({ answer }) => answer?.includes('stale'))).toEqual([]);
  });

  test('no other operation is prepared again', () => {
    expect(allOperations.filter(({ stale }) => stale).map(({ name }) => name)).toEqual(Object.keys(AGAIN));
  });

  test('a key is of one caller, one operation and one body', async () => {
    const first = await call('append', { key: 'mine', body: append('a', '/own') });
    expect(reasonOf(await call('append', { key: 'mine', body: append('b', '/own') }))).toEqual([
      200,
      'IDEMPOTENCY_MISMATCH',
    ]);
    const as = await server.addKey({ subject: 'eve', grants: [['direct_editor', '/own']] });
    expect((await call('append', { key: 'mine', as, body: append('e', '/own') })).replayed).toBe(null);
    expect((await call('mkdir', { key: 'mine', body: JSON.stringify({ params: { path: '/d' } }) })).replayed).toBe(
      null,
    );
    // Fields in another order are the same body.
    const turned = JSON.stringify({ params: { content: 'a', path: '/own' } });
    expect(await call('append', { key: 'mine', body: turned })).toMatchObject({ text: first.text, replayed: 'true' });
    expect(await textOf('/own')).toBe('ae');
  });

  test('who may less than the first, by then or by another key, does not get its answer', async () => {
    const path = '/granted/log';
    const as = await server.addKey({ subject: 'ivy', grants: [['direct_editor', '/granted']] });
    const boss = await server.addKey({ subject: 'ivy', role: 'admin' });
    const denied = { code: 'ACCESS_DENIED' };
    const ask = async (key: string, by: string, at = path) => {
      const { text, replayed } = await call('append', { key, as: by, body: append('i', at) });
      return { replayed, ...(JSON.parse(text).error?.data ?? {}) };
    };
    expect(await ask('granted', as)).toEqual({ replayed: null });
    expect(await ask('granted', as)).toEqual({ replayed: 'true' });
    // A greater key of the same subject is answered the same way, a lesser one is not.
    expect(await ask('granted', boss)).toEqual({ replayed: 'true' });
    expect(await ask('greater', boss, '/secret')).toEqual({ replayed: null });
    expect(await ask('greater', as, '/secret')).toMatchObject({ replayed: null, ...denied });
    const tuples = await server.ok('rebac_list_tuples', { subject: ['user', 'ivy'] });
    await server.ok('rebac_delete', { tuple_id: (tuples as unknown as { tuple_id: string }[])[0]!.tuple_id });
    expect(await ask('granted', as)).toMatchObject({ replayed: null, ...denied, permission: 'write', path });
    expect(await textOf(path)).toBe('i');
  });

  test('a call that took the grants along that it needed is answered again', async () => {
    await server.ok('write', { path: '/before', content: 'b' });
    const as = await server.addKey({
      subject: 'joe',
      grants: [
        ['direct_owner', '/before'],
        ['direct_owner', '/after'],
      ],
    });
    const move = JSON.stringify({ params: { old_path: '/before', new_path: '/after' } });
    const first = await call('rename', { key: 'along', as, body: move });
    expect(JSON.parse(first.text).error).toBe(null);
    expect(await call('rename', { key: 'along', as, body: move })).toEqual({ ...first, replayed: 'true' });
  });

  test('what failed has not taken the key', async () => {
    const move = JSON.stringify({ params: { old_path: '/late', new_path: '/moved' } });
    expect(JSON.parse((await call('rename', { key: 'early', body: move })).text).error).toBeTruthy();
    await server.ok('write', { path: '/late', content: 'l' });
    expect(JSON.parse((await call('rename', { key: 'early', body: move })).text).error).toBe(null);
    expect((await call('rename', { key: 'early', body: move })).replayed).toBe('true');
  });

  test('plain bytes, small and spooled, and a status of its own', async () => {
    const put = (path: string, body: Uint8Array<ArrayBuffer>) =>
      ask(server.url, `/api/v2/files${path}`, { method: 'PUT', key: `put-${body.length}`, body });
    for (const body of [new Uint8Array([1, 0, 2]), new Uint8Array(200_000).fill(7)]) {
      const first = await put('/bytes', body);
      expect(await put('/bytes', body)).toEqual({ ...first, replayed: 'true' });
      expect(reasonOf(await put('/bytes', body.with(1, 9)))).toEqual([409, 'IDEMPOTENCY_MISMATCH']);
      expect(reasonOf(await put('/elsewhere', body))).toEqual([409, 'IDEMPOTENCY_MISMATCH']);
    }
    const remove = () => ask(server.url, '/api/v2/files/bytes', { method: 'DELETE', key: 'del' });
    expect([(await remove()).status, (await remove()).status]).toEqual([204, 204]);
  });

  test('what is shown once is made once, and kept nowhere', async () => {
    const body = JSON.stringify({ name: 'one' });
    const made = await ask(server.url, '/api/v2/auth/keys', { key: 'k', body });
    expect(made.status).toBe(201);
    expect(reasonOf(await ask(server.url, '/api/v2/auth/keys', { key: 'k', body }))).toEqual([409, 'SHOWN_ONCE']);
    const rows = await server.sql.read((tx) => tx.all<{ answer: string | null }>('SELECT answer FROM answers'));
    expect(JSON.stringify(rows)).not.toContain(JSON.parse(made.text).key);
  });

  test('the queue has its own way, under the same header', async () => {
    const body = JSON.stringify({ executor: 'x', task_type: 't' });
    const submit = () => ask(server.url, '/api/v2/scheduler/submit', { key: 'job', body });
    const [first, second] = [await submit(), await submit()];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(JSON.parse(second.text)).toMatchObject({ id: JSON.parse(first.text).id, deduplicated: true });
  });

  test('a key that is none, and one for an array, are refused', async () => {
    const long = await call('append', { key: 'k'.repeat(256), body: append('x', '/never') });
    expect(JSON.parse(long.text).error.data.code).toBe('INVALID_PARAMS');
    const many = await ask(server.url, '/api/nfs', { key: 'k', body: JSON.stringify([{ method: 'mkdir' }]) });
    expect(JSON.parse(many.text).error.data.code).toBe('INVALID_REQUEST');
    expect(await server.ok('exists', { path: '/never' })).toEqual({ exists: false });
  });

  test('an upgrade forgets calls that an earlier version took for answered though they never took place', async () => {
    const file = join(import.meta.dirname, '../../../migrations/0185_stale_answers.sql');
    const left = await server.sql.write('root', async (tx) => {
      for (const [call_id, answer] of Object.entries({ lost: '{"stale":true}', done: '{"etag":"e"}', once: null })) {
        await tx.run(
          `INSERT INTO answers (zone_id, call_id, operation, asked, answer, answered_at) VALUES ('up', ?, 'o', 'a', ?, 1)`,
          [call_id, answer],
        );
      }
      await tx.run(readFileSync(file, 'utf8'));
      return tx.all<{ call_id: string }>("SELECT call_id FROM answers WHERE zone_id = 'up' ORDER BY call_id");
    });
    expect(left.map(({ call_id }) => call_id)).toEqual(['done', 'once']);
  });

  test('an answer is kept for a day, and no longer than its zone', async () => {
    const bare = await openBare(engine);
    const parts = { step: bare.step, signal: new AbortController().signal };
    const rows = (): Promise<number> =>
      bare.sql.read(async (tx) => (await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM answers'))?.n ?? 0);
    const now = bare.clock.now();
    await bare.sql.write('root', async (tx) => {
      for (const [call_id, age] of [
        ['new', 86_000_000],
        ['old', 87_000_000],
      ] as const) {
        await tx.run(
          `INSERT INTO answers (zone_id, call_id, operation, asked, answered_at) VALUES ('root', ?, 'o', 'a', ?)`,
          [call_id, now - age],
        );
      }
    });
    expect([await pruneAnswers(parts), await rows()]).toEqual([1, 1]);
    bare.clock.set(now + 86_400_001);
    expect([await pruneAnswers(parts), await rows()]).toEqual([1, 0]);
    await bare.close();
  });

  test('two nodes, and a server that is killed with calls in hand: each call took place once', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nexus-answers-'));
    const database = engine === 'postgres' ? await freshDatabase() : undefined;
    const env = {
      NEXUS_DATA_DIR: directory,
      NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      NEXUS_BLOBS_URL: pathToFileURL(join(directory, 'blobs')).href,
      ...(database && { NEXUS_DATABASE_URL: database.url }),
    };
    const open = async () => {
      const started = startNexus(['serve', '--port', '0'], { env, cwd: directory });
      onTestFinished(() => void started.child.kill('SIGKILL'));
      const [, url = ''] = await started.said(/(http:\/\/[\d.]+:\d+)/);
      return { ...started, url };
    };
    const nodes = engine === 'postgres' ? [await open(), await open()] : [await open()];
    const paths = Array.from({ length: 60 }, (_, n) => `/${n}`);
    const ends = Array.from({ length: 2 }, (_, n) => nodes[n % nodes.length]!.url);
    let answered = 0;
    const calls = paths.flatMap((path) =>
      ends.map((url) =>
        ask(url, '/api/nfs/append', { key: path, body: append('x', path) }).then(
          () => {
            answered++;
            if (answered === 20) nodes[0]?.child.kill('SIGKILL');
          },
          () => undefined,
        ),
      ),
    );
    await Promise.all(calls);
    await nodes[0]?.ended;
    const after = await open();
    const said = await Promise.all(
      paths.map((path) => ask(after.url, '/api/nfs/append', { key: path, body: append('x', path) })),
    );
    expect(said.every(({ text }) => JSON.parse(text).error === null)).toBe(true);
    // Those that were answered before are answered the same way.
    expect(said.filter(({ replayed }) => replayed === 'true').length).toBeGreaterThan(0);
    const contents = await Promise.all(
      paths.map(async (path) => (await ask(after.url, `/api/v2/files${path}`, { method: 'GET' })).text),
    );
    expect(new Set(contents)).toEqual(new Set(['x']));
    const all = [...nodes.slice(1), after];
    for (const { child } of all) child.kill('SIGTERM');
    await Promise.all(all.map(({ ended }) => ended));
    await database?.drop();
    rmSync(directory, { recursive: true });
  });
});
