/** Agents at the command line: tables for people, documents for programs, and failures that say what to do. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { typeLine } from '../../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../../test/harness.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
});
afterAll(() => server.stop());

/** As a person sees it, without colours. */
const see = (...line: string[]) => typeLine(server, line, { json: line.includes('--json') });

test('a day of an agent', async () => {
  expect((await see('agents', 'list')).err).toBe('nothing\n');
  const made = await see(
    'agent',
    'register',
    'scout',
    'The Scout',
    '--capabilities',
    'search,read',
    '--generate-api-key',
  );
  expect(made.out).toMatch(/^agent_id +scout$/m);
  expect(made.out).toMatch(/^key {2}sk-root_scout_\S+$/m);
  expect(made.err).toBe('Keep the key: it is shown this once.\n');
  expect((await see('agent', 'register', 'scout', 'The Scout')).err).toMatch(/registered already/);
  const shown = (await see('agents', 'list')).out;
  expect(shown).toMatch(/^AGENT +NAME +STATE +GEN +HEARD +KEY +USER +CAN$/m);
  expect(shown).toMatch(/^scout +The Scout +UNKNOWN +0 +yes +admin +read, search$/m);
  expect((await see('agent', 'set-spec', 'scout', 'crawler', '--capabilities', '["crawl"]')).out).toMatch(/crawl/);
  expect((await see('agent', 'set-spec', 'scout', 'crawler', '--capabilities', '[')).code).toBe(2);
  expect((await see('agent', 'transition', 'scout', 'CONNECTED')).code).toBe(0);
  const usage = '{"tokens_used":7,"context_usage_pct":12.5}';
  await see('agent', 'heartbeat', 'scout', '--activity', 'thinking', '--resource-usage', usage);
  const status = (await see('agent', 'status', 'scout')).out;
  expect(status).toMatch(/^phase +thinking$/m);
  expect(status).toMatch(/^state +CONNECTED, generation 1$/m);
  expect(status).toMatch(/^uses +7 tokens, 0 MB, 12\.5 % of its context$/m);
  expect(status).toMatch(/^SpecAccepted +True +\S+ \S+ +Accepted: Generation 1 is wanted$/m);
  await see('inbox', 'provision', 'scout');
  await see('inbox', 'send', 'admin', 'scout', 'note', '--payload', '{"text":"hi"}');
  expect((await see('inbox', 'list', 'scout')).out).toMatch(/admin +note +\S+ +\{"text":"hi"\}$/m);
  const page = JSON.parse((await see('agent', 'list', '--capability', 'crawl', '--json')).out);
  expect(page).toMatchObject({ agents: [{ agent_id: 'scout', stale: false }], total: 1, has_more: false });
  expect((await see('agent', 'delete', 'scout')).code).toBe(0);
});

test('failures name what is wrong and end with their code', async () => {
  expect(await see('agent', 'get', 'nobody')).toMatchObject({
    code: 4,
    err: expect.stringMatching(/Agent not found: nobody/),
  });
  await see('agent', 'register', 'cold', 'Cold');
  const warmup = await see('agent', 'warmup', 'cold');
  expect(warmup).toMatchObject({ code: 2, err: expect.stringMatching(/failed at load_spec: no spec was given yet/) });
  const moved = await see('agent', 'transition', 'cold', 'IDLE');
  expect(moved).toMatchObject({ code: 5, err: expect.stringMatching(/Invalid transition: UNKNOWN → IDLE/) });
  expect(await see('agent', 'transition', 'cold', 'ASLEEP')).toMatchObject({ code: 2 });
  const pages = await see('agent', 'list', '--limit', '1');
  expect(pages.err).toBe('');
  await see('agent', 'register', 'warm', 'Warm');
  expect((await see('agent', 'list', '--limit', '1')).err).toMatch(/^1 of 2\n… more: --cursor \S+\n$/);
});
