/** Bricks on the command line: a table, what came of a change, and how a command says that its brick is off. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Typing, typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { BRICK_LINES } from './commands.ts';
import { brickViews } from './shell/brick-views.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const type = (line: string, how?: Typing) => typeLine(server, line.split(' '), how);
const lines = (text: string): string[] => text.trimEnd().split('\n');

test('a list, a change and what is off', async () => {
  const before = lines((await type('brick list')).out);
  expect(before[0]).toMatch(/^BRICK +STATE +SINCE +ESSENTIAL +REQUIRES +WHAT$/);
  expect(before).toContainEqual(expect.stringMatching(/^ipc +active +\d{4}-\d\d-\d\d \d\d:\d\d +inboxes of agents$/));
  expect(before.at(-1)).toMatch(/^kernel +active +\S+ \S+ +yes +zones, /);
  expect(await type('brick unmount ipc')).toEqual({ code: 0, out: 'ipc is unmounted\n', err: '' });
  expect((await type('brick unmount ipc')).out).toBe('ipc is unmounted, as it was\n');
  const after = await type('bricks list', { color: true });
  expect(after.out).toMatch(/ipc +\u001b\[2munmounted/);
  expect(after.err).toMatch(/^\d+ of \d+ active; bring one back: nexus brick mount NAME\n$/);
  const refused = await type('inbox count anybody');
  expect([refused.code, refused.err]).toEqual([8, expect.stringContaining('nexus brick mount ipc')]);
  expect((await type('doctor')).out).toMatch(/^ok +bricks +off: ipc; nexus brick mount NAME$/m);
  expect((await type('brick unmount kernel')).code).toBe(5);
  expect((await type('brick get none')).code).toBe(4);
  expect((await type('brick mount ipc')).out).toBe('ipc is active\n');
  const { err } = await type('brick reset search');
  expect(err).toMatch(/^what it had derived is made again: nexus job get \S+\n$/);
  expect((await type('doctor')).out).toMatch(/^ok +bricks +all \d+ active$/m);
  expect(JSON.parse((await type('brick list', { json: true })).out)).toMatchObject({ failed: 0 });
});

test('each command that is shown in its own way is loaded for that', () => {
  expect([...BRICK_LINES].sort()).toEqual(brickViews.map(({ words }) => words).sort());
});
