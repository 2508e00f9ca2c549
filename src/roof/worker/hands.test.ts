/** The order in which a worker may hear of one claim twice. */
import { expect, test } from 'vitest';
import { forEachEngine, startTestServer } from '../../../test/harness.ts';
import { Hands } from './hands.ts';

test('an attempt is begun once, and again when its end was told and it is another', () => {
  const hands = new Hands();
  expect([hands.begin('a', 1), hands.begin('a', 1), hands.begin('b', 1)]).toEqual([true, false, true]);
  hands.drop('a', 2);
  expect(hands.begin('a', 1)).toBe(false);
  expect(hands.begin('a', 2)).toBe(true);
  hands.drop('a', 1);
  expect(hands.begin('a', 2)).toBe(false);
  hands.drop('a', 2);
  expect(hands.begin('a', 2)).toBe(true);
});

test.each([
  ['was in hand when it was asked for', ['begin', 'ask']],
  ['began while it was asked for', ['ask', 'begin']],
  ['began and ended while it was asked for', ['ask', 'begin', 'drop']],
] as const)('an answer says nothing new of what %s', (_what, order) => {
  const hands = new Hands();
  let isNews = hands.ask('other');
  for (const act of order) {
    if (act === 'ask') isNews = hands.ask('a');
    else if (act === 'begin') hands.begin('a', 1);
    else hands.drop('a', 1);
  }
  expect(isNews()).toBe(false);
});

test('an answer about what nobody has begun is news, also where its end was told before it was asked', () => {
  const hands = new Hands();
  hands.begin('a', 1);
  hands.drop('a', 1);
  hands.begin('b', 1);
  const isNews = hands.ask('a');
  hands.begin('b', 2);
  expect(isNews()).toBe(true);
});

forEachEngine('a server whose jobs are submitted beside reads', (engine) => {
  test('runs each attempt once, and keeps up', { timeout: 60_000 }, async () => {
    const failed: string[] = [];
    const environment = { NEXUS_EMBEDDED_WORKER: 'true' };
    const log = (level: string, event: string) => level !== 'info' && failed.push(event);
    const server = await startTestServer({ engine, environment, log });
    const body = JSON.stringify({ job_type: 'echo', max_attempts: 1, payload: { value: 1 } });
    const headers = { 'content-type': 'application/json' };
    let open = true;
    const submits = Array.from({ length: 5 }, async () => {
      for (let n = 0; n < 100; n++) {
        const sent = await server.http('/api/v1/jobs/submit', { method: 'POST', headers, body });
        expect(sent.status).toBe(200);
      }
    });
    const reads = ['/api/v1/jobs', '/api/v2/audit', '/api/v1/jobs', '/api/v2/audit'].map(async (path) => {
      while (open) await (await server.http(path)).text();
    });
    await Promise.all(submits);
    open = false;
    await Promise.all(reads);
    const succeeded = async () => {
      const page = await (await server.http('/api/v1/jobs?job_type=echo&status=succeeded&limit=1')).json();
      return (page as { total: number }).total;
    };
    await expect.poll(succeeded, { timeout: 20_000 }).toBe(500);
    expect(failed.filter((event) => event.startsWith('worker') || event.startsWith('job'))).toEqual([]);
    await server.stop();
  });
});
