/**
 * Making remixes (corpus.md §13). Guarantees: a remix, its branch and the decision of governance on it commit together or not at
 * all; texts are read, mixed and stored before that, long ones beside the event loop.
 */

import { z } from 'zod';
import { newUuid } from '../../../base/ids.ts';
import { jsonObject } from '../../../base/json-object.ts';
import { own } from '../../../base/own-data.ts';
import { AT_ONCE_BYTES } from '../../../core/call/computing.ts';
import { MODES } from '../../../core/call/tokens.ts';
import type { Call, Operation, Preparation } from '../../../core/operation.ts';
import type { NewBlob } from '../../content/content.sql.ts';
import { checkLineage } from '../branches/bases.ts';
import { FAULTS, modeParam, OPERATOR } from '../branches/evolve.operations.ts';
import { keepBranches } from '../branches/keeping.ts';
import { bytesOf, storeText } from '../branches/making.ts';
import { keepBases } from '../documents/bases.sql.ts';
import type { LevelMade } from '../documents/levels.ts';
import { nameTexts, readKept } from '../documents/texts.ts';
import { logDecision } from '../governance/decisions.ts';
import { type Decision, decide } from '../governance/evaluate.ts';
import { decisionTrace } from '../governance/governance.operations.ts';
import { chosenLevel } from './levels.ts';
import { type Mixed, type MixedSide, type Mixing, mix, mixTask, type SourceIds } from './mixing.ts';
import { type AtomRef, atomRef, presentText, refsOf, textPart, textPartOf } from './remix-object.ts';
import { insertRemix, type RemixRow } from './remixes.sql.ts';
import { type AskedRemix, getSources, type Side, type Sources } from './sources.ts';
import { STRATEGIES } from './strategies.ts';

const lookAtSources: Operation<AskedRemix, Sources> = {
  name: 'remix.look-at-sources',
  summary: 'Find what a remix is to be made of.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: own<AskedRemix>(),
  output: own<Sources>(),
  faults: [],
  run: getSources,
};

const makeParams = {
  source_document_id: z
    .string()
    .optional()
    .describe('document to remix; its atoms are taken, and its text without a branch'),
  source_branch_id: z.string().optional().describe('branch to remix'),
  target_document_id: z.string().optional().describe('document to remix it with'),
  target_branch_id: z.string().optional().describe('branch to remix it with'),
  strategy: z.enum(STRATEGIES).default('interleave').describe('how the two become one'),
  seed: z.int().default(0).describe('equal seeds draw alike'),
  mode: modeParam,
};
const makeInput = z.object(makeParams);
type MakeInput = z.infer<typeof makeInput>;

const composeInput = makeInput.extend({
  atom_levels: z.array(z.string()).default([]).describe('levels of atoms to work on, where both documents have some'),
  create_branch: z.boolean().default(true).describe('make a branch of it'),
  persist_artifact: z.boolean().default(true).describe('keep it as a remix'),
});
type ComposeInput = z.infer<typeof composeInput>;

/** The atoms of a side, where both have some that were asked for. */
type Levels = Readonly<Record<'source' | 'target', LevelMade | undefined>>;

function levelsOf({ strategy, atom_levels: asked }: ComposeInput, { source, target }: Sources): Levels {
  const chosen = ({ document }: Side) => document && chosenLevel(strategy, { asked, made: document.levels });
  const [ours, theirs] = [chosen(source), chosen(target)];
  return ours && theirs ? { source: ours, target: theirs } : { source: undefined, target: undefined };
}

async function mixedSide(side: Side, made: LevelMade | undefined, { blobs }: Preparation): Promise<MixedSide> {
  const text = await bytesOf(side.base.text, blobs);
  if (!made) return { text, atoms: null };
  const other = side.document?.text;
  const bytes = other && other.sha256 !== text.text_hash ? await readKept(blobs, other) : null;
  return { text, atoms: { level: made.level, bytes } };
}

const sizeOf = ({ text, atoms }: MixedSide): number => text.bytes.byteLength + (atoms?.bytes?.byteLength ?? 0);

/** All that is to be kept. Plain data: it crosses threads. */
interface Ready {
  readonly input: ComposeInput;
  readonly asked: AskedRemix;
  readonly sources: Sources;
  readonly levels: Levels;
  readonly ids: SourceIds;
  readonly mixed: Omit<Mixed, 'text' | 'findings' | 'made'> & {
    readonly made: Omit<NonNullable<Mixed['made']>, 'bytes'> | null;
  };
  readonly decision: Decision;
  readonly blob: NewBlob;
  readonly remix_artifact_id: string | null;
}

async function prepareRemix(input: ComposeInput, preparation: Preparation): Promise<Ready> {
  const { strategy, seed, mode, atom_levels, create_branch, persist_artifact } = input;
  const { tokens, limits, computing, switches } = preparation;
  const asked: AskedRemix = {
    source: { document_id: input.source_document_id ?? null, branch_id: input.source_branch_id ?? null },
    target: { document_id: input.target_document_id ?? null, branch_id: input.target_branch_id ?? null },
    atom_levels,
    mode,
    switches,
  };
  const sources = await preparation.run(lookAtSources, asked);
  const { source, target, policy } = sources;
  if (create_branch) checkLineage(source.base, 1, preparation.limits);
  const levels = levelsOf(input, sources);
  const now = tokens.now();
  const ids: SourceIds = {
    source_document_id: source.document_id,
    source_branch_id: source.branch_id,
    target_document_id: target.document_id,
    target_branch_id: target.branch_id,
  };
  const remix_artifact_id = persist_artifact ? newUuid(now) : null;
  const mixing: Mixing = {
    strategy,
    seed,
    mode,
    atom_levels,
    ids,
    source: await mixedSide(source, levels.source, preparation),
    target: await mixedSide(target, levels.target, preparation),
    terms: policy.terms,
    bytesMax: limits.INGEST_TEXT_BYTES,
    remix_artifact_id,
    branch: create_branch ? { branch_id: newUuid(now), event_id: newUuid(now) } : null,
  };
  const isShort = sizeOf(mixing.source) + sizeOf(mixing.target) <= AT_ONCE_BYTES;
  const { text, findings, made, ...mixed } = isShort ? mix(mixing) : await computing.run(mixTask, mixing);
  const blob = await storeText(text, preparation);
  const branch = made && withoutBytes(made);
  const decision = decide(policy, findings);
  return { input, asked, sources, levels, ids, mixed: { ...mixed, made: branch }, decision, blob, remix_artifact_id };
}

const withoutBytes = ({ bytes: _bytes, ...made }: NonNullable<Mixed['made']>) => made;

interface Kept {
  readonly governance_decision_id: string;
}

/** What was found may be seen no longer, or the mode have been closed: then nothing is kept. */
async function keepRemix(call: Call, ready: Ready): Promise<Kept> {
  const { asked, sources, mixed, decision, blob, remix_artifact_id, input } = ready;
  await getSources(call, asked);
  const judged = { decision, input_hash: blob.sha256, input_preview: null };
  const governance_decision_id = logDecision(call, judged);
  const documents = [...sources.source.documents, ...sources.target.documents];
  if (mixed.made) {
    const branches = [{ ...mixed.made, blob }];
    await keepBranches(call, { base: sources.source.base, mode: input.mode, branches, documents });
  }
  if (remix_artifact_id === null) return { governance_decision_id };
  const { zone_id } = call.zone;
  await nameTexts(call.tx, [blob], call.now);
  await insertRemix(
    call.tx,
    rowOf(ready, { zone_id, remix_id: remix_artifact_id, governance_decision_id, created_at: call.now }),
  );
  await keepBases(call.tx, zone_id, { kind: 'remix', thing_id: remix_artifact_id, documents });
  const data = { strategy: input.strategy, branch_id: mixed.made?.branch_id ?? null };
  call.event({ type: 'remix.created', object: { type: 'remix', id: remix_artifact_id }, data });
  return { governance_decision_id };
}

type RowOwn = Pick<RemixRow, 'zone_id' | 'remix_id' | 'governance_decision_id' | 'created_at'>;

const rowOf = ({ input, levels, ids, mixed, decision, blob }: Ready, own: RowOwn): RemixRow => ({
  ...own,
  ...ids,
  strategy: input.strategy,
  seed: input.seed,
  mode: input.mode,
  text_hash: blob.sha256,
  payload_hash: mixed.payload_hash,
  rng_seed_hex: mixed.rng_seed_hex,
  source_level: levels.source?.level ?? null,
  source_atoms: levels.source?.atoms ?? 0,
  target_level: levels.target?.level ?? null,
  target_atoms: levels.target?.atoms ?? 0,
  branch_id: mixed.made?.branch_id ?? null,
  branch_event_id: mixed.made?.event_id ?? null,
  governance_trace: JSON.stringify(decision.decision_trace),
});

const composeOutput = z.object({
  strategy: z.enum(STRATEGIES),
  seed: z.number(),
  mode: z.enum(MODES),
  remixed_text: textPart,
  text_hash: z.string(),
  payload_hash: z.string(),
  source_atom_refs: z.array(atomRef).describe('the first thousand of each side'),
  remix_artifact_id: z.string().nullable(),
  governance_decision_id: z.string(),
  governance_trace: decisionTrace,
  create_branch: z.boolean(),
  new_branch_id: z.string().nullable(),
  event_id: z.string().nullable(),
  diff_summary: jsonObject,
});
export type ComposeOutput = z.infer<typeof composeOutput>;

const objectOf = ({ ids, remix_artifact_id }: Ready): string =>
  remix_artifact_id ?? ids.source_branch_id ?? ids.source_document_id ?? '';

function refsIn({ levels, ids }: Ready): AtomRef[] {
  const sides = [
    ['source', ids.source_document_id, levels.source],
    ['target', ids.target_document_id, levels.target],
  ] as const;
  return sides.flatMap(([role, document_id, made]) =>
    refsOf(role, { document_id, level: made?.level ?? null, atoms: made?.atoms ?? 0 }),
  );
}

const compose: Operation<ComposeInput, ComposeOutput, Ready> = {
  name: 'remix.compose',
  summary: 'Make one text of two documents or branches, as a remix and a branch.',
  effect: 'write',
  who: OPERATOR,
  input: composeInput,
  output: composeOutput,
  faults: FAULTS,
  http: {
    method: 'POST',
    path: '/api/v1/remix/compose',
    tolerant: true,
    present: (output) => presentText(output),
    body: composeOutput.extend({ remixed_text: z.string() }),
  },
  cli: { words: 'remix compose' },
  object: objectOf,
  prepare: prepareRemix,
  run: async (call, ready) => {
    const { input, mixed, decision, blob } = ready;
    const { governance_decision_id } = await keepRemix(call, ready);
    const { hits, ...trace } = decision.decision_trace;
    return {
      strategy: input.strategy,
      seed: input.seed,
      mode: input.mode,
      remixed_text: textPartOf(blob),
      text_hash: blob.sha256,
      payload_hash: mixed.payload_hash,
      source_atom_refs: refsIn(ready),
      remix_artifact_id: ready.remix_artifact_id,
      governance_decision_id,
      governance_trace: { ...trace, hits: [...hits] },
      create_branch: input.create_branch,
      new_branch_id: mixed.made?.branch_id ?? null,
      event_id: mixed.made?.event_id ?? null,
      diff_summary: mixed.made?.diff_summary ?? {},
    };
  },
};

const makeOutput = z.object({
  new_branch_id: z.string(),
  event_id: z.string(),
  strategy: z.enum(STRATEGIES),
  diff_summary: jsonObject,
});
export type MakeOutput = z.infer<typeof makeOutput>;

const make: Operation<MakeInput, MakeOutput, Ready> = {
  name: 'remix.make',
  summary: 'Make a branch of one document or branch remixed with another.',
  effect: 'write',
  who: OPERATOR,
  input: makeInput,
  output: makeOutput,
  faults: FAULTS,
  http: { method: 'POST', path: '/api/v1/remix', tolerant: true },
  cli: { words: 'remix make' },
  object: objectOf,
  prepare: (input, preparation) =>
    prepareRemix({ ...input, atom_levels: [], create_branch: true, persist_artifact: false }, preparation),
  run: async (call, ready) => {
    await keepRemix(call, ready);
    const { made } = ready.mixed;
    if (!made) throw new Error('a remix made no branch');
    const { branch_id, event_id, diff_summary } = made;
    return { new_branch_id: branch_id, event_id, strategy: ready.input.strategy, diff_summary: { ...diff_summary } };
  },
};

export const composeOperations = [lookAtSources, compose, make] as const;
