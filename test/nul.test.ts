/**
 * U+0000 in every text of every operation's parameters, at any depth: PostgreSQL keeps no such text and SQLite does, so
 * it is refused by the parameters' own rules, alike on both. Contents of files hold it, and so do texts looked for there
 * and the names of own metadata.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonOf, ruleOf } from '../src/channels/http/rest-values.ts';
import type { AnyOperation } from '../src/core/operation.ts';
import { publicOperations } from '../src/core/operations.ts';
import { shapeOf } from '../src/core/shape-of.ts';
import { plausible } from './fuzz-values.ts';
import { forEachEngine, startTestServer, type TestServer } from './harness.ts';
import { DOORS } from './parity/doors.ts';

const NUL = '\u0000';

const OBJECTS = [{ [`a${NUL}`]: 1 }, { a: `b${NUL}` }, { a: { b: [NUL] } }, { a: { [NUL]: null } }];

/** Contents, which may be any bytes. */
const CONTENTS = /^file\.(write content$|append content$|edit edits\.|write-batch files\.0\.1$)/;
/** Names of own metadata, which are kept as JSON. */
const METADATA_NAME = ` metadata ${JSON.stringify(OBJECTS[0])}`;
/** A key of such a text is looked for by its hash, and is not there. */
const KEY = 'token.create api_key';
/** A zone of such a name is looked for as any other, and is not there; none can be made. */
const ZONE = /^(?!zone\.(create|import) ).* zone_id/;
/** Ids of one form: what has another is not there (infrastructure.md §1). */
const ID =
  /^((job|task|schedule|node|tree-snapshot)\.\S+ id|conflict\.get id|key\.\S+ key_id|upload\.\S+ upload_id|(brick\.\S+|tree-branch\.delete) name|tree-branch\.merge branch|backup\.(get|verify) ref)$/;
/** Of no task, nothing is cancelled. */
const CANCEL = 'task.cancel id';
const isNotThere = (code: string): boolean => code === 'NOT_FOUND' || code.endsWith('_NOT_FOUND');
/** A flag of such a name is not there either. */
const FLAG = 'feature.update name';
const REFUSALS = ['INVALID_PARAMS', 'INVALID_PATH', 'INVALID_CURSOR'];
/** What the corpus only reads, looks for among its own words, or keeps as JSON. */
const READ =
  /^(analysis\.rhetoric (text|audience_profile|document_id)|governance\.evaluate candidate_output|graph\.query document_id|corpus\.ingest (modalities|parse_options))/;
/** Its ids are not there where they are none, and its words and paths are refused by what they mean (corpus.md §14). */
const CORPUS = /^(analysis|branch|remix|document|graph|corpus|seed-text)\./;
const BY_MEANING = ['NOT_FOUND', 'BAD_REQUEST'];

interface Variant {
  /** Operation and dotted place. */
  readonly at: string;
  readonly operation: AnyOperation;
  readonly input: Readonly<Record<string, unknown>>;
}

/** The value with U+0000 in one of its texts or names, in turn. */
function* spoilt(value: unknown, at: string): Generator<readonly [string, unknown]> {
  if (typeof value === 'string') yield [at, `${value}${NUL}`];
  else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      for (const [place, made] of spoilt(item, `${at}.${i}`)) yield [place, value.with(i, made)];
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      for (const [place, made] of spoilt(item, `${at}.${key}`)) yield [place, { ...value, [key]: made }];
    }
  }
}

/** What one parameter may be given: its example spoilt, and a spoilt text, list or object where its rule takes one. */
function valuesFor(name: string, example: unknown, { text, items, number, boolean }: ReturnType<typeof ruleOf>) {
  const isObject = !text && !items && !number && !boolean;
  return [
    ...spoilt(example, name),
    ...(text ? [[name, `/x${NUL}y`] as const] : []),
    ...(items ? [[`${name} as a list`, [`x${NUL}y`]] as const] : []),
    ...(isObject ? OBJECTS.map((made) => [`${name} ${JSON.stringify(made)}`, made] as const) : []),
  ];
}

function variantsOf(operation: AnyOperation, kept: ReadonlyMap<string, unknown>): Variant[] {
  const input = plausible(operation.name, kept);
  return Object.entries(shapeOf(operation)).flatMap(([name, schema]) =>
    valuesFor(name, input[name], ruleOf(jsonOf(schema))).map(([place, made]) => ({
      at: `${operation.name} ${place}`,
      operation,
      input: { ...input, [name]: made },
    })),
  );
}

function wantedFor(at: string): readonly string[] {
  if (CONTENTS.test(at) || at.endsWith(METADATA_NAME)) return ['OK'];
  if (at === KEY) return ['UNAUTHENTICATED'];
  if (READ.test(at) || at === CANCEL) return ['OK'];
  if (CORPUS.test(at)) return [...REFUSALS, ...BY_MEANING];
  return ZONE.test(at) ? ['ZONE_NOT_FOUND'] : REFUSALS;
}

forEachEngine('U+0000', (engine) => {
  let server: TestServer;
  let key: string;
  let kept: ReadonlyMap<string, unknown>;

  beforeAll(async () => {
    server = await startTestServer({ engine });
    key = (await server.ok('admin_create_key', { name: 'nul', role: 'admin' })).key;
    await server.addZone('nul');
    const { etag, revision } = await server.ok('write', { path: '/docs/a.md', content: 'one\ntwo\n' });
    const { key_id } = await server.ok('admin_create_key', { name: 'other' });
    const { snapshot_id } = await server.ok('tree_snapshot_create', {});
    await server.ok('tree_branch_create', { name: 'try-it' });
    const { share_id } = await server.ok('share_with_user', { path: '/docs', user_id: 'eve' });
    const ids = { one: key_id, two: key_id, snap: snapshot_id, share: share_id, fact: share_id };
    kept = new Map(Object.entries({ zone: 'nul', etag, wrote: revision, at: revision, ...ids }));
  });
  afterAll(() => server.stop());

  test('is refused in every text, and kept in contents', { timeout: 120_000 }, async () => {
    const variants = publicOperations.flatMap((operation) => variantsOf(operation, kept));
    const wrong: string[] = [];
    for (const { at, operation, input } of variants) {
      const outcome = await DOORS.rpc!({ url: server.url, key }, { operation, input });
      const code = 'fault' in outcome ? outcome.fault : 'OK';
      const isWanted = (ID.test(at) && at !== CANCEL) || at === FLAG ? isNotThere(code) : wantedFor(at).includes(code);
      if (!isWanted) wrong.push(`${at}: ${code}`);
    }
    expect(wrong).toEqual([]);
    expect(variants.length).toBeGreaterThan(300);
  });

  /** Agents have ids of a form that is asked for, places are paths, and one of atoms wants more than the id. */
  const BY_FORM = /:(agent_id|mount_point)|\/atoms$/;
  const IDS = publicOperations.flatMap(({ http }) =>
    http && /:/.test(http.path) && ['GET', 'DELETE'].includes(http.method) && !BY_FORM.test(http.path)
      ? [`${http.method} ${http.path}`]
      : [],
  );
  test.each(IDS)('is in no id that is there: %s', async (route) => {
    const [method = '', path = ''] = route.split(' ');
    for (const id of ['a%00', 'x'.repeat(1_000)]) {
      const answer = await server.http(path.replace(/:\w+/g, id), { method });
      expect([id, answer.status]).toEqual([id, 404]);
    }
  });

  test('is in no path of a mount', async () => {
    const answer = await server.http('/api/v2/sync/mounts/a%00/status');
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'INVALID_PATH' } }]);
  });

  test('a content that holds it comes back', async () => {
    const content = `a${NUL}b`;
    await server.ok('write', { path: '/nul', content });
    expect(await server.ok('read', { path: '/nul', encoding: 'utf-8' })).toBe(content);
  });

  test('own metadata of such a name comes back by every door, and goes where the file goes', async () => {
    const own = { ...JSON.parse('{"__proto__":"own"}'), [`a${NUL}b`]: 1, [NUL]: 'x', 'a\\u0000b': true };
    const named = async (path: string) => Object.entries((await server.ok('stat', { path })).metadata).sort();
    await server.ok('write', { path: '/named', content: 'one', metadata: own });
    await server.ok('write_batch', { files: [{ path: '/batch', content: 'one', metadata: own }] });
    await server.ok('tree_snapshot_create', { name: 'named' });
    await server.ok('rename', { old_path: '/named', new_path: '/moved' });
    await server.ok('copy', { src_path: '/moved', dst_path: '/copied' });
    await server.ok('write', { path: '/moved', content: 'two', metadata: {} });
    await server.ok('rollback', { path: '/moved', version: 1 });
    await server.ok('tree_restore', { to: 'named', path: '/named' });
    for (const path of ['/named', '/batch', '/moved', '/copied']) {
      expect([path, await named(path)]).toEqual([path, Object.entries(own).sort()]);
    }
    const sent = await server.http('/api/v2/files/named', { method: 'HEAD' });
    expect([sent.headers.get('x-nexus-meta-a%00b'), sent.headers.get('x-nexus-meta-%00')]).toEqual(['1', 'x']);
    const headers = { 'x-nexus-meta-c%00d': 'y' };
    expect((await server.http('/api/v2/files/put', { method: 'PUT', body: 'x', headers })).status).toBe(201);
    expect(await named('/put')).toEqual([[`c${NUL}d`, 'y']]);
  });

  test('is refused in the items of a batch', async () => {
    const item = { path: '/docs/b.md', content: 'x' };
    const parts = [
      { metadata: { a: NUL } },
      { metadata: { a: { [NUL]: 1 } } },
      { content_type: `a/b${NUL}` },
      { if_match: NUL },
    ];
    for (const part of parts) {
      expect([part, await server.fault('write_batch', { files: [{ ...item, ...part }] })]).toEqual([
        part,
        'INVALID_PARAMS',
      ]);
    }
  });

  test('is refused in what URLs and headers name', async () => {
    const put = (query: string, headers: Record<string, string>) =>
      server.http(`/api/v2/files/docs/b.md${query}`, { method: 'PUT', body: 'x', headers });
    expect((await put('', { 'x-nexus-meta-note': 'a%00' })).status).toBe(422);
    expect((await put('?branch=a%00', {})).status).toBe(422);
    for (const target of ['/docs/a%00.md', '/docs/a.md?as_of=a%00', '/docs/a.md?branch=%00']) {
      expect([target, [400, 422].includes((await server.http(`/api/v2/files${target}`)).status)]).toEqual([
        target,
        true,
      ]);
    }
    expect(await server.ok('exists', { path: '/docs/b.md' })).toEqual({ exists: false });
  });
});
