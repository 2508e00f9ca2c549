/** Branches by their routes: what is made, who sees it, what is refused in which order, and what stays when things change. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Branching, branching } from '../../../../test/branching.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import { jsonObject } from '../../../base/json-object.ts';
import { hashOf } from '../text/rules.ts';
import type { BranchComparison, BranchList } from './branches.operations.ts';
import type { EvolveManyOutput, EvolveOutput } from './evolve.operations.ts';
import type { BranchGraph } from './graph.ts';
import type { BranchTimeline } from './history.operations.ts';
import type { MergeOutput } from './merge.operations.ts';
import { mergeTexts } from './merge.ts';

const NOBODY = '0192f0c4-0000-7000-8000-000000000001';
const PLAIN = vectorText('plain');
const DRIFT = { event_type: 'natural_drift' };
const AT_ONCE = Array.from({ length: 20 }, () => DRIFT);

const chain = z.object({
  text: z.string(),
  events: z.array(z.object({ event_type: z.string(), event_payload: jsonObject })),
  text_hashes: z.array(z.string()),
  final_preview: z.string(),
});

forEachEngine('branches', (engine) => {
  let server: TestServer;
  let on: Branching;
  let plain: string;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    on = branching(server);
    plain = await on.ingest('/corpus/plain.md', PLAIN);
  });
  afterAll(() => server.stop());

  const timelineOf = (id: string) => on.ok<BranchTimeline>(`/branches/${id}/timeline`);
  const listed = async (key?: string) => (await on.ok<BranchList>('/branches?limit=1000', { key })).branches;
  const merge = (left: string, right: string, strategy?: string) =>
    on.ok<MergeOutput>('/branches/merge', { body: { left_branch_id: left, right_branch_id: right, strategy } });

  describe('making them', () => {
    test.each(vectorsOf('chains', chain))(
      'one after the other gives the texts of $text that were promised',
      async (vector) => {
        const document = await on.ingest(`/corpus/${vector.text}.txt`, vectorText(vector.text));
        let base: object = { root_document_id: document };
        for (const event of vector.events) base = { parent_branch_id: (await on.evolve(base, event)).new_branch_id };
        const together = await on.evolveMany({ root_document_id: document }, vector.events);
        expect(together).toMatchObject({
          event_count: vector.events.length,
          final_text_hash: vector.text_hashes.at(-1),
          final_preview: vector.final_preview,
        });
        const { parent_branch_id } = base as { parent_branch_id: string };
        const compared = await on.ok<BranchComparison>(
          `/branches/${parent_branch_id}/compare/${together.final_branch_id}`,
        );
        expect(compared).toMatchObject({ same: true, distance: 0, left_hash: vector.text_hashes.at(-1) });
        expect((await timelineOf(parent_branch_id)).events.map(({ event_payload }) => event_payload)).toEqual(
          (await timelineOf(together.final_branch_id)).events.map(({ event_payload }) => event_payload),
        );
        const replays = [];
        for (const id of together.branch_ids) replays.push((await on.replay(id)).text_hash);
        expect(replays).toEqual(vector.text_hashes);
      },
    );

    test('leaves a branch with its event, in the log and in the audit', async () => {
      const payload = { seed: 5, phase: 'PEAK', note: { any: ['thing', null] } };
      const made = await on.evolve({ root_document_id: plain }, { event_type: 'phase_shift', event_payload: payload });
      expect(made.diff_summary).toMatchObject({ event: 'phase_shift', phase: 'peak', before_chars: 90 });
      const [newest] = await listed();
      expect(newest).toEqual({
        id: made.new_branch_id,
        parent_branch_id: null,
        root_document_id: plain,
        mode: 'PUBLIC',
        branch_version: 1,
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      });
      const { events, ...rest } = await timelineOf(made.new_branch_id.toUpperCase());
      const preview = PLAIN.toUpperCase();
      const snapshot = { text_hash: hashOf(preview), preview, event_count: 1, verified: true };
      expect(rest).toEqual({ branch_id: made.new_branch_id, root_document_id: plain, replay_snapshot: snapshot });
      expect(events).toEqual([
        {
          branch_id: made.new_branch_id,
          event_id: made.event_id,
          event_index: 1,
          event_type: 'phase_shift',
          event_payload: { ...payload, phase: 'peak' },
          diff_summary: made.diff_summary,
          created_at: newest?.created_at,
        },
      ]);
      const log = await server.http('/api/v2/events?operation_type=branch.created&limit=1');
      expect(await log.json()).toMatchObject({ events: [{ object: { type: 'branch', id: made.new_branch_id } }] });
      const audit = await server.http('/api/v2/audit?action=branch.evolve&limit=1');
      expect(await audit.json()).toMatchObject({ entries: [{ object: plain, outcome: 'allowed' }] });
    });

    test('keeps what it began with, whatever becomes of the document', async () => {
      const document = await on.ingest('/corpus/changing.md', 'first words');
      const { new_branch_id } = await on.evolve({ root_document_id: document }, DRIFT);
      await on.ingest('/corpus/changing.md', 'second words, and more');
      expect(await on.replay(new_branch_id)).toMatchObject({
        preview: 'first words',
        replay_snapshot: { verified: true },
      });
      const child = await on.evolve({ root_document_id: document }, DRIFT);
      expect((await on.replay(child.new_branch_id)).preview).toBe('second words, and more');
    });

    test('on one parent at the same time gives each caller a child of his own', async () => {
      const { new_branch_id: parent } = await on.evolve({ root_document_id: plain }, DRIFT);
      const payload = { expected_parent_event_index: 1 };
      const made = await Promise.all(
        AT_ONCE.map((event, seed) =>
          on.evolve({ parent_branch_id: parent }, { ...event, event_payload: { ...payload, seed } }),
        ),
      );
      const ids = new Set(made.map(({ new_branch_id }) => new_branch_id));
      expect(ids.size).toBe(AT_ONCE.length);
      const children = (await listed()).filter(({ id }) => ids.has(id));
      expect(children.every((one) => one.parent_branch_id === parent && one.branch_version === 2)).toBe(true);
    });

    test('of a large text goes on beside the event loop, to the same text', async () => {
      const text = 'the river, and the light of AE! '.repeat(8_000);
      const document = await on.ingest('/corpus/large.txt', text);
      const events = [
        { event_type: 'glyph_fusion' },
        DRIFT,
        { event_type: 'phase_shift', event_payload: { phase: 'rebirth' } },
      ];
      const made = await on.evolveMany({ root_document_id: document }, events);
      const replayed = await on.replay(made.final_branch_id);
      expect(replayed.replay_snapshot).toMatchObject({ verified: true, text_hash: made.final_text_hash });
      const [fused = ''] = made.branch_ids;
      const merged = await merge(made.final_branch_id, fused);
      expect(merged.lca_branch_id).toBe(fused);
      const carried = (await timelineOf(merged.new_branch_id)).events.at(-1)?.event_payload.merged_text;
      expect(hashOf(String(carried))).toBe((await on.replay(merged.new_branch_id)).text_hash);
      const compared = await on.ok<BranchComparison>(`/branches/${fused}/compare/${merged.new_branch_id}`);
      expect([compared.same, compared.preview_left.length]).toEqual([false, 500]);
    });

    test('of a document without text begins with the empty text', async () => {
      const document = await on.ingest('/corpus/empty.txt', '');
      const made = await on.evolve(
        { root_document_id: document },
        { event_type: 'remix', event_payload: { remixed_text: 'é' } },
      );
      expect(made.diff_summary).toMatchObject({ before_chars: 0, after_chars: 1 });
      expect((await on.replay(made.new_branch_id)).preview).toBe('é');
    });
  });

  describe('refusals', () => {
    const evolve = (body: object, key?: string) => on.ask('/evolve/branch', { key, body });
    const many = (events: unknown, base: object = { root_document_id: plain }) =>
      on.ask('/evolve/multi', { body: { ...base, events } });

    test('come in the order that is promised', async () => {
      const viewer = await server.addKey({ role: 'viewer', grants: [['direct_viewer', '/corpus']] });
      const operator = await server.addKey({ grants: [['direct_viewer', '/corpus']] });
      const rest = { root_document_id: NOBODY, event_type: 'zz', event_payload: { seed: 'x' } };
      expect((await evolve({ mode: 'zz' }, viewer)).status).toBe(403);
      expect((await evolve({ ...rest, mode: 'zz' }, operator)).status).toBe(422);
      const mode = await evolve({ ...rest, mode: 'RAW' }, operator);
      expect([mode.status, mode.detail]).toEqual([403, "Role 'operator' is not allowed to execute mode 'RAW'"]);
      const type = await evolve(rest, operator);
      expect([type.status, type.detail]).toEqual([400, 'Unsupported event_type: zz']);
      const known = { ...rest, ...DRIFT };
      expect(await evolve(known, operator)).toMatchObject({ status: 404, detail: 'Document not found' });
      const gone = await evolve({ ...known, parent_branch_id: NOBODY }, operator);
      expect([gone.status, gone.detail]).toEqual([404, `Branch ${NOBODY} not found`]);
      const conflicted = await on.ingest('/corpus/conflict.md', 'a\n<<<<<<< ours\nb\n');
      expect((await evolve({ ...known, root_document_id: conflicted }, operator)).status).toBe(409);
      const seed = await evolve({ ...known, root_document_id: plain }, operator);
      expect([seed.status, seed.detail]).toEqual([400, 'seed must be a whole number']);
      const without = await evolve({ ...DRIFT }, operator);
      expect(without.detail).toBe('root_document_id is required when parent_branch_id is not provided');
    });

    test('name the event of several, and leave nothing', async () => {
      const before = (await listed()).length;
      const { new_branch_id } = await on.evolve({ root_document_id: plain }, DRIFT);
      const expecting = (expected_parent_event_index: unknown) => ({
        ...DRIFT,
        event_payload: { expected_parent_event_index },
      });
      const parent = { parent_branch_id: new_branch_id };
      const details = async (...asked: Promise<{ status: number; detail: string | undefined }>[]) =>
        (await Promise.all(asked)).map(({ status, detail }) => `${status} ${detail}`);
      expect(
        await details(
          many([]),
          many([DRIFT, {}]),
          many([DRIFT, DRIFT, { event_type: 'zz' }]),
          many([DRIFT, { event_type: 'synthetic_mutation', event_payload: { mutation_rate: 2 } }]),
          many([expecting(1), expecting(3)], parent),
          many([expecting(0)], parent),
          many(Array(1_001).fill(DRIFT)),
          many([{}], { parent_branch_id: 'none' }),
          on.ask('/evolve/branch', { body: { ...parent, ...expecting('1') } }),
        ),
      ).toEqual([
        '400 events must not be empty',
        '400 events[1].event_type is required',
        '400 events[2]: Unsupported event_type: zz',
        '400 events[1]: mutation_rate must be between 0.0 and 1.0',
        '400 events[1]: Optimistic concurrency violation: expected_parent_event_index=3 actual=2',
        '400 events[0]: Optimistic concurrency violation: expected_parent_event_index=0 actual=1',
        '400 events of one call: 1001 passes the limit EVOLVE_EVENTS of 1000',
        '404 Branch none not found',
        '400 Optimistic concurrency violation: expected_parent_event_index=1 actual=1',
      ]);
      expect((await listed()).length).toBe(before + 1);
      expect((await many([expecting(1), expecting(2)], parent)).status).toBe(200);
    });

    test('of a text that would be too large leave nothing', async () => {
      const before = (await listed()).length;
      const double = { event_type: 'glyph_fusion', event_payload: { left: 'a', right: 'a', fused: 'a'.repeat(64) } };
      const some = { event_type: 'remix', event_payload: { remixed_text: 'aa'.repeat(1_000) } };
      const answer = await many([some, double, double, double, double]);
      expect(answer.status).toBe(400);
      expect(answer.detail).toMatch(
        /^events\[4\]: the text of a branch: \d+ passes the limit INGEST_TEXT_BYTES of 67108864$/,
      );
      expect((await listed()).length).toBe(before);
    });

    test('of a merge', async () => {
      const { new_branch_id: left } = await on.evolve({ root_document_id: plain }, DRIFT);
      const foreign = await on.ingest('/corpus/foreign.md', 'another');
      const { new_branch_id: right } = await on.evolve({ root_document_id: foreign }, DRIFT);
      const ask = (body: object) =>
        on.ask('/branches/merge', { body: { left_branch_id: left, right_branch_id: right, ...body } });
      expect((await ask({ strategy: 'zz' })).status).toBe(422);
      expect((await ask({ left_branch_id: 'x' })).detail).toBe('Branch x not found');
      expect(await ask({ right_branch_id: NOBODY })).toMatchObject({
        status: 404,
        detail: `Branch ${NOBODY} not found`,
      });
      const { status, detail } = await ask({});
      expect([status, detail]).toEqual([400, 'Branches do not share a common ancestor or root document']);
    });

    test('of what is not there', async () => {
      for (const path of ['timeline', 'visualization', `compare/${NOBODY}`]) {
        const { status, detail } = await on.ask(`/branches/${NOBODY}/${path}`);
        expect([status, detail]).toEqual([404, `Branch ${NOBODY} not found`]);
      }
      expect((await on.ask('/branches/zz/replay', { body: {} })).status).toBe(404);
      expect((await on.ask('/branches?limit=1001')).status).toBe(422);
    });
  });

  test('who may not read the file sees no branch of it, nor a job on one', async () => {
    const secret = await on.ingest('/secret/one.md', 'a secret text');
    const { new_branch_id } = await on.evolve({ root_document_id: secret }, DRIFT);
    const { new_branch_id: open } = await on.evolve({ root_document_id: plain }, DRIFT);
    const key = await server.addKey({ grants: [['direct_viewer', '/corpus']] });
    const ids = (await listed(key)).map(({ id }) => id);
    expect([ids.includes(open), ids.includes(new_branch_id)]).toEqual([true, false]);
    expect((await on.ask(`/branches/${new_branch_id}/timeline`, { key })).status).toBe(404);
    expect((await on.ask(`/branches/${open}/compare/${new_branch_id}`, { key })).status).toBe(404);
    const child = { ...DRIFT, parent_branch_id: new_branch_id };
    expect((await on.ask('/evolve/branch', { key, body: child })).status).toBe(404);
    const both = { left_branch_id: open, right_branch_id: new_branch_id };
    expect((await on.ask('/branches/merge', { key, body: both })).status).toBe(404);
    const submit = (who?: string) =>
      on.ok<{ job_id: string; status: string }>('/jobs/submit', {
        key: who,
        body: {
          job_type: 'branch_replay',
          payload: { branch_id: new_branch_id },
          execution_mode: 'sync',
          max_attempts: 1,
        },
      });
    const { job_id } = await submit();
    expect((await on.ask(`/jobs/${job_id}`, { key })).status).toBe(404);
    const refused = await submit(key);
    expect(await on.ok(`/jobs/${refused.job_id}`, { key })).toMatchObject({
      status: 'failed',
      error_text: `Branch ${new_branch_id} not found`,
    });
  });

  test('a replay as a job leaves its artifact', async () => {
    const { final_branch_id, final_text_hash } = await on.evolveMany({ root_document_id: plain }, AT_ONCE);
    const body = { job_type: 'branch_replay', payload: { branch_id: final_branch_id }, execution_mode: 'sync' };
    const { job_id } = await on.ok<{ job_id: string }>('/jobs/submit', { body });
    expect(await on.ok(`/jobs/${job_id}`)).toMatchObject({
      status: 'succeeded',
      result: await on.replay(final_branch_id),
      artifacts: [
        {
          artifact_type: 'branch_replay_result',
          artifact_ref: `/api/v1/branches/${final_branch_id}/timeline`,
          artifact_payload: { branch_id: final_branch_id, text_hash: final_text_hash },
        },
      ],
    });
  });

  describe('merging', () => {
    let made: { left: EvolveManyOutput; right: EvolveOutput; merged: MergeOutput };
    beforeAll(async () => {
      const left = await on.evolveMany({ root_document_id: plain }, [DRIFT, { event_type: 'reverse_drift' }]);
      const parent_branch_id = left.branch_ids[0];
      const right = await on.evolve(
        { parent_branch_id },
        { event_type: 'phase_shift', event_payload: { phase: 'peak' } },
      );
      made = { left, right, merged: await merge(left.final_branch_id, right.new_branch_id) };
    });

    test('goes on from the left branch, and says what it came from', async () => {
      const { left, right, merged } = made;
      const drifted = (await on.replay(left.branch_ids[0] ?? '')).preview;
      const expected = mergeTexts((await on.replay(left.final_branch_id)).preview, drifted.toUpperCase(), 'interleave');
      expect(merged).toMatchObject({
        strategy: 'interleave',
        lca_branch_id: left.branch_ids[0],
        conflict_semantics: expected.conflict_semantics,
      });
      const replayed = await on.replay(merged.new_branch_id);
      expect(replayed).toMatchObject({
        event_count: 3,
        text_hash: hashOf(expected.text),
        replay_snapshot: { verified: true },
      });
      const { events } = await timelineOf(merged.new_branch_id);
      expect(events.map(({ event_type }) => event_type)).toEqual(['natural_drift', 'reverse_drift', 'merge']);
      expect(events.at(-1)?.event_payload).toEqual({
        strategy: 'interleave',
        left_branch_id: left.final_branch_id,
        right_branch_id: right.new_branch_id,
        lca_branch_id: left.branch_ids[0],
        merged_text: expected.text,
        left_text_hash: left.final_text_hash,
        right_text_hash: hashOf(drifted.toUpperCase()),
        conflict_semantics: expected.conflict_semantics,
        seed: 0,
      });
    });

    test('is seen in the graph of what came of it, at any depth', async () => {
      const { left, right, merged } = made;
      const other = await on.evolve({ root_document_id: plain }, { event_type: 'glyph_fusion' });
      const outer = await merge(other.new_branch_id, merged.new_branch_id, 'left_wins');
      const graph = await on.ok<BranchGraph>(`/branches/${outer.new_branch_id}/visualization`);
      expect(graph.summary).toEqual({
        event_count: 6,
        edge_count: 6,
        lineage_depth: 2,
        secondary_lineage_branch_count: 4,
        merge_secondary_edge_count: 2,
      });
      expect(graph.nodes.map(({ branch_id, lineage_role }) => [branch_id, lineage_role])).toEqual([
        [other.new_branch_id, 'primary'],
        [outer.new_branch_id, 'primary'],
        [left.branch_ids[0], 'secondary_merge_parent'],
        [left.branch_ids[1], 'secondary_merge_parent'],
        [right.new_branch_id, 'secondary_merge_parent'],
        [merged.new_branch_id, 'secondary_merge_parent'],
      ]);
      expect(graph.edges).toContainEqual({
        id: `${right.event_id}->${merged.event_id}:merge-secondary`,
        source: right.event_id,
        target: merged.event_id,
        type: 'merge_secondary_parent',
        metadata: { strategy: 'interleave', lca_branch_id: left.branch_ids[0], right_branch_id: right.new_branch_id },
      });
      expect(graph.edges).toContainEqual({
        id: `${other.event_id}->${outer.event_id}:parent`,
        source: other.event_id,
        target: outer.event_id,
        type: 'parent_branch',
        metadata: { relationship: 'primary_parent' },
      });
    });

    test('a branch into itself is its own ancestor', async () => {
      const { final_branch_id } = made.left;
      const { lca_branch_id, conflict_semantics } = await merge(final_branch_id, final_branch_id, 'right_wins');
      expect([lca_branch_id, conflict_semantics.resolution]).toEqual([final_branch_id, 'identical_inputs']);
    });
  });
});
