/** `/openapi.json` as programs that read such documents see it. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

let server: TestServer;
let text: string;
let document: Document;

beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_MCP_SSE: 'true' } });
  text = await (await fetch(`${server.url}/openapi.json`)).text();
  document = JSON.parse(text);
});

afterAll(() => server.stop());

test('it is OpenAPI 3.1, and each reference in it leads somewhere', async () => {
  const validator = new Validator();
  expect(await validator.validate(JSON.parse(text))).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  validator.resolveRefs();
  expect(text).not.toContain('$defs');
});

test('what schemas refer to has a name that tells something', () => {
  expect(Object.keys(document.components.schemas).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([]);
});
