/** Remixes by their routes: what is made and kept, what it stands on and who sees it, and what is refused in which order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Branching, branching } from '../../../../test/branching.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import type { BranchList } from '../branches/branches.operations.ts';
import type { BranchTimeline } from '../branches/history.operations.ts';
import type { ListedDecision } from '../governance/decisions.ts';
import { hashOf } from '../text/rules.ts';
import type { ComposeOutput, MakeOutput } from './compose.operations.ts';
import type { RemixList, RemixObject } from './remix-object.ts';
import { payloadHash, STRATEGIES } from './strategies.ts';

const NOBODY = '0192f0c4-0000-7000-8000-000000000001';
const ONE = 'Kill the lights. Count to ten.';
const TWO = 'One river ran.\n\nIt ran on!';

const vector = z.object({
  strategy: z.enum(STRATEGIES),
  seed: z.number(),
  source: z.string(),
  target: z.string(),
  atom_levels: z.array(z.string()),
  source_level: z.string().optional(),
  rng_seed_hex: z.string(),
  output: z.string(),
  text_hash: z.string(),
});

forEachEngine('remixes', (engine) => {
  let server: TestServer;
  let on: Branching;
  let one: string;
  let two: string;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    on = branching(server);
    one = await on.ingest('/one/a.txt', ONE);
    two = await on.ingest('/two/b.txt', TWO);
  });
  afterAll(() => server.stop());

  const compose = (body: object, key?: string) => on.ok<ComposeOutput>('/remix/compose', { key, body });
  const both = () => ({ source_document_id: one, target_document_id: two });
  const show = (id: string | null, key?: string) => on.ok<RemixObject>(`/remix/${id}`, { key });
  const list = (query = '', key?: string) => on.ok<RemixList>(`/remix${query}`, { key });

  describe('what is made', () => {
    test.each(vectorsOf('remix', vector))('$strategy of $source and $target, $atom_levels', async (wanted) => {
      const { strategy, seed, atom_levels } = wanted;
      const ids: string[] = [];
      for (const name of [wanted.source, wanted.target]) {
        const path = `/vectors/${name}.txt`;
        ids.push(await on.ingest(path, vectorText(name)));
        await on.ok('/ingest/batch', { body: { source_paths: [`nexus://${path}`], atom_tracks: ['full'] } });
      }
      const [source_document_id = '', target_document_id = ''] = ids;
      const asked = { source_document_id, target_document_id, strategy, seed, atom_levels };
      const made = await compose(asked);
      expect(made).toMatchObject({ remixed_text: wanted.output, text_hash: wanted.text_hash, strategy, seed });
      const payload = { source_branch_id: null, target_branch_id: null, mode: 'PUBLIC', text_hash: made.text_hash };
      expect(made.payload_hash).toBe(payloadHash({ ...asked, ...payload }));
      const kept = await show(made.remix_artifact_id);
      expect(kept).toMatchObject({ remixed_text: wanted.output, rng_seed_hex: wanted.rng_seed_hex });
      const [source] = kept.source_links;
      expect(source?.atom_level).toBe(wanted.source_level ?? null);
      expect(made.source_atom_refs).toEqual(kept.source_links.flatMap(({ atom_refs }) => atom_refs));
      const glyphs = Array.from(vectorText(wanted.source).replaceAll(/\s/g, '')).length;
      expect(source?.atom_count).toBe(wanted.source_level === undefined ? 0 : glyphs);
      expect((await compose(asked)).text_hash).toBe(made.text_hash);
    });

    test('a remix, its branch and the decision on it', async () => {
      const made = await compose({ ...both(), seed: -1 });
      const text = 'Kill One the river lights. ran. Count It to ran ten. on!';
      expect(made).toMatchObject({ remixed_text: text, text_hash: hashOf(text), create_branch: true, seed: -1 });
      const { remix_artifact_id, new_branch_id, event_id, governance_decision_id, governance_trace } = made;
      // It is marked, and not withheld.
      expect(governance_trace).toMatchObject({
        allow: false,
        hits: [{ term: 'kill', start: 0, matched_text: 'Kill' }],
      });
      const { decisions } = await on.ok<{ decisions: ListedDecision[] }>('/audit/policy-decisions?limit=1');
      expect(decisions).toMatchObject([{ id: governance_decision_id, allow: false, decision_trace: governance_trace }]);
      const details = { input_hash: made.text_hash, input_preview: null };
      const { entries } = await server.ok('audit_list', { action: 'governance.evaluate', limit: 1 });
      expect(entries).toMatchObject([{ id: governance_decision_id, actor: 'system', details }]);
      const ids = { ...both(), source_branch_id: null, target_branch_id: null };
      const { events, replay_snapshot, root_document_id } = await on.ok<BranchTimeline>(
        `/branches/${new_branch_id}/timeline`,
      );
      expect({ root_document_id, verified: replay_snapshot.verified }).toEqual({
        root_document_id: one,
        verified: true,
      });
      expect(events).toMatchObject([
        {
          event_id,
          event_type: 'remix',
          diff_summary: made.diff_summary,
          event_payload: {
            ...ids,
            seed: -1,
            strategy: 'interleave',
            remixed_text: text,
            remix_payload_hash: made.payload_hash,
            atom_levels: [],
            remix_artifact_id,
          },
        },
      ]);
    });

    test('a remix that was kept, with what it came from and what came of it', async () => {
      const made = await compose({ ...both(), seed: -1 });
      const { remix_artifact_id, new_branch_id, event_id, governance_decision_id, governance_trace } = made;
      const ids = { ...both(), source_branch_id: null, target_branch_id: null };
      const link = { atom_level: null, atom_count: 0, atom_refs: [], branch_id: null };
      expect(await show(remix_artifact_id)).toEqual({
        remix_artifact_id,
        ...ids,
        strategy: 'interleave',
        seed: -1,
        mode: 'PUBLIC',
        remixed_text: made.remixed_text,
        text_hash: made.text_hash,
        payload_hash: made.payload_hash,
        rng_seed_hex: hashOf(`remix:interleave:-1:${hashOf(ONE)}:${hashOf(TWO)}:`),
        create_branch: true,
        branch_id: new_branch_id,
        branch_event_id: event_id,
        governance_decision_id,
        governance_trace,
        lineage_graph_refs: {
          nodes: [
            `remix:${remix_artifact_id}`,
            `source_document_id:${one}`,
            `target_document_id:${two}`,
            `branch:${new_branch_id}`,
            `branch_event:${event_id}`,
          ],
          edges: [{ from: `remix:${remix_artifact_id}`, to: `branch:${new_branch_id}`, type: 'PRODUCED' }],
        },
        source_links: [
          { role: 'source', document_id: one, ...link },
          { role: 'target', document_id: two, ...link },
        ],
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      });
    });

    test('in mode RAW it is judged by that policy', async () => {
      const grants = [['direct_viewer', '/']] as const;
      const key = await server.addKey({ role: 'researcher', grants });
      const raw = "UPDATE keys SET raw_mode_enabled = 1 WHERE role = 'researcher'";
      await server.sql.write('root', (tx) => tx.run(raw));
      const made = await compose({ ...both(), mode: 'RAW' }, key);
      expect(made).toMatchObject({
        mode: 'RAW',
        governance_trace: { mode: 'RAW', allow: true, hits: [{ term: 'kill' }] },
      });
      expect(await show(made.remix_artifact_id)).toMatchObject({
        mode: 'RAW',
        governance_trace: made.governance_trace,
      });
      const { branches } = await on.ok<BranchList>('/branches?limit=1');
      expect(branches).toMatchObject([{ id: made.new_branch_id, mode: 'RAW' }]);
      expect(made.payload_hash).not.toBe((await compose(both())).payload_hash);
    });

    test('with both given the text is of the branch and the atoms are of the document', async () => {
      const fused = { event_type: 'glyph_fusion', event_payload: { left: 'K', right: 'i', fused: 'Æ' } };
      const { new_branch_id } = await on.evolve({ root_document_id: one }, fused);
      const sides = { ...both(), source_branch_id: new_branch_id };
      const whole = await compose(sides);
      expect(whole.remixed_text).toMatch(/^Æll One the river/);
      expect(whole.source_atom_refs).toEqual([]);
      const atoms = await compose({ ...sides, atom_levels: ['sentence', 'word'] });
      expect(atoms.remixed_text).toBe('Kill One the river lights ran Count It to ran ten on');
      expect(atoms.source_atom_refs).toHaveLength(12);
      expect(atoms.source_atom_refs[6]).toEqual({
        atom_id: `${two}.word.1`,
        atom_level: 'word',
        ordinal: 1,
        role: 'target',
      });
      const { events } = await on.ok<BranchTimeline>(`/branches/${atoms.new_branch_id}/timeline`);
      expect(events.map(({ branch_id }) => branch_id)).toEqual([new_branch_id, atoms.new_branch_id]);
      // A branch has no atoms, so the texts are taken whole.
      const { source_document_id: _none, ...branch } = { ...sides, atom_levels: ['word'] };
      expect(await compose(branch)).toMatchObject({ remixed_text: whole.remixed_text, source_atom_refs: [] });
    });

    test('nothing but the answer, only a remix, or only a branch', async () => {
      const before = (await list()).total;
      const branches = async () => (await on.ok<BranchList>('/branches?limit=1000')).branches.length;
      const count = await branches();
      const nothing = await compose({ ...both(), create_branch: false, persist_artifact: false });
      expect(nothing).toMatchObject({ remix_artifact_id: null, new_branch_id: null, event_id: null, diff_summary: {} });
      expect([(await list()).total, await branches()]).toEqual([before, count]);
      const kept = await compose({ ...both(), create_branch: false });
      expect(await show(kept.remix_artifact_id)).toMatchObject({
        create_branch: false,
        branch_id: null,
        lineage_graph_refs: { edges: [] },
      });
      expect([(await list()).total, await branches()]).toEqual([before + 1, count]);
      const body = { ...both(), strategy: 'temporal_layer', seed: 3 };
      const made = await on.ok<MakeOutput>('/remix', { body });
      expect(Object.keys(made).sort()).toEqual(['diff_summary', 'event_id', 'new_branch_id', 'strategy']);
      const whole = await compose({ ...body, persist_artifact: false });
      const { replay_snapshot } = await on.ok<BranchTimeline>(`/branches/${made.new_branch_id}/timeline`);
      expect(replay_snapshot).toMatchObject({ text_hash: whole.text_hash, verified: true });
      expect([(await list()).total, await branches()]).toEqual([before + 1, count + 2]);
    });

    test('a long text is mixed beside the event loop, and the same call again has the same answer', async () => {
      const body = {
        target_document_id: two,
        source_document_id: await on.ingest('/one/long.txt', 'Ä word. '.repeat(50_000)),
      };
      const call = async () => {
        const headers = { 'content-type': 'application/json', 'idempotency-key': 'once' };
        const answer = await server.http('/api/v1/remix/compose', {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        });
        return (await answer.json()) as ComposeOutput;
      };
      const made = await call();
      // Where words were apart by two newlines, one blank stands.
      expect(made.remixed_text).toHaveLength('Ä word. '.repeat(50_000).length + TWO.length - 1);
      expect(hashOf(String(made.remixed_text))).toBe(made.text_hash);
      expect(await call()).toEqual(made);
      expect((await show(made.remix_artifact_id)).remixed_text).toBe(made.remixed_text);
    });
  });

  test('lists are newest first, in pages', async () => {
    const made = await compose(both());
    const { remixes, total, limit, offset } = await list('?limit=2&offset=1');
    expect({ limit, offset, found: remixes.length }).toEqual({ limit: 2, offset: 1, found: 2 });
    const [newest] = (await list('?limit=1')).remixes;
    expect(newest).toMatchObject({
      remix_artifact_id: made.remix_artifact_id,
      ...both(),
      branch_id: made.new_branch_id,
    });
    expect(total).toBe((await list('?limit=200')).remixes.length);
    for (const query of ['?limit=0', '?limit=201', '?offset=-1']) {
      expect((await on.ask(`/remix${query}`)).status).toBe(422);
    }
  });

  test('a remix and its branch are there for whoever sees all that they stand on', async () => {
    const { remix_artifact_id, new_branch_id } = await compose(both());
    const reader = await server.addKey({ grants: [['direct_viewer', '/one']] });
    const others = await server.addKey({
      grants: [
        ['direct_viewer', '/one'],
        ['direct_viewer', '/two'],
      ],
    });
    expect(await on.ask(`/remix/${remix_artifact_id}`, { key: reader })).toMatchObject({
      status: 404,
      detail: `Remix artifact ${remix_artifact_id} not found`,
    });
    expect((await on.ask(`/branches/${new_branch_id}/timeline`, { key: reader })).status).toBe(404);
    expect(await list('', reader)).toMatchObject({ remixes: [], total: 0 });
    expect(await on.ask('/remix/compose', { key: reader, body: both() })).toMatchObject({
      status: 404,
      detail: `target document ${two} not found`,
    });
    const sides = { target_document_id: one, source_branch_id: new_branch_id };
    expect(await on.ask('/remix', { key: reader, body: sides })).toMatchObject({
      status: 404,
      detail: `source branch ${new_branch_id} not found`,
    });
    expect((await show(remix_artifact_id, others)).branch_id).toBe(new_branch_id);
    expect((await list('?limit=200', others)).remixes.map((item) => item.remix_artifact_id)).toContain(
      remix_artifact_id,
    );
    await server.addZone('elsewhere');
    const stranger = await server.addKey({ zone_id: 'elsewhere', role: 'admin' });
    expect((await on.ask(`/remix/${remix_artifact_id}`, { key: stranger })).status).toBe(404);
    expect((await list('', stranger)).total).toBe(0);
  });

  test('refusals, in the order of the door', async () => {
    const empty = await on.ingest('/two/empty.txt', '');
    const conflicted = await on.ingest('/two/conflict.txt', '<<<<<<< HEAD\nx');
    const refusals: readonly (readonly [body: object, status: number, detail?: string | RegExp])[] = [
      [{ strategy: 'zz', mode: 'RAW' }, 422],
      [{ seed: 0.5 }, 422],
      [{ mode: 'raw' }, 422],
      [{ mode: 'RAW', source_document_id: NOBODY }, 403, "Role 'operator' is not allowed to execute mode 'RAW'"],
      [{ source_document_id: NOBODY, target_document_id: 'x' }, 404, `source document ${NOBODY} not found`],
      [{ source_document_id: conflicted, target_document_id: 'x' }, 404, 'target document x not found'],
      [{ source_document_id: one, source_branch_id: one }, 404, `source branch ${one} not found`],
      [{ source_document_id: one, target_branch_id: 'y' }, 404, 'target branch y not found'],
      [
        { source_document_id: empty, target_document_id: conflicted, atom_levels: ['zz'] },
        409,
        `target document ${conflicted} is conflicted`,
      ],
      [{ atom_levels: ['word', 'zz'] }, 400, /^Unknown atom_levels: \['zz'\]\. Known levels: \['glyph-seed', /],
      [{}, 400, 'Both source and target must resolve to non-empty text'],
      [{ source_document_id: one }, 400, 'Both source and target must resolve to non-empty text'],
      [{ ...both(), target_document_id: empty }, 400, 'Both source and target must resolve to non-empty text'],
    ];
    const operator = await server.addKey({ grants: [['direct_viewer', '/']] });
    const before = (await list()).total;
    for (const [body, status, detail] of refusals) {
      const answer = await on.ask('/remix/compose', { key: operator, body });
      expect([answer.status, answer.detail], JSON.stringify(body)).toEqual([
        status,
        detail === undefined ? expect.any(String) : expect.stringMatching(detail),
      ]);
    }
    const viewer = await server.addKey({ role: 'viewer' });
    expect((await on.ask('/remix/compose', { key: viewer, body: { strategy: 'zz' } })).status).toBe(403);
    expect((await on.ask('/remix', { key: viewer, body: {} })).status).toBe(403);
    expect(await on.ask('/remix/nothing')).toMatchObject({ status: 404, detail: 'Remix artifact nothing not found' });
    expect((await list()).total).toBe(before);
  });

  test('what has been remixed stays as it was, whatever becomes of its sources', async () => {
    const source_document_id = await on.ingest('/one/changing.txt', 'Before. Then.');
    const made = await compose({ source_document_id, target_document_id: two });
    await on.ingest('/one/changing.txt', 'After.');
    await server.ok('delete', { path: '/one/changing.txt' });
    expect(await show(made.remix_artifact_id)).toMatchObject({ remixed_text: made.remixed_text, source_document_id });
    expect(await compose({ source_document_id, target_document_id: two })).not.toMatchObject({
      text_hash: made.text_hash,
    });
  });
});

test('a remix is no longer than a text may be', async () => {
  const server = await startTestServer({ environment: { NEXUS_LIMIT_INGEST_TEXT_BYTES: '100' } });
  const on = branching(server);
  const source_document_id = await on.ingest('/a.txt', 'ab '.repeat(20));
  const target_document_id = await on.ingest('/b.txt', 'cd '.repeat(20));
  const answer = await on.ask('/remix/compose', { body: { source_document_id, target_document_id } });
  expect(answer).toMatchObject({
    status: 400,
    detail: 'the text of a remix: 119 passes the limit INGEST_TEXT_BYTES of 100',
    body: { code: 'limit_exceeded' },
  });
  await server.stop();
});
