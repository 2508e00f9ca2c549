/** The commands that are the server: what they say at start, how they end, and what they refuse. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nexus, nexusOnTerminal, type Surroundings, shell, startNexus } from '../../../../test/nexus-process.ts';

const SLOW = { timeout: 120_000 };
const SECRET = 'a-secret-key-of-the-operator';
let place: string;
let around: Surroundings;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'nexus-serve-'));
  around = { cwd: place, env: { XDG_CONFIG_HOME: join(place, 'config'), HOME: place } };
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const within = (env: Readonly<Record<string, string>>): Surroundings => ({ ...around, env: { ...around.env, ...env } });

test('start prints an address, a key and lines that work as they stand; Ctrl-C ends it with 0', SLOW, async () => {
  const server = startNexus(['start', '--port', '0', '--data', 'start-data'], around);
  const [greeting] = await server.said(/Nexus is running[\s\S]*curl .*\n/);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(greeting)?.[0] ?? '';
  expect(greeting).toMatch(/Admin key +sk-/);
  expect(statSync(join(place, 'config/nexus/keys.json')).mode & 0o777).toBe(0o600);
  const lines = greeting.split('Try, in another terminal:\n')[1]?.trim().split('\n') ?? [];
  expect(lines).toHaveLength(3);
  const [put, grep, curl] = await Promise.all([shell(lines[0] ?? '', around)]).then(async ([first]) => [
    first,
    await shell(lines[1] ?? '', around),
    await shell(lines[2] ?? '', around),
  ]);
  expect(put).toMatchObject({ code: 0, out: expect.stringContaining('/docs/hello.txt') });
  expect(grep).toMatchObject({ code: 0, out: expect.stringContaining('Hello, Nexus') });
  expect(curl).toMatchObject({ code: 0, out: 'Hello, Nexus\n' });
  expect((await nexus(['doctor', '--url', url], around)).code).toBe(0);
  server.child.kill('SIGINT');
  expect(await server.ended).toMatchObject({ code: 0, err: '' });

  const beneathNpm = within({ npm_lifecycle_event: 'start' });
  const again = startNexus(['start', '--port', new URL(url).port, '--data', 'start-data'], beneathNpm);
  const [later] = await again.said(/Nexus is running[\s\S]*curl .*\n/);
  expect(later).not.toContain('sk-');
  const [, key = ''] = /Admin key +(sk-\S+)/.exec(greeting) ?? [];
  const laterCurl = /curl .*/.exec(later)?.[0] ?? '';
  expect(await shell(laterCurl, within({ NEXUS_API_KEY: key }))).toMatchObject({ code: 0, out: 'Hello, Nexus\n' });
  expect((await nexus(['ls', '/docs', '--url', url], around)).code).toBe(0);
  const taken = await nexus(['start', '--port', new URL(url).port, '--data', 'other-data'], around);
  expect(taken).toMatchObject({ code: 1, err: expect.stringMatching(/^nexus: port \d+ of 127\.0\.0\.1 is taken/) });
  expect(readdirSync(join(place, 'other-data')).filter((name) => /nexus\.db/.test(name))).toEqual([]);
  const same = await nexus(['serve', '--port', '0', '--data', 'start-data'], within({ NEXUS_LOG_LEVEL: 'error' }));
  expect(same).toMatchObject({ code: 1, err: expect.stringContaining('another server runs on') });
  // As npm delivers it, which hands on what the group of processes gets itself.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) again.child.kill(signal);
  expect((await again.ended).code).toBe(0);
});

test('a second signal ends a server at once', SLOW, async () => {
  const alone = within({ npm_lifecycle_event: '' });
  const server = startNexus(['serve', '--port', '0', '--data', 'second-signal'], alone);
  await server.said(/listening at/);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) server.child.kill(signal);
  expect((await server.ended).code).toBe(1);
});

test('a folder of texts that is missing is told where one was named, and by serve', SLOW, async () => {
  const cases = [
    ['start', {}, false],
    ['start', { NEXUS_CORPUS_ROOT: './corpus' }, true],
    ['serve', { NEXUS_LOG_LEVEL: 'warn' }, true],
  ] as const;
  for (const [word, env, told] of cases) {
    const server = startNexus([word, '--port', '0', '--data', 'corpus-data'], within(env));
    await server.said(/http:\/\/127\.0\.0\.1:\d+/);
    server.child.kill('SIGTERM');
    const { code, err } = await server.ended;
    expect([word, env, code, err.includes('corpus_root.missing')]).toEqual([word, env, 0, told]);
    if (!told) expect(err).toBe('');
  }
});

test('serve --init makes zones and a file to source, once', SLOW, async () => {
  const quiet = within({ NEXUS_LOG_LEVEL: 'error' });
  const file = join(place, '.nexus-admin-env');
  const texts: string[] = [];
  for (const word of ['written', 'stays']) {
    const server = startNexus(['serve', '--init', '--port', '0', '--data', 'init-data'], quiet);
    const [, url] = await server.said(/listening at (\S+)\n/);
    const [line] = await server.said(/zones corp.*\n/);
    expect(line).toContain(word);
    texts.push(readFileSync(file, 'utf8'));
    const key = /NEXUS_API_KEY=(\S+)/.exec(texts[0] ?? '')?.[1] ?? '';
    const zones = await nexus(['zone', 'list', '--url', url ?? '', '--key', key], around);
    expect(zones.out).toContain('"corp-eng"');
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  }
  expect(texts[1]).toBe(texts[0]);
  expect(texts[0]).toMatch(/^export NEXUS_URL=http:\/\/127\.0\.0\.1:\d+\nexport NEXUS_API_KEY=\S+\n$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('an address that others reach is warned about, unless TLS is in front', SLOW, async () => {
  const cases = [
    ['0.0.0.0', '', 1],
    ['0.0.0.0', 'https://nexus.example', 0],
    ['127.0.0.1', '', 0],
  ] as const;
  for (const [host, NEXUS_PUBLIC_URL, warnings] of cases) {
    const line = ['serve', '--host', host, '--port', '0', '--data', 'bind-data'];
    const server = startNexus(line, within({ NEXUS_LOG_LEVEL: 'warn', NEXUS_PUBLIC_URL }));
    await server.said(/listening at/);
    server.child.kill('SIGTERM');
    const { code, err } = await server.ended;
    // Nothing but lines of JSON, for whoever collects them.
    const events = err.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).event]));
    const told = events.filter((event) => event === 'config.clear_text').length;
    expect({ host, code, told }).toEqual({ host, code: 0, told: warnings });
  }
});

test('a start that cannot listen, or make its directory, names the setting that asked for it', SLOW, async () => {
  const cases = [
    [['--host', '192.0.2.1'], /cannot listen at port 0 of 192\.0\.2\.1 \(EADDRNOTAVAIL\): NEXUS_HOST /],
    [['--host', 'none.invalid'], /cannot listen at port 0 of none\.invalid \(\w+\): NEXUS_HOST /],
    [
      ['--data', join(place, 'file', 'data')],
      /no directory can be made at \S+ \(ENOTDIR\): choose another by NEXUS_DATA_DIR /,
    ],
  ] as const;
  writeFileSync(join(place, 'file'), '');
  for (const [asked, why] of cases) {
    const line = ['serve', '--port', '0', '--data', 'start-data', ...asked];
    const { code, err } = await nexus(line, within({ NEXUS_LOG_LEVEL: 'silent' }));
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(why) });
  }
});

test('a start whose directory it may not write to, or whose file is no database, names what it is', SLOW, async () => {
  for (const name of ['shut-data', 'odd-data']) mkdirSync(join(place, name), { mode: 0o700 });
  // A superuser may write everywhere, so that start is somebody else's.
  const uid = process.getuid?.() === 0 ? 64_999 : undefined;
  if (uid !== undefined) chownSync(join(place, 'shut-data'), uid, uid);
  chmodSync(join(place, 'shut-data'), 0o500);
  writeFileSync(join(place, 'odd-data', 'nexus.db'), 'words, and no pages of a database at all'.repeat(100));
  const cases = [
    [
      'shut-data',
      uid === undefined ? {} : { uid },
      /shut-data\/server\.lock cannot be used \(.*\): let this user write/,
    ],
    ['odd-data', {}, /odd-data\/nexus\.db cannot be used \(file is not a database\): .*NEXUS_DATABASE_URL/],
  ] as const;
  chmodSync(place, 0o755);
  for (const [data, who, why] of cases) {
    const around = within({ NEXUS_LOG_LEVEL: 'silent' });
    const { code, err } = await nexus(['serve', '--port', '0', '--data', join(place, data)], { ...around, ...who });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(why) });
  }
});

test('what Node and libraries warn of is a line of the log, also what they warn a thread of', SLOW, async () => {
  const own = mkdtempSync(join(place, 'warned-'));
  writeFileSync(
    join(own, 'warn.mjs'),
    `import { isMainThread, parentPort } from 'node:worker_threads';
     const warn = () => process.emitWarning('of something odd');
     if (isMainThread) setInterval(warn, 100).unref();
     else parentPort.once('message', warn);`,
  );
  const around = within({ NODE_OPTIONS: `--import=${join(own, 'warn.mjs')}`, NEXUS_LOG_LEVEL: 'warn' });
  const server = startNexus(['serve', '--port', '0', '--data', join(own, 'data')], around);
  let err = '';
  server.child.stderr?.on('data', (text: string) => {
    err += text;
  });
  await server.said(/listening at/);
  // Those before it came while the program was being loaded.
  const [before = ''] = err.split('{"level"');
  await expect
    .poll(() => err, { timeout: 20_000 })
    .toContain('"event":"process.warning","msg":"Warning: of something odd"');
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
  const text = err
    .slice(before.length)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{'));
  expect(text).toEqual([]);
});

test('who is in no list of users and has no home can use the program', SLOW, async () => {
  const program = join(import.meta.dirname, '../../../../bin/nexus.mjs');
  const uid = process.getuid?.() === 0 ? { uid: 64_999 } : {};
  const { code, err } = await shell(`env -u HOME ${process.execPath} ${program} --version`, { cwd: '/', ...uid });
  expect({ code, err }).toEqual({ code: 0, err: '' });
});

test('a start that fails once the admin key is made shows it, as no later one can', SLOW, async () => {
  const data = ['--port', '0', '--data', 'late-data'];
  for (const word of ['start', 'serve']) {
    rmSync(join(place, 'late-data'), { recursive: true, force: true });
    // Where large bodies are to wait.
    const spool = join(place, 'late-data/blobs/spool');
    mkdirSync(dirname(spool), { recursive: true, mode: 0o700 });
    writeFileSync(spool, '');
    const failed = await nexus([word, ...data], within({}));
    expect(failed.code).toBe(1);
    rmSync(spool);
    const [, key = ''] = /^admin key (sk-\S+)\n$/m.exec(failed.out) ?? [];
    expect(key).not.toBe('');
    const server = startNexus(['serve', ...data], within({ NEXUS_LOG_LEVEL: 'error' }));
    const [, url = ''] = await server.said(/listening at (\S+)\n/);
    expect((await nexus(['key', 'list', '--url', url], within({ NEXUS_API_KEY: key }))).code).toBe(0);
    server.child.kill('SIGTERM');
    expect((await server.ended).out).not.toContain('admin key');
  }
});

test('mistakes of the configuration are one line each, and nothing is opened', SLOW, async () => {
  const env = { NEXUS_PORT: 'abc', NEXUS_DRAIN_SECONDS: '-1', NEXUS_BOOTSTRAP_ADMIN_KEY: 'short', NEXUS_PROT: '1' };
  const { code, out, err } = await nexus(['serve', '--data', 'never'], within(env));
  expect({ code, out }).toEqual({ code: 2, out: '' });
  const lines = err.trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines.map((line) => line.split(':')[0]).sort()).toEqual([
    'NEXUS_BOOTSTRAP_ADMIN_KEY',
    'NEXUS_DRAIN_SECONDS',
    'NEXUS_PORT',
  ]);
  expect(err).not.toContain('short');
  expect(() => statSync(join(place, 'never'))).toThrow('ENOENT');
});

test('config tells where each value comes from, and no secret', SLOW, async () => {
  const own = mkdtempSync(join(place, 'own-'));
  writeFileSync(join(own, '.env'), 'NEXUS_REGION=from-file\nNEXUS_APP_NAME=from-file\n');
  const env = { NEXUS_APP_NAME: 'from-environment', NEXUS_BOOTSTRAP_ADMIN_KEY: SECRET, NEXUS_PROT: '1' };
  const { code, out, err } = await nexus(['config', '--data', 'given'], { ...within(env), cwd: own });
  expect(code).toBe(0);
  const lines = JSON.parse(out) as { name: string; value: string; source: string }[];
  const of = (name: string) => {
    const found = lines.find((line) => line.name === name);
    return [found?.value, found?.source];
  };
  expect(of('NEXUS_REGION')).toEqual(['from-file', '.env']);
  expect(of('NEXUS_APP_NAME')).toEqual(['from-environment', 'environment']);
  expect(of('NEXUS_DATA_DIR')).toEqual(['given', 'argument']);
  expect(of('NEXUS_HOST')).toEqual(['127.0.0.1', 'default']);
  expect(of('NEXUS_BOOTSTRAP_ADMIN_KEY')).toEqual(['***', 'environment']);
  expect(lines.find((line) => line.name === 'NEXUS_LIMIT_PATH_BYTES')).toMatchObject({
    about: expect.stringMatching(/, at least 1$/),
    range: [1, Number.MAX_SAFE_INTEGER],
  });
  expect(lines.find((line) => line.name === 'NEXUS_PORT')).toMatchObject({ range: [1, 65_535] });
  expect(err).toContain('NEXUS_PROT is no setting and is ignored; the nearest is NEXUS_PORT');
  const seen = await nexusOnTerminal(['config'], within(env));
  expect(seen.out).toMatch(/^NAME +VALUE +SOURCE +DEFAULT +MEANING$/m);
  expect(seen.out).not.toContain('9007199254740991');
  expect(seen.out + out + err).not.toContain(SECRET);
});

test('commands that look at what is not there say so, and make nothing', SLOW, async () => {
  const typo = join(place, 'typo');
  const database = `nexus: there is no database at ${join(typo, 'nexus.db')}`;
  const backups = `nexus: There are no backups at ${typo} [BACKUP_NOT_FOUND]`;
  const none = backups;
  for (const [line, code, err] of [
    [['dump', '--data', typo], 1, database],
    [['dump', '--data', typo, '--out', `${typo}.jsonl`], 1, database],
    [['backup', 'list', '--from', typo], 4, backups],
    [['backup', 'verify', 'latest', '--from', typo], 4, none],
    [['backup', 'restore', 'latest', '--from', typo, '--data', `${typo}-too`, '--confirm'], 4, none],
  ] as const) {
    expect(await nexus(line, around)).toMatchObject({ code, out: '', err: expect.stringContaining(err) });
    expect(readdirSync(place).filter((name) => name.startsWith('typo'))).toEqual([]);
  }
});

test('of a database that is not there, all migrations are pending, and none is made', SLOW, async () => {
  const typo = join(place, 'typo');
  const warning = `warning: there is no database at ${join(typo, 'nexus.db')}`;
  const [listed, checked] = [
    await nexus(['migrate', '--status', '--data', typo], around),
    await nexus(['migrate', '--check', '--data', typo], around),
  ];
  for (const { err } of [listed, checked]) expect(err).toContain(warning);
  expect([listed.code, checked.code, existsSync(typo)]).toEqual([0, 1, false]);
  const rows = JSON.parse(listed.out) as { readonly name: string; readonly applied: boolean }[];
  expect(rows[0]).toEqual({ version: 1, name: '0001_ground', applied: false });
  expect(checked.out).toBe(rows.map(({ name }) => `pending: migration ${name}\n`).join(''));
});

test('migrate says what is pending, does it once, and then has nothing to do', SLOW, async () => {
  const data = ['--data', 'migrate-data'];
  mkdirSync(join(place, 'migrate-data'));
  writeFileSync(join(place, 'migrate-data/nexus.db'), '');
  const pending = await nexus(['migrate', '--check', ...data], around);
  expect(pending).toMatchObject({ code: 1, out: expect.stringMatching(/^pending: /) });
  const first = await nexus(['migrate', ...data], around);
  const [, applied, version] = /^applied=(\d+) version=(\d+)\n$/.exec(first.out) ?? [];
  expect(first.code).toBe(0);
  expect((await nexus(['migrate', ...data], around)).out).toBe(`applied=0 version=${version}\n`);
  expect(await nexus(['migrate', '--check', ...data], around)).toMatchObject({ code: 0, out: '' });
  const rows = JSON.parse((await nexus(['migrate', '--status', ...data], around)).out) as {
    applied: boolean;
    version: number;
  }[];
  expect(rows.map((row) => row.applied)).toEqual(rows.map(() => true));
  expect([rows.length, rows.at(-1)?.version]).toEqual([Number(applied), Number(version)]);

  const db = new DatabaseSync(join(place, 'migrate-data/nexus.db'));
  db.exec('DROP INDEX keys_by_zone; ALTER TABLE workers ADD COLUMN mine TEXT');
  db.close();
  const lines = 'missing: index keys_by_zone\nunexpected: column workers.mine\n';
  expect(await nexus(['migrate', '--check', ...data], around)).toMatchObject({ code: 1, out: lines });
  const seen = await nexusOnTerminal(['migrate', '--check', ...data], around);
  expect(seen.out).toMatch(/^PROBLEM +KIND +NAME +WANTED +FOUND\nmissing +index +keys_by_zone +ON keys \(/);
  const { code, out } = await nexus(['migrate', '--check', '--json', ...data], around);
  const gap = new DatabaseSync(join(place, 'migrate-data/nexus.db'));
  gap.exec('DELETE FROM migrations WHERE version = 10');
  gap.close();
  const missed = await nexus(['migrate', '--check', ...data], around);
  expect(missed).toMatchObject({ code: 1, out: expect.stringContaining('pending: migration 0010_tokens\n') });
  const found = { problem: 'unexpected', kind: 'column', name: 'workers.mine', wanted: null, found: 'TEXT' };
  expect([code, JSON.parse(out)]).toMatchObject([1, { ok: false, differences: [{ kind: 'index' }, found] }]);
  const both = await nexus(['migrate', '--status', '--check', ...data], around);
  expect([both.code, JSON.parse(both.out)]).toMatchObject([
    1,
    { ok: false, migrations: rows.map(({ version }) => ({ version })) },
  ]);
});

test('a database out of reach is told, and is the exit code of its fault', SLOW, async () => {
  const away = within({ NEXUS_DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/nexus' });
  const { code, out, err } = await nexus(['migrate', '--check'], away);
  expect([code, out]).toEqual([8, '']);
  expect(err).toMatch(
    /^nexus: No connection to PostgreSQL at 127\.0\.0\.1:1\/nexus: .*ECONNREFUSED.* \[UNAVAILABLE\]\n$/,
  );
});

test('a reader that stalls holds the stop no longer than NEXUS_DRAIN_SECONDS', SLOW, async () => {
  const env = { NEXUS_LOG_LEVEL: 'error', NEXUS_DRAIN_SECONDS: '1', NEXUS_BOOTSTRAP_ADMIN_KEY: SECRET };
  const server = startNexus(['serve', '--port', '0', '--data', 'drain-data'], within(env));
  const [, url = ''] = await server.said(/listening at (\S+)\n/);
  const large = { method: 'PUT', headers: { authorization: `Bearer ${SECRET}` }, body: Buffer.alloc(30_000_000) };
  expect((await fetch(`${url}/api/v2/files/large`, large)).status).toBe(201);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`GET /api/v2/files/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${SECRET}\r\n\r\n`);
  await new Promise((resolve) => socket.once('readable', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
  socket.resume();
  await closed;
  expect(socket.bytesRead).toBeLessThan(30_000_000);
});
