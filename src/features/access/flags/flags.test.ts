/** Feature flags and modes (infrastructure.md §2, §6): who sees and changes them, and that a change holds on every node at once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { start } from '../../../main.ts';

const KEYS = {
  viewer: 'viewer-key-of-tests-1',
  operator: 'operator-key-of-tests',
  researcher: 'researcher-of-tests-1',
};
const FEATURES = '/api/v1/features';

interface Body {
  readonly features?: readonly { readonly name: string }[];
  readonly allowed_modes?: readonly string[];
}
interface Refused {
  readonly detail: string;
  readonly error: { readonly message: string };
}

forEachEngine('feature flags', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    const environment = {
      NEXUS_BOOTSTRAP_VIEWER_KEY: KEYS.viewer,
      NEXUS_BOOTSTRAP_OPERATOR_KEY: KEYS.operator,
      NEXUS_BOOTSTRAP_RESEARCHER_KEY: KEYS.researcher,
    };
    server = await startTestServer({ engine, environment });
  });
  afterAll(() => server.stop());

  const ask = async (path: string, key: string, put?: unknown) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await server.http(
      path,
      put === undefined ? { headers } : { method: 'PUT', headers, body: JSON.stringify(put) },
    );
    return { status: answer.status, body: (await answer.json()) as Body };
  };
  const namesOf = async (key: string, query = '') =>
    ((await ask(FEATURES + query, key)).body.features ?? []).map(({ name }) => name);
  const modesOf = async (key: string) => (await ask('/api/v1/auth/whoami', key)).body.allowed_modes;

  test('each role sees the enabled flags that it reaches, by name, and whether the server has them on', async () => {
    expect((await ask(FEATURES, KEYS.viewer)).body).toEqual({ role: 'viewer', features: [] });
    expect((await ask(FEATURES, KEYS.researcher)).body).toEqual({
      role: 'researcher',
      features: [
        { name: 'raw_mode', description: expect.any(String), min_role: 'researcher', enabled: true, active: true },
        {
          name: 'shadow_execution',
          description: expect.any(String),
          min_role: 'researcher',
          enabled: true,
          active: false,
        },
      ],
    });
    expect(await namesOf(ADMIN_KEY)).toEqual(['ml_plugins', 'raw_mode', 'shadow_execution']);
  });

  test('a closed flag closes what it is for at the next question, and the log says who did it', async () => {
    expect(await modesOf(KEYS.researcher)).toEqual(['PUBLIC', 'RAW']);
    const { status, body } = await ask(`${FEATURES}/raw_mode`, ADMIN_KEY, { enabled: false });
    expect([status, body]).toEqual([200, expect.objectContaining({ name: 'raw_mode', enabled: false, active: false })]);
    expect(await modesOf(KEYS.researcher)).toEqual(['PUBLIC']);
    expect(await modesOf(ADMIN_KEY)).toEqual(['PUBLIC']);
    expect(await namesOf(ADMIN_KEY)).toEqual(['ml_plugins', 'shadow_execution']);
    expect(await namesOf(ADMIN_KEY, '?all=true')).toEqual(['ml_plugins', 'raw_mode', 'shadow_execution']);
    expect(await namesOf(KEYS.researcher, '?all=true')).toEqual(['shadow_execution']);
    // Nothing changes, nothing is logged.
    await ask(`${FEATURES}/raw_mode`, ADMIN_KEY, { enabled: false });
    await ask(`${FEATURES}/raw_mode`, ADMIN_KEY, { enabled: true, min_role: 'admin' });
    expect(await modesOf(KEYS.researcher)).toEqual(['PUBLIC']);
    expect(await modesOf(ADMIN_KEY)).toEqual(['PUBLIC', 'RAW']);
    await ask(`${FEATURES}/raw_mode`, ADMIN_KEY, { min_role: 'researcher' });
    const answer = await server.http('/api/v2/audit?action=feature_updated');
    const { entries } = (await answer.json()) as { entries: { subject_id: string; details: object }[] };
    expect(entries.map(({ details, subject_id }) => [subject_id, details])).toEqual([
      [
        'admin',
        {
          name: 'raw_mode',
          before: { min_role: 'admin', enabled: true },
          after: { min_role: 'researcher', enabled: true },
        },
      ],
      [
        'admin',
        {
          name: 'raw_mode',
          before: { min_role: 'researcher', enabled: false },
          after: { min_role: 'admin', enabled: true },
        },
      ],
      [
        'admin',
        {
          name: 'raw_mode',
          before: { min_role: 'researcher', enabled: true },
          after: { min_role: 'researcher', enabled: false },
        },
      ],
    ]);
  });

  test.each([
    ['raw_mode', { min_role: 'operator' }, ADMIN_KEY, 400],
    ['raw_mode', { min_role: 'chief' }, ADMIN_KEY, 422],
    ['raw_mode', { enabled: 'perhaps' }, ADMIN_KEY, 422],
    ['no_such', { enabled: true }, ADMIN_KEY, 404],
    ['no_such', { enabled: true }, KEYS.researcher, 403],
  ])('PUT %s %j is refused', async (name, change, key, status) => {
    expect((await ask(`${FEATURES}/${name}`, key, change)).status).toBe(status);
    expect(await modesOf(KEYS.researcher)).toEqual(['PUBLIC', 'RAW']);
  });

  test('an admin of another zone sees them, and changes none', async () => {
    await server.addZone('acme');
    const key = await server.addKey({ zone_id: 'acme', role: 'admin' });
    expect(await namesOf(key)).toEqual(['ml_plugins', 'raw_mode', 'shadow_execution']);
    expect((await ask(`${FEATURES}/raw_mode`, key, { enabled: false })).status).toBe(403);
  });

  test('a job of type analyze takes a mode that its submitter may use; words in any case', async () => {
    const submit = async (key: string, payload: object, execution_mode = 'async') => {
      const answer = await server.http('/api/v1/jobs/submit', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ job_type: 'analyze', payload, execution_mode, max_attempts: 1 }),
      });
      return { status: answer.status, body: (await answer.json()) as Refused };
    };
    for (const mode of ['async', 'sync']) {
      const refused = await submit(KEYS.operator, { mode: 'Raw' }, mode);
      expect([refused.status, refused.body.detail]).toEqual([
        403,
        "Role 'operator' is not allowed to execute mode 'RAW'",
      ]);
      expect(refused.body.error.message).toBe(`Access denied: ${refused.body.detail}`);
      expect((await submit(ADMIN_KEY, { mode: 'secret' }, mode)).status).toBe(403);
    }
    expect((await submit(KEYS.operator, { mode: 'public' })).status).toBe(200);
    expect((await submit(KEYS.operator, {})).status).toBe(200);
    expect((await submit(KEYS.researcher, { mode: 'raw' })).status).toBe(200);
  });

  if (engine === 'postgres')
    test('a change holds on the other node from the next question on', async () => {
      const other = await start({ config: server.config });
      try {
        const headers = { authorization: `Bearer ${KEYS.researcher}` };
        const there = async () => {
          const answer = await fetch(`${other.url}/api/v1/auth/whoami`, { headers });
          return ((await answer.json()) as Body).allowed_modes;
        };
        for (const enabled of [false, true, false, true]) {
          await ask(`${FEATURES}/raw_mode`, ADMIN_KEY, { enabled });
          expect(await there()).toEqual(enabled ? ['PUBLIC', 'RAW'] : ['PUBLIC']);
        }
      } finally {
        await other.stop();
      }
    });
});
