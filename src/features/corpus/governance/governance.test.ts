/** Decisions by route: who may ask for them, what the log and the list have of them, and that policies are made once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import type { Log } from '../../../base/log.ts';
import { hashOf } from '../text/rules.ts';
import type { ListedDecision } from './decisions.ts';
import { findPolicy, seedPolicies } from './policies.sql.ts';

const OPERATOR = 'operator-key-of-tests';
const RESEARCHER = 'researcher-of-tests-1';
const environment = { NEXUS_BOOTSTRAP_OPERATOR_KEY: OPERATOR, NEXUS_BOOTSTRAP_RESEARCHER_KEY: RESEARCHER };

interface Body extends Partial<ListedDecision> {
  readonly decisions: readonly ListedDecision[];
  readonly entries: readonly { readonly id: string; readonly actor: string; readonly details: unknown }[];
  readonly detail?: string;
  readonly code?: string;
}

forEachEngine('governance', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment });
  });
  afterAll(() => server.stop());

  const ask = async (path: string, { key, body }: { key: string; body?: unknown }) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await server.http(path, { headers, ...sent });
    return { status: answer.status, body: (await answer.json()) as Body };
  };
  const evaluate = (body: unknown, key = OPERATOR) => ask('/api/v1/governance/evaluate', { key, body });
  const list = async (query = '') => {
    const { body } = await ask(`/api/v1/audit/policy-decisions${query}`, { key: OPERATOR });
    return body.decisions;
  };

  test('a decision is a row of the log, and the list is a view of these', async () => {
    const text = `${'é'.repeat(236)} Kill`;
    const { status, body } = await evaluate({ candidate_output: text, mode: 'PUBLIC', more: 1 });
    const hit = { term: 'kill', start: 237, end: 241, matched_text: 'Kill', rule: 'blocked_terms', mode: 'PUBLIC' };
    const decision_trace = {
      mode: 'PUBLIC',
      policy_version: 1,
      hard_block_threshold: 1,
      hits: [hit],
      mode_rationale: 'PUBLIC blocks flagged terms',
      redaction_style: '[REDACTED]',
      allow: false,
    };
    const { audit_id } = body;
    const told = { allow: false, policy_hits: ['kill'], redactions: ['kill'], decision_trace };
    expect({ status, body }).toEqual({ status: 200, body: { ...told, audit_id } });
    const again = await evaluate({ candidate_output: text, mode: 'RAW' }, RESEARCHER);
    expect(again.body).toMatchObject({ allow: true, policy_hits: ['kill'] });
    expect(await list('?limit=2')).toEqual([
      expect.objectContaining({ id: again.body.audit_id, audit_id: again.body.audit_id, mode: 'RAW', allow: true }),
      { id: audit_id, audit_id, mode: 'PUBLIC', ...told, created_at: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    const filter = 'action=governance.evaluate&actor=system';
    const { entries } = (await (await server.http(`/api/v2/audit?${filter}`)).json()) as Body;
    expect(entries.find(({ id }) => id === audit_id)).toMatchObject({
      details: {
        ...told,
        mode: 'PUBLIC',
        policy_version: 1,
        input_hash: hashOf(text),
        input_preview: text.slice(0, 240),
      },
    });
    expect(JSON.stringify(entries)).not.toContain(text);
  });

  test('refuses in the order of the door, and refusals are no decisions', async () => {
    const before = await list();
    expect(await evaluate({ candidate_output: 'x', mode: 'RAW' })).toMatchObject({
      status: 403,
      body: { detail: "Role 'operator' is not allowed to execute mode 'RAW'", code: 'forbidden' },
    });
    expect((await evaluate({ candidate_output: 'x', mode: 'raw' }, RESEARCHER)).status).toBe(422);
    expect((await evaluate({ mode: 'PUBLIC' })).status).toBe(422);
    const viewer = await server.addKey({ role: 'viewer' });
    expect((await evaluate({}, viewer)).status).toBe(403);
    expect((await ask('/api/v1/audit/policy-decisions', { key: viewer })).status).toBe(403);
    for (const query of ['?limit=0', '?limit=1001']) {
      expect((await ask(`/api/v1/audit/policy-decisions${query}`, { key: OPERATOR })).status).toBe(422);
    }
    expect(await list()).toEqual(before);
  });

  test('decisions of another zone are not listed, and have its numbers', async () => {
    await server.addZone('other');
    const key = await server.addKey({ zone_id: 'other' });
    const { body } = await evaluate({ candidate_output: 'x', mode: 'PUBLIC' }, key);
    expect(body.audit_id).toMatch(/^other:\d+$/);
    const { body: listed } = await ask('/api/v1/audit/policy-decisions', { key });
    expect(listed.decisions.map(({ id }) => id)).toEqual([body.audit_id]);
    expect((await list()).map(({ id }) => id)).not.toContain(body.audit_id);
  });

  test('many at once have a row each', async () => {
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, n) => evaluate({ candidate_output: `kill ${n}`, mode: 'PUBLIC' })),
    );
    const ids = answers.map(({ body }) => body.audit_id);
    expect(new Set(ids).size).toBe(24);
    const listed = await list('?limit=24');
    expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(ids));
  });

  test('a text of megabytes is judged beside the event loop', async () => {
    const { body } = await evaluate({ candidate_output: `${'No harm. '.repeat(300_000)}bioweapon`, mode: 'PUBLIC' });
    expect(body).toMatchObject({ policy_hits: ['bioweapon'] });
    expect(body.decision_trace?.hits).toMatchObject([{ start: 2_700_000, end: 2_700_009 }]);
  });

  test('a policy is made once, and a mode without one is refused', async () => {
    const seed = (terms: readonly string[]) => server.sql.write('root', (tx) => seedPolicies(tx, terms, 1));
    expect(await Promise.all([seed([' Other ']), seed(['other'])])).toEqual([
      ['PUBLIC', 'RAW'],
      ['PUBLIC', 'RAW'],
    ]);
    const stored = await server.sql.read((tx) => findPolicy(tx, 'PUBLIC'));
    expect(stored?.terms).toContain('kill');
    expect(await seed(stored?.terms ?? [])).toEqual([]);
    await server.sql.write('root', (tx) => tx.run("DELETE FROM corpus_policies WHERE mode = 'RAW'"));
    expect(await evaluate({ candidate_output: 'x', mode: 'RAW' }, RESEARCHER)).toMatchObject({
      status: 400,
      body: { detail: 'Policy for mode RAW not found', code: 'bad_request' },
    });
    expect(await seed(stored?.terms ?? [])).toEqual([]);
    expect((await evaluate({ candidate_output: 'x', mode: 'RAW' }, RESEARCHER)).status).toBe(200);
  });

  test('a start says that the configuration has other terms than the policies', async () => {
    const warned: string[] = [];
    const log: Log = (_level, event) => warned.push(event);
    const terms = { ...environment, NEXUS_PUBLIC_BLOCKED_TERMS: '["one", " ONE", "two"]' };
    const first = await startTestServer({ engine, environment: terms, log });
    expect(warned).toContain('corpus_root.missing');
    expect(warned).not.toContain('policy.differs');
    const { DATABASE_URL, DATA_DIR } = first.config;
    await first.running.stop();
    const again = await startTestServer({
      engine,
      directory: DATA_DIR,
      environment: {
        NEXUS_PUBLIC_BLOCKED_TERMS: '["one"]',
        NEXUS_CORPUS_ROOT: DATA_DIR,
        NEXUS_DATABASE_URL: DATABASE_URL,
      },
      log: (_level, event) => warned.push(`again ${event}`),
    });
    expect((await again.sql.read((tx) => findPolicy(tx, 'RAW')))?.terms).toEqual(['one', 'two']);
    await again.stop();
    await first.sql.close();
    expect(warned).toContain('again policy.differs');
    expect(warned).not.toContain('again corpus_root.missing');
  });
});
