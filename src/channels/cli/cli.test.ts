/** The command line against a server: files, grammar, exit codes, and what people and programs see. */
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlace, type Place } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { nexus, nexusOnTerminal, type Surroundings } from '../../../test/nexus-process.ts';

const SLOW = { timeout: 120_000 };
let server: TestServer;
let place: Place;

beforeAll(async () => {
  server = await startTestServer();
  place = openPlace(server);
});
afterAll(async () => {
  await server.stop();
  place.remove();
});

const run = (line: readonly string[], more: Surroundings = {}) =>
  nexus(line, { ...place.around, ...more, env: { ...place.around.env, ...more.env } });
const see = (line: readonly string[]) => nexusOnTerminal(line, place.around);
/** The JSON answer of a command that has to succeed. */
async function answer(line: readonly string[], more?: Surroundings) {
  const { code, out, err } = await run(line, more);
  if (code !== 0) throw new Error(`nexus ${line.join(' ')}: ${code} ${err}`);
  return JSON.parse(out);
}

test('put, cat and get carry bytes as they are, from files and from standard input', SLOW, async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 128, ...Buffer.from('x'.repeat(200_000))]);
  writeFileSync(join(place.directory, 'raw.bin'), bytes);
  expect(await answer(['put', 'raw.bin', '/bytes/'])).toMatchObject({ path: '/bytes/raw.bin', size: bytes.length });
  await answer(['get', '/bytes/raw.bin', 'back.bin']);
  expect(readFileSync(join(place.directory, 'back.bin')).equals(bytes)).toBe(true);
  await answer(['put', '-', '/bytes/odd name%20?#.txt'], { stdin: 'typed\n' });
  expect((await run(['cat', '/bytes/odd name%20?#.txt', '/bytes/odd name%20?#.txt'])).out).toBe('typed\ntyped\n');
  expect(await run(['put', '-', '/bytes/'])).toMatchObject({ code: 2 });
  expect(await run(['put', 'nowhere.txt', '/x'])).toMatchObject({ code: 2, err: expect.stringContaining('ENOENT') });
  expect(await run(['put', '.', '/x'])).toMatchObject({ code: 2, err: expect.stringContaining('directory') });
});

test('mkdir, mv, cp, rm, ls, stat and tree do what they do in a shell', SLOW, async () => {
  expect((await run(['mkdir', '/w/a'])).code).toBe(4);
  expect(await answer(['mkdir', '-p', '/w/a'])).toMatchObject({ created: true });
  await answer(['put', '-', '/w/a/one.txt'], { stdin: 'one' });
  await answer(['cp', '/w/a/one.txt', '/w/a/two.txt']);
  await answer(['mv', '/w/a/two.txt', '/w/three.txt']);
  expect((await run(['mv', '/w/a/one.txt', '/w/three.txt'])).code).toBe(5);
  await answer(['mv', '-f', '/w/a/one.txt', '/w/three.txt']);
  expect((await run(['cp', '/w', '/w2'])).code).toBe(5);
  expect(await answer(['cp', '-r', '/w', '/w2'])).toMatchObject({ copied: true, files: 1 });
  expect((await run(['rm', '/w2'])).code).toBe(5);
  // Into a directory, under its own name.
  expect(await answer(['cp', '/w/three.txt', '/w2/a/'])).toMatchObject({ path: '/w2/a/three.txt' });
  expect(await answer(['mv', '/w2/a', '/w2/b/'])).toMatchObject({ path: '/w2/b/a' });
  expect(await answer(['mv', '/w2/b/a/three.txt', '/'])).toMatchObject({ path: '/three.txt' });
  await answer(['rm', '-r', '/w2']);
  expect((await answer(['ls', '-R', '/w'])).entries.map((entry: { path: string }) => entry.path)).toEqual([
    '/w/a',
    '/w/three.txt',
  ]);
  expect(await answer(['stat', '/w/three.txt'])).toMatchObject({ size: 3, version: 1 });
  expect((await see(['tree', '/w'])).out).toBe('/w\n├── a/\n└── three.txt\n1 directory, 1 file, 3 B\n');
  expect((await see(['ls', '/w'])).out).toBe('a/\nthree.txt\n');
});

test('history, diff and restore show and bring back what a file was', SLOW, async () => {
  for (const text of ['one\ntwo\n', 'one\n2\n']) await answer(['put', '-', '/h.txt'], { stdin: text });
  expect((await answer(['history', '/h.txt'])).map((one: { version: number }) => one.version)).toEqual([2, 1]);
  const diff = (await see(['diff', '/h.txt'])).out;
  expect(diff).toContain('\n-two\n+2\n');
  await answer(['restore', '/h.txt', '1']);
  expect((await run(['cat', '/h.txt'])).out).toBe('one\ntwo\n');
  expect((await run(['cat', '--version', '2', '/h.txt'])).out).toBe('one\n2\n');
  expect((await see(['diff', '/h.txt', '1', '3'])).out).toBe('versions 1 and 3 have the same content\n');
  expect((await see(['history', '/h.txt'])).out).toMatch(/^VER +REVISION +SIZE +WHEN +WHO +HOW +ETAG\n +3 .*rollback/);
});

test('glob and grep find paths and lines; grep says by its exit code whether anything matched', SLOW, async () => {
  await answer(['put', '-', '/g/a/x.ts'], { stdin: 'first\nNeedle here\n' });
  await answer(['put', '-', '/g/y.md'], { stdin: 'nothing\n' });
  expect((await answer(['glob', '/g/**/*.ts'])).matches).toEqual(['/g/a/x.ts']);
  expect((await answer(['grep', '-i', 'needle', '/g'])).matches).toMatchObject([{ path: '/g/a/x.ts', line: 2 }]);
  expect((await see(['grep', 'Needle', '/g'])).out).toBe('/g/a/x.ts:2:Needle here\n');
  expect((await run(['grep', 'absent', '/g'])).code).toBe(1);
  expect((await run(['grep', '(', '/g'])).code).toBe(2);
});

test('people see tables, programs one JSON document; control characters reach no terminal', SLOW, async () => {
  await answer(['put', '-', '/t/\u009b2Jevil.txt'], { stdin: 'x'.repeat(1536) });
  const long = (await see(['ls', '-l', '/t'])).out;
  expect(long).toMatch(/^ *SIZE +VER +MODIFIED +BY +NAME\n1\.5 KiB +1 .*\\x9b2Jevil\.txt\n$/);
  expect(JSON.parse((await see(['ls', '--json', '/t'])).out).entries).toHaveLength(1);
  const who = (await see(['whoami'])).out;
  expect(who).toMatch(/^role +admin$/m);
  expect(who).not.toMatch(/^agent_id/m);
  expect((await see(['cat', '/\u009b2Jnone'])).out).toContain('File not found: /\\x9b2Jnone');
  expect((await see(['ls', '/nowhere'])).out).toBe('nexus: File not found: /nowhere [FILE_NOT_FOUND]\n');
  const failed = await run(['ls', '/nowhere']);
  expect(failed.out).toBe('');
  const error = { code: 'FILE_NOT_FOUND', message: 'File not found: /nowhere', retryable: false };
  const request_id = expect.any(String);
  expect(JSON.parse(failed.err)).toEqual({ error: { ...error, data: { path: '/nowhere' } }, request_id });
});

test('the exit code tells usage, absence, conflict, denial and no server apart', SLOW, async () => {
  await answer(['put', '-', '/e/f.txt'], { stdin: 'x' });
  const viewer = await server.addKey({ role: 'viewer', grants: [['direct_viewer', '/e']] });
  const lines: readonly (readonly [number, readonly string[], Surroundings?])[] = [
    [2, ['nonsense']],
    [2, ['ls', '--nonsense']],
    [2, ['rm']],
    [2, ['file', 'read', '/../x']],
    [3, ['ls', '--url', 'http://127.0.0.1:1']],
    [4, ['cat', '/none']],
    [5, ['rm', '/e']],
    [6, ['ls', '--key', 'wrong']],
    [6, ['rm', '/e/f.txt'], { env: { NEXUS_API_KEY: viewer } }],
  ];
  for (const [code, line, more] of lines) expect([line, (await run(line, more)).code]).toEqual([line, code]);
  const gone = await run(['ls', '--url', 'http://127.0.0.1:1']);
  expect(gone.err).toBe('nexus: no server answers at http://127.0.0.1:1; start one with: nexus start\n');
});

test('a person is told the next step, in the words of the command', SLOW, async () => {
  await answer(['put', '-', '/hint/d/f.txt'], { stdin: 'x' });
  const stranger = await server.addKey({ subject: 'stranger', role: 'operator' });
  const told = [
    [['rm', '/hint/d'], 'nexus rm -r'],
    [['cp', '/hint/d', '/hint/e'], 'nexus cp -r'],
    [['mv', '/hint/d/f.txt', '/hint/d'], 'give the whole new path'],
    [['mkdir', '/hint/x/y'], 'nexus mkdir -p'],
    [['ls', '/hint', '/more'], 'Usage: nexus ls [PATH]'],
    [['diff', '/hint/d/f.txt'], 'has only version 1'],
    [['ls', '--key', 'wrong'], 'NEXUS_API_KEY'],
    [['ls', '/hint', '--key', stranger], 'they run: nexus share create /hint --relation viewer --user-id YOU'],
    [['rm', '/hint/d/f.txt', '--key', stranger], 'nexus share create /hint/d/f.txt --relation editor'],
    [['key', 'create'], 'nexus key create [NAME] [OPTIONS]; nexus key create --help'],
  ] as const;
  for (const [line, text] of told) expect([line, (await see(line)).out]).toEqual([line, expect.stringContaining(text)]);
  const { error } = JSON.parse((await run(['rm', '/hint/d'])).err);
  expect(error.hint).toContain('nexus rm -r');
});

test('what is missing is named as it is typed, and as missing everywhere', SLOW, async () => {
  for (const [line, told] of [
    [['backup', 'restore', 'latest'], '--confirm is missing'],
    [['share', 'create', '/nope'], '--user-id is missing'],
  ] as const) {
    expect((await see(line)).out).toMatch(new RegExp(`^nexus: ${told} \\[INVALID_PARAMS\\]\n`));
  }
  const { code, err } = await run(['backup', 'restore', 'latest']);
  expect([code, JSON.parse(err).error]).toMatchObject([
    2,
    { code: 'INVALID_PARAMS', message: 'confirm: is missing', data: { issues: [{ path: 'confirm' }] } },
  ]);
});

test('what is no number, URL, key or server of ours is named as that', SLOW, async () => {
  await answer(['put', '-', '/odd.txt'], { stdin: 'x' });
  const cases: readonly (readonly [number, readonly string[], string])[] = [
    [2, ['diff', '/odd.txt', 'x'], 'FROM takes a number, not "x"'],
    [2, ['restore', '/odd.txt', 'old'], 'VERSION takes a number, not "old"'],
    [2, ['ls', '--url', 'somewhere'], '"somewhere" is no URL'],
    [2, ['ls', '--key', 'two\nlines'], 'the key has characters'],
    [4, ['ls', '--url', `${server.url}/below`], 'No route POST /below/api/nfs/list'],
    [2, ['get', '/odd.txt', 'none/of/these'], 'cannot write none/of/these: ENOENT'],
  ];
  for (const [code, line, text] of cases) {
    expect([line, await run(line)]).toEqual([line, { code, out: '', err: expect.stringContaining(text) }]);
  }
  const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const strange = await run(['whoami', '--url', `http://127.0.0.1:${port}`]);
  expect(strange).toMatchObject({ code: 8, err: expect.stringContaining('no answer of a Nexus server: <html>') });
  other.close();
});

test('a path may lack its first slash, and get takes a local directory', SLOW, async () => {
  await answer(['put', '-', 'loose/./f.txt'], { stdin: 'loose' });
  expect((await run(['cat', 'loose/f.txt'])).out).toBe('loose');
  mkdirSync(join(place.directory, 'into'));
  expect(await answer(['get', '/loose/f.txt', 'into'])).toEqual({ path: '/loose/f.txt', local: 'into/f.txt', size: 5 });
  expect(readFileSync(join(place.directory, 'into/f.txt'), 'utf8')).toBe('loose');
});

test('rm of several answers one document, goes on after a failure and ends with its code', SLOW, async () => {
  for (const path of ['/several/a', '/several/b']) await answer(['put', '-', path], { stdin: 'x' });
  expect(await answer(['rm', '/several/a', '/several/b'])).toHaveLength(2);
  for (const path of ['/several/c', '/several/d/e']) await answer(['put', '-', path], { stdin: 'x' });
  const { code, out, err } = await run(['rm', '/several/none', '/several/c', '/several/d']);
  const codes = err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).error.code);
  expect([code, codes]).toEqual([4, ['FILE_NOT_FOUND', 'IS_A_DIRECTORY']]);
  expect(JSON.parse(out)).toMatchObject([{ path: '/several/c', deleted: true }]);
  const away = await run(['rm', '/several/d', '/several/d', '--url', 'http://127.0.0.1:1']);
  expect(away).toMatchObject({ code: 3, err: expect.stringMatching(/^nexus: no server answers.*\n$/) });
});

test('ls of a file lists that file', SLOW, async () => {
  await answer(['put', '-', '/listed/one.txt'], { stdin: 'one' });
  expect((await answer(['ls', '/listed/one.txt'])).entries).toMatchObject([{ path: '/listed/one.txt', size: 3 }]);
  expect((await see(['ls', '/listed/one.txt'])).out).toBe('/listed/one.txt\n');
  expect((await see(['ls', '-l', '/listed/one.txt'])).out).toMatch(/NAME\n +3 B +1 .* \/listed\/one\.txt\n$/);
});

test('get leaves what was there when the connection breaks, and keeps links and modes', SLOW, async () => {
  const broken = createServer(({ url }, response) => {
    if (url?.endsWith('/other')) response.setHeader('etag', `"${'a'.repeat(64)}"`).end('other bytes');
    else response.writeHead(200, { 'content-length': 1000 });
    if (!response.writableEnded) response.write('half', () => setTimeout(() => response.destroy(), 50));
  }).listen(0, '127.0.0.1');
  await once(broken, 'listening');
  const from = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
  const into = join(place.directory, 'whole');
  mkdirSync(into);
  writeFileSync(join(into, 'old.txt'), 'old', { mode: 0o640 });
  symlinkSync('old.txt', join(into, 'link'));
  for (const local of ['whole/old.txt', 'whole/new.txt', 'whole/link']) {
    const { code, out, err } = await run(['get', '/x', local, '--url', from]);
    expect([code, out, err]).toEqual([
      1,
      '',
      expect.stringContaining(`/x did not arrive whole, and ${local} is as it`),
    ]);
  }
  const other = await run(['get', '/other', 'whole/old.txt', '--url', from]);
  expect(other).toMatchObject({
    code: 1,
    err: expect.stringMatching(/as it was: its bytes are not those of its hash/),
  });
  broken.close();
  expect([readdirSync(into), readFileSync(join(into, 'old.txt'), 'utf8')]).toEqual([['link', 'old.txt'], 'old']);
  await answer(['put', '-', '/whole.txt'], { stdin: 'whole' });
  await answer(['get', '/whole.txt', 'whole/link']);
  expect(lstatSync(join(into, 'link')).isSymbolicLink()).toBe(true);
  expect([readFileSync(join(into, 'old.txt'), 'utf8'), statSync(join(into, 'old.txt')).mode & 0o777]).toEqual([
    'whole',
    0o640,
  ]);
  expect(await answer(['get', '/whole.txt', '/dev/null'])).toMatchObject({ size: 5 });
});

test('an upload that is refused at its head ends at once', SLOW, async () => {
  const began = performance.now();
  const { code } = await run(['put', '-', '/refused', '--key', 'wrong'], { stdin: 'x'.repeat(20_000_000) });
  expect(code).toBe(6);
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('an option that takes an etag or true sends true as the boolean', SLOW, async () => {
  const write = ['file', 'write', '/once.txt', 'x'];
  for (const given of ['true', '*']) {
    await answer([...write, `--if-none-match=${given}`]);
    expect((await run([...write, `--if-none-match=${given}`])).code).toBe(5);
    await answer(['rm', '/once.txt']);
  }
  await answer([...write, '--if-none-match=false']);
  const { etag } = await answer(['stat', '/once.txt']);
  expect((await run([...write, `--if-match=${JSON.stringify(['other'])}`])).code).toBe(5);
  await answer([...write, `--if-match=${JSON.stringify(['other', etag])}`]);
  await answer([...write, `--if-match=${etag}`]);
  expect((await answer(['file', 'glob', '/once*', '--exclude=[n-p]*.txt'])).matches).toEqual([]);
});

test('a quota that is reached has an exit code of its own', SLOW, async () => {
  await server.addZone('small-zone', { max_storage_bytes: 10 });
  const key = await server.addKey({ zone_id: 'small-zone', grants: [['direct_owner', '/']] });
  const { code } = await run(['put', '-', '/big.txt'], { stdin: 'x'.repeat(100), env: { NEXUS_API_KEY: key } });
  expect(code).toBe(7);
});

test('noun and verb stand in either order, the noun in either number; a slip names the nearest', SLOW, async () => {
  await answer(['file', 'write', '/n/a.txt', 'text']);
  for (const words of ['list file', 'file list', 'list files', 'files list']) {
    expect([words, (await answer([...words.split(' '), '/n'])).files]).toEqual([words, ['/n/a.txt']]);
  }
  expect((await answer(['--url', server.url, 'ls', '/n'])).entries).toHaveLength(1);
  expect((await run(['lss'])).err).toBe('nexus: no command "lss"; the nearest is "ls"\n');
  expect((await run(['mp'])).err).toBe('nexus: no command "mp"; the nearest are "mv", "cp" and "mcp"\n');
  expect((await run(['lists', 'file'])).err).toContain('the nearest is "file list"');
  expect((await run(['file', 'raed', '/x'])).err).toContain('the nearest is "file read"');
  expect((await run(['zone'])).err).toMatch(/^nexus: zone needs a verb: .*\bcreate, .*\blist\b/);
  expect((await run(['ls', '--lnog'])).err).toMatch(/^nexus: no option --lnog; the nearest is --long\n/);
});

test.each([
  ['jobs show', 'job get ID'],
  ['events tail', 'event follow [PATH]'],
  ['snapshot list', 'tree-snapshot list'],
  ['delete snapshots', 'tree-snapshot delete ID'],
])('%s is understood as %s', async (typed, meant) => {
  expect((await run([...typed.split(' '), '--help'])).out.split('\n')[0]).toBe(`nexus ${meant}`);
});

test.each([
  [['worker', '--bogus'], 'no option --bogus'],
  [['worker', '--max-jobs', '0'], '--max-jobs takes a whole number from 1 up, not "0"'],
  [['worker', '--max-jobs', 'x'], '--max-jobs takes a number, not "x"'],
  [['worker', '--max-jobs'], '--max-jobs needs a value'],
  [['worker', '--max-jobs', '--once'], '--max-jobs needs a value; one that begins with - is written --max-jobs=-…'],
  [['worker', '--once=yes'], '--once takes no value'],
  [['worker', 'extra'], 'worker takes no "extra"'],
])('%j has not the form of its command, whose usage is told', SLOW, async (line, said) => {
  expect(await run(line)).toMatchObject({
    code: 2,
    out: '',
    err: `nexus: ${said}\nUsage: nexus worker [--data TEXT] [--once] [--max-jobs NUMBER]\nSee nexus worker --help\n`,
  });
});

test('a usage of many options is broken between them', SLOW, async () => {
  const { err } = await run(['file', 'write']);
  const [said, first, second] = err.split('\n');
  expect(said).toBe('nexus: file write needs PATH');
  expect(first).toMatch(/^Usage: nexus file write PATH CONTENT( \[--[a-z-]+ [A-Z]+\])+$/);
  expect(second).toMatch(/^ {7}\[--/);
});

test('help is there at every level', SLOW, async () => {
  for (const line of [['--help'], ['help'], ['-h']]) expect((await run(line)).out).toContain('Nouns');
  expect((await run(['zones', '--help'])).out).toContain('zone create NAME');
  expect((await run(['help', 'ls'])).out).toMatch(/^nexus ls \[PATH\]\n[\s\S]*--long, -l/);
  expect((await run(['zone', 'list', '--help'])).out).toMatch(/^nexus zone list\n[\s\S]*--limit NUMBER/);
  const mount = (await run(['mount', 'add', '--help'])).out;
  expect(mount).toMatch(
    /\nArguments\n {2}MOUNT_POINT +where [\s\S]*\n {2}BACKEND_CONFIG +what .*, as JSON\n\nOptions\n {2}--priority /,
  );
  for (const given of ['--mount-point', '--backend-']) expect(mount).not.toContain(given);
  const brief = (await run(['mount', 'add'])).err;
  expect(brief).toMatch(/Usage: nexus mount add MOUNT_POINT BACKEND_TYPE BACKEND_CONFIG \[--priority NUMBER\]/);
  expect(brief).not.toContain('[--mount-point');
  const tree = (await run(['tree', '--help'])).out;
  expect(tree).toMatch(/^nexus tree \[PATH\]/);
  expect(tree).toContain('tree restore');
});

test('JSON comes as text, from a file or standard input; bad JSON names its position', SLOW, async () => {
  const files = '[["/j/a", "1"], ["/j/b", "2"]]';
  writeFileSync(join(place.directory, 'files.json'), files);
  for (const given of [files, '@files.json', '-']) {
    expect(await answer(['file', 'write-batch', given], { stdin: files })).toHaveLength(2);
  }
  const bad = await run(['file', 'write-batch', '[["/j/a", ]]']);
  expect(bad.code).toBe(2);
  expect(bad.err).toMatch(/^nexus: FILES is not JSON at position 10 \(line 1 column 11\): Unexpected token/);
  const late = await run(['file', 'write-batch', '-'], { stdin: '[\n  ["/j/é", "1"],\n  ["/j/b" "2"]\n]' });
  expect(late.err).toContain('position 29 (line 3 column 11)');
  const cut = await run(['file', 'write-batch', '[["/j/a", "1"']);
  expect(cut.err).toContain('position 13 (line 1 column 14)');
  expect((await run(['file', 'write-batch', '@none.json'])).code).toBe(2);
});

test('health and features are told without a key', SLOW, async () => {
  const nobody = { env: { NEXUS_API_KEY: '' } };
  expect(await answer(['health'], nobody)).toMatchObject({ status: 'healthy', nodes: [{ status: 'healthy' }] });
  expect((await answer(['health', '--detailed'], nobody)).components.sql).toMatchObject({ status: 'healthy' });
  expect((await answer(['features'], nobody)).enabled_bricks).toContain('permissions');
  expect((await run(['health', '--url', 'http://127.0.0.1:1'])).code).toBe(3);
  const starting = createServer((_request, response) => response.writeHead(503).end('{"status":"starting"}'));
  await once(starting.listen(0, '127.0.0.1'), 'listening');
  const { port } = starting.address() as AddressInfo;
  expect(await run(['health', '--url', `http://127.0.0.1:${port}`])).toMatchObject({
    code: 8,
    out: '{"status":"starting"}\n',
  });
  starting.close();
});

test('doctor looks at what is truly active', SLOW, async () => {
  const { ok, checks } = await answer(['doctor']);
  expect(ok).toBe(true);
  expect(checks.map((check: { name: string }) => check.name)).toEqual(
    expect.arrayContaining(['server', 'clock', 'permissions', 'key', 'files', 'sql', 'blobs']),
  );
  expect(checks.find((check: { name: string }) => check.name === 'backups').detail).toMatch(
    /^none at \/.*; none is scheduled: nexus backup configure$/,
  );
  expect(checks.find((check: { name: string }) => check.name === 'contents').detail).toMatch(/^0 damaged; /);
  expect((await server.ok('list', { path: '/' })).files.filter((path: string) => path.includes('doctor'))).toEqual([]);
  const blind = await run(['doctor'], { env: { NEXUS_API_KEY: 'wrong-key-0000000' } });
  expect(blind.code).toBe(1);
  expect((await run(['doctor', '--url', 'http://127.0.0.1:1'])).code).toBe(3);
});
