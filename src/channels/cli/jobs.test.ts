/** Jobs on the command line: tables of what people want to know, colours where there are any, JSON for programs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Typing, typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { JOB_LINES } from './commands.ts';
import { fromNow, took } from './shell/job-texts.ts';
import { jobCommands } from './shell/jobs.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_WORKER_POLL_SECONDS: '0.1' } });
});
afterAll(() => server.stop());

const type = (line: readonly string[], how?: Typing) => typeLine(server, line, how);
const lines = (text: string): string[] => text.trimEnd().split('\n');

test('a task that failed is shown with its attempts, in a list and as the job that it is', async () => {
  const payload = JSON.stringify({ value: 'x', fail_attempts: 9 });
  const asked = ['scheduler', 'submit', 'nexus', 'echo', '--payload', payload, '--max-attempts', '1'];
  const made = await type(asked, { json: true });
  const { id } = JSON.parse(made.out) as { id: string };
  const task = await type(['scheduler', 'get', id, '--wait-seconds', '60']);
  expect(task.code).toBe(0);
  expect(lines(task.out)).toEqual([
    `task      ${id}`,
    'executor  nexus',
    'type      echo',
    'status    failed',
    'error     Attempt 1 of 9 that were to fail',
    `payload   ${payload}`,
    'priority  normal',
    'by        admin',
    expect.stringMatching(/^created {3}(now|\d+s ago)$/),
    '',
    expect.stringMatching(/^TRY {2}STATUS {2}HELD BY +WHEN +ERROR$/),
    expect.stringMatching(/^1\/1 {2}failed {2}\S+ +(now|\d+s ago) +Attempt 1 of 9 that were to fail$/),
  ]);
  expect((await type(['list', 'schedulers'])).out).toMatch(
    new RegExp(`^${id}  nexus     echo  failed  normal    1/1  admin  (now|\\d+s ago)$`, 'm'),
  );
  const job = await type(['jobs', 'get', id], { color: true });
  expect(job.out).toContain('\u001b[31mfailed\u001b[0m');
  const list = await type(['jobs', 'list', '--job-type', 'echo']);
  expect(lines(list.out)).toEqual([
    expect.stringMatching(/^JOB +TYPE {2}STATUS {2}TRY {2}BY +WHEN$/),
    expect.stringMatching(new RegExp(`^${id}  echo  failed  1/1  admin  (now|\\d+s ago)$`)),
  ]);
  const again = await type(['job', 'retry', id]);
  expect(again.out).toMatch(/^status +queued$/m);
  expect((await type(['job', 'list', '--job-type', 'echo', '--limit', '1'])).err).toBe(
    '… 1 of 2 jobs, more: --offset 1\n',
  );
  const events = await type(['event', 'list', '--limit', '1000']);
  expect(events.out).toMatch(new RegExp(`#\\d+  job.failed  job ${id} echo  admin$`, 'm'));
});

test('schedules, workers, nodes and types are tables of what matters, and nothing is said to be there where nothing is', async () => {
  expect((await type(['schedule', 'list'])).err).toBe('nothing\n');
  const cron = ['schedule', 'create', 'nightly', '0 3 * * *', 'nexus', 'echo', '--payload', '{"value":1}'];
  expect((await type(cron)).code).toBe(0);
  expect(lines((await type(['schedules', 'list'])).out)).toEqual([
    expect.stringMatching(/^SCHEDULE +NAME +CRON +TIME ZONE +RUNS +NEXT +LAST +SKIPPED$/),
    expect.stringMatching(/^\S+ {2}nightly {2}0 3 \* \* \* {2}UTC +nexus echo {2}(now|in .+)$/),
  ]);
  expect(lines((await type(['worker', 'list'], { color: true })).out)[1]).toMatch(/embedded {2}\u001b\[32mactive/);
  const nodes = await type(['node', 'list']);
  expect(lines(nodes.out)).toEqual([
    expect.stringMatching(/^NODE +STATUS +REGION +VERSION +LAST SEEN$/),
    expect.stringMatching(/^\S+ {2}healthy +\S+ +(now|\d+s ago)$/),
  ]);
  expect(nodes.err).toBe('healthy: 1 of 1 serve\n');
  expect(lines((await type(['scheduler', 'types'])).out)[1]).toMatch(/^echo +operator +Answers its value/);
  const claimed = await type(['scheduler', 'claim', 'nobody']);
  expect(claimed).toEqual({ code: 0, out: '', err: 'nothing\n' });
});

test('programs get what the server answered', async () => {
  const { out } = await type(['worker', 'list'], { json: true });
  expect(JSON.parse(out)).toMatchObject({ workers: [{ kind: 'embedded', slots: 4 }] });
  expect(JSON.parse((await type(['job', 'list'], { json: true })).out)).toMatchObject({ offset: 0, limit: 100 });
  expect((await type(['job', 'get', 'never'])).code).toBe(4);
});

test('each command that is shown in its own way is loaded for that', () => {
  expect([...JOB_LINES].sort()).toEqual(jobCommands.map(({ words }) => words).sort());
});

describe('times', () => {
  const now = Date.UTC(2030, 0, 1);
  const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString();

  test.each([
    [0, 'now'],
    [-1, '1s ago'],
    [100, 'in 1m 40s'],
    [-3600, '1h ago'],
    [7500, 'in 2h 5m'],
  ])('%i seconds from now are %s', (seconds, text) => {
    expect(fromNow(at(seconds), now)).toBe(text);
  });

  test('what is far away is a date, and what is not there is nothing', () => {
    expect(fromNow(at(86_400), now)).toMatch(/^2030-01-0\d /);
    expect(fromNow(null, now)).toBe('');
    expect([took(null), took(12), took(1_540), took(61_000)]).toEqual(['', '12ms', '1.5s', '1m 1s']);
  });
});
