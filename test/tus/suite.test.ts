/** Every row of the protocol holds here. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../harness.ts';
import { tusOf } from './ours.ts';
import { rows } from './rows.ts';
import { score } from './suite.ts';

forEachEngine('the upload protocol', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_LIMIT_UPLOADS_PER_CALLER: '1000' } });
  });
  afterAll(() => server.stop());

  test(`its ${rows.length} rows`, async () => {
    const client = tusOf(server);
    const scores = await score(client);
    expect(scores.filter(({ failure, left }) => left || failure !== null)).toEqual([]);
  });
});
