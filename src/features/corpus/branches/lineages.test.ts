/** Long lineages: what a replay of one reads, what it says of rows that were tampered with, and where a lineage ends. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../../test/bare.ts';
import { forEachEngine } from '../../../../test/harness.ts';
import { blobSteps } from '../../../core/operations.ts';
import { insertDocument, showDocument } from '../documents/documents.sql.ts';
import { nameTexts } from '../documents/texts.ts';
import { hashOf } from '../text/rules.ts';
import type { EvolveManyOutput } from './evolve.operations.ts';
import type { BranchGraph } from './graph.ts';
import type { BranchTimeline } from './history.operations.ts';
import { planReplay, type Replay } from './replays.ts';

const ZONE = 'root';
const DOCUMENT = '0192f0c4-0000-7000-8000-000000000001';
const TEXT = 'the light of the river was old, and the boats went by. '.repeat(20);
const EVENTS_MAX = 10_000;
const NOBODYS = hashOf('named by nothing');

const facts = {
  title: 'x.md',
  stem: 'x',
  checksum: hashOf(TEXT),
  size_bytes: TEXT.length,
  status: 'ingested',
  conflict_reason: null,
  modality: 'text',
  modality_status: 'complete',
  levels: '[]',
  text_hash: hashOf(TEXT),
  text_bytes: TEXT.length,
  text_chars: TEXT.length,
  segments: '{}',
  options: '{}',
} as const;

/** An event of each kind that does little to a text. */
const events = Array.from({ length: 1_000 }, (_, seed) => [
  { event_type: 'natural_drift', event_payload: { seed } },
  { event_type: 'synthetic_mutation', event_payload: { seed, mutation_rate: 0 } },
]).flat();

forEachEngine('lineages', (engine) => {
  let bare: Bare;
  let end: string;
  beforeAll(async () => {
    bare = await openBare(engine);
    const text = { sha256: facts.text_hash, size: TEXT.length, utf8: true, inline: Buffer.from(TEXT) };
    await bare.sql.write(ZONE, async (tx) => {
      // Nothing names it.
      await nameTexts(tx, [{ ...text, sha256: NOBODYS }], 1);
      const place = { zone_id: ZONE, document_id: DOCUMENT, source: 'disk', path: '/x.md' } as const;
      const row = await insertDocument(tx, { ...place, title: 'x.md', stem: 'x', modality: 'text' }, 1);
      await nameTexts(tx, [text], 1);
      await showDocument(tx, { ...row, state: 1 }, { facts, now: 1 });
    });
    let base: object = { root_document_id: DOCUMENT };
    for (let made = 0; made < EVENTS_MAX; made += 1_000) {
      end = (await evolveMany(base, events.slice(0, 1_000))).final_branch_id;
      base = { parent_branch_id: end };
    }
  }, 120_000);
  afterAll(() => bare.close());

  const evolveMany = (base: object, some: readonly object[]) =>
    bare.call<EvolveManyOutput>('branch.evolve-many', { ...base, events: some });
  const replay = (branch_id: string) => bare.call<Replay>('branch.replay', { branch_id });
  const timeline = (branch_id: string) => bare.call<BranchTimeline>('branch.timeline', { branch_id });
  const isVerified = async (branch_id: string) => (await replay(branch_id)).replay_snapshot.verified;
  const change = (sql: string, params: readonly string[]) => bare.sql.write(ZONE, (tx) => tx.run(sql, params));

  async function statementsOf(branch_id: string): Promise<number> {
    const before = bare.sql.stats().statements;
    await bare.step(planReplay, ZONE, { branch_id });
    return bare.sql.stats().statements - before;
  }

  test('a replay asks as much of a long one as of a short one', async () => {
    const { events: all } = await timeline(end);
    expect(all.length).toBe(EVENTS_MAX);
    expect(await replay(end)).toMatchObject({ event_count: EVENTS_MAX, replay_snapshot: { verified: true } });
    for (const index of [0, 8, 9, 10, 5_000]) {
      const { branch_id = '' } = all[index] ?? {};
      expect(await replay(branch_id)).toMatchObject({ event_count: index + 1, replay_snapshot: { verified: true } });
      expect(await statementsOf(branch_id)).toBe(await statementsOf(end));
    }
  });

  test('a replay reads no more than the events behind the checkpoint', async () => {
    const { events: all } = await timeline(end);
    const counts = [];
    for (const index of [0, 1, 8, 9, 10, 11, 9_998, 9_999]) {
      const plan = await bare.step(planReplay, ZONE, { branch_id: all[index]?.branch_id ?? '' });
      counts.push(plan.events.length);
    }
    // The tenth is a checkpoint, and is computed from what was before it.
    expect(counts).toEqual([1, 2, 9, 10, 1, 2, 9, 10]);
  });

  test('the graph of one is as long', async () => {
    const { summary } = await bare.call<BranchGraph>('branch.graph', { branch_id: end });
    expect(summary).toMatchObject({ event_count: EVENTS_MAX, edge_count: EVENTS_MAX - 1, lineage_depth: EVENTS_MAX });
  });

  test('one with the most events takes no more', async () => {
    const refusal = (some: number, base: string) =>
      evolveMany({ parent_branch_id: base }, events.slice(0, some)).then(
        () => undefined,
        (fault: { code: string; message: string }) => `${fault.code} ${fault.message}`,
      );
    const { events: all } = await timeline(end);
    const full = 'LIMIT_EXCEEDED events of a lineage: 10001 passes the limit LINEAGE_EVENTS of 10000';
    expect(await refusal(1, end)).toBe(full);
    expect(await refusal(2, all.at(-2)?.branch_id ?? '')).toBe(full);
    const both = { left_branch_id: end, right_branch_id: end };
    await expect(bare.call('branch.merge', both)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(await refusal(1, all.at(-2)?.branch_id ?? '')).toBeUndefined();
  });

  test('what is kept is not believed', async () => {
    const remix = { event_type: 'remix', event_payload: { remixed_text: 'æ words' } };
    const some = [...events.slice(0, 9), remix, { event_type: 'reverse_drift' }, { event_type: 'reverse_drift' }];
    const { branch_ids } = await evolveMany({ root_document_id: DOCUMENT }, some);
    const [, , , third = '', , , , , , tenth = '', eleventh = '', twelfth = ''] = branch_ids;
    const checks = async () => [await isVerified(third), await isVerified(tenth), await isVerified(twelfth)];
    expect(await checks()).toEqual([true, true, true]);
    await change(`UPDATE corpus_branches SET payload = '{"mutation_rate":1,"seed":0}' WHERE branch_id = ?`, [third]);
    expect(await checks()).toEqual([false, true, true]);
    await change('UPDATE corpus_branches SET text_hash = ? WHERE branch_id = ?', [hashOf('other'), twelfth]);
    expect(await checks()).toEqual([false, true, false]);
    const blob = 'blob_id = (SELECT text_blob FROM corpus_branches WHERE branch_id = ?)';
    const bytes = await bare.sql.read((tx) =>
      tx.get<{ inline: Uint8Array }>(`SELECT inline FROM blobs WHERE ${blob}`, [tenth]),
    );
    const changed = Buffer.from(bytes?.inline ?? []);
    changed[changed.length - 1] = 0x78;
    await bare.sql.write(ZONE, (tx) => tx.run(`UPDATE blobs SET inline = ? WHERE ${blob}`, [changed, tenth]));
    expect([...(await checks()), await isVerified(eleventh)]).toEqual([false, false, false, false]);
  });

  test('its texts, and what it began with, are spared from collection whatever becomes of the document', async () => {
    await bare.sql.write(ZONE, async (tx) => {
      const row = { zone_id: ZONE, document_id: DOCUMENT, state: 2 };
      await showDocument(tx, row, { facts: { ...facts, text_hash: null, checksum: hashOf('gone') }, now: 2 });
    });
    const { loose } = await bare.step(blobSteps.scan, ZONE, { after: 0, before: Number.MAX_SAFE_INTEGER });
    expect(loose).toContain(NOBODYS);
    const named = await bare.sql.read((tx) =>
      tx.all<{ text_hash: string; root_hash: string | null }>('SELECT text_hash, root_hash FROM corpus_branches'),
    );
    const hashes = new Set(named.flatMap(({ text_hash, root_hash }) => [text_hash, root_hash ?? '']));
    expect(hashes.has(facts.text_hash)).toBe(true);
    expect(loose.filter((sha256) => hashes.has(sha256))).toEqual([]);
  });
});
