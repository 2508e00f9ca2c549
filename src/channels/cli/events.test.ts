/** The event log on the command line: a line an event for people, in colour where that is wanted, JSON for programs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Typing, typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
let viewer: string;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok('write', { path: '/docs/a.md', content: 'one' });
  await server.ok('rename', { old_path: '/docs/a.md', new_path: '/docs/äb.md' });
  await server.ok('delete', { path: '/docs/äb.md' });
  viewer = await server.addKey({ role: 'viewer' });
});
afterAll(() => server.stop());

const type = (line: string, how?: Typing) => typeLine(server, line.split(' '), how);

const clock = /^\d\d:\d\d:\d\d {2}/;
/** Without the times. */
const linesOf = (out: string): string[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(clock, ''));

test('people read a line for each event, newest first in a list and oldest first in a replay', async () => {
  const list = await type('events list --limit 2');
  expect(list.code).toBe(0);
  expect(linesOf(list.out)).toEqual([
    '#3  delete   /docs/äb.md  admin',
    '#2  rename   /docs/a.md → /docs/äb.md  admin',
  ]);
  expect(list.err).toMatch(/^… more: --cursor \S+\n$/);
  const replay = await type('event replay --lines --event-types write,file_rename');
  expect(linesOf(replay.out)).toEqual([
    '#1  write    /docs/a.md  admin',
    '#2  rename   /docs/a.md → /docs/äb.md  admin',
  ]);
  expect(await type('event list', { key: viewer })).toEqual({ code: 0, out: '', err: 'nothing\n' });
});

test('who follows sees what comes, until he has seen enough', async () => {
  const following = type('events follow /live/** --tail 0 --take 2');
  while (server.running.server.streams.size === 0) await new Promise(setImmediate);
  await server.ok('write', { path: '/other', content: 'x' });
  await server.ok('write', { path: '/live/one', content: 'x' });
  expect((await type('event publish app.built --path /live/two --data {"ok":true}')).code).toBe(0);
  const { code, out } = await following;
  expect(code).toBe(0);
  expect(linesOf(out).map((line) => line.replace(/^#\d+/, '#'))).toEqual([
    '#  write    /live/one  admin',
    '#  app.built  /live/two {"ok":true}  admin',
  ]);
});

test('programs read a JSON document a line, and terminals show colours', async () => {
  const { out } = await type('event follow --last-event-id 0 --take 3', { json: true });
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map(({ type: what, path }) => [what, path])).toEqual([
    ['write', '/docs/a.md'],
    ['rename', '/docs/äb.md'],
    ['delete', '/docs/äb.md'],
  ]);
  const shown = await type('event follow --last-event-id 0 --take 3', { color: true });
  expect(shown.out).toContain('\u001b[32mwrite');
  expect(shown.out).toContain('\u001b[31mdelete');
});

test('what is wrong is said, with the exit code of the fault', async () => {
  expect((await type('event follow [ --take 1')).code).toBe(2);
  expect((await type('event publish other.kind')).code).toBe(6);
  expect((await type('event publish app.built', { key: viewer })).code).toBe(6);
});
