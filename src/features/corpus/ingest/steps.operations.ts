/**
 * What an ingest does to rows, as steps of the server itself; no door reaches them. Guarantees: one attempt at a time is at a
 * document, and only that one adds to it; the atoms of a new state are shown in one commit with all else that is new, and not
 * before; what an attempt that died left behind is removed before the next one begins.
 */

import { z } from 'zod';
import { Fault, type FaultWire } from '../../../base/faults.ts';
import { newUuid } from '../../../base/ids.ts';
import { own } from '../../../base/own-data.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import type { NewBlob } from '../../content/content.sql.ts';
import { findJob } from '../../jobs/jobs.sql.ts';
import { keepBases } from '../documents/bases.sql.ts';
import { type BlockRow, insertBlocks, removeOtherBlocks } from '../documents/blocks.sql.ts';
import {
  claimDocument,
  type DocumentFacts,
  type DocumentPlace,
  type DocumentRow,
  findByPlace,
  insertDocument,
  listByPlaces,
  listClaimed,
  type NewDocument,
  releaseDocument,
  showDocument,
} from '../documents/documents.sql.ts';
import { nameTexts } from '../documents/texts.ts';
import { beginBatchRow, keepOutcomes, listOutcomes, type OutcomeRow, refuseBatchRow } from './outcomes.sql.ts';

const STEP = { who: 'root admin', internal: true, faults: [] } as const;

/** An attempt at a batch. */
const attemptShape = z.object({ job_id: z.string(), attempt: z.number() });
export type BatchAttempt = z.infer<typeof attemptShape>;

/** Blocks that one transaction removes. */
const SLICE_BLOCKS = 256;

interface Begun {
  /** At which files of the zone are read. */
  readonly revision: number;
  readonly outcomes: readonly OutcomeRow[];
  /** Documents that an attempt before was at when it ended. */
  readonly left: readonly DocumentRow[];
}

export const beginBatch: Operation<BatchAttempt, Begun> = {
  ...STEP,
  name: 'corpus.begin-batch',
  summary: 'Begin an attempt at a batch, with what the ones before came to.',
  effect: 'write',
  input: attemptShape,
  output: own<Begun>(),
  run: async ({ tx, zone }, { job_id, attempt }) => {
    const job = { zone_id: zone.zone_id, job_id };
    const left = await listClaimed(tx, zone.zone_id, job_id);
    for (const row of left) await claimDocument(tx, row, { job_id, attempt, state: row.claim_state });
    return { revision: await beginBatchRow(tx, job, zone.seq), outcomes: await listOutcomes(tx, job), left };
  },
};

const refusing = z.object({ job_id: z.string(), fault: own<FaultWire>() });

export const refuseBatch: Operation<z.infer<typeof refusing>, null> = {
  ...STEP,
  name: 'corpus.refuse-batch',
  summary: 'Note why a batch was refused as a whole.',
  effect: 'write',
  input: refusing,
  output: z.null(),
  run: async ({ tx, zone }, { job_id, fault }) => {
    await refuseBatchRow(tx, { zone_id: zone.zone_id, job_id }, JSON.stringify(fault));
    return null;
  },
};

const lookingShape = own<readonly DocumentPlace[]>();

/** In no order; what was never ingested is left out. */
export const lookAtDocuments: Operation<readonly DocumentPlace[], readonly DocumentRow[]> = {
  ...STEP,
  name: 'corpus.look-at-documents',
  summary: 'Read the documents of some files.',
  effect: 'read',
  input: lookingShape,
  output: own<readonly DocumentRow[]>(),
  run: ({ tx, zone }, places) => listByPlaces(tx, zone.zone_id, places),
};

const outcomesShape = z.object({ job_id: z.string(), outcomes: own<readonly OutcomeRow[]>() });

export const recordOutcomes: Operation<z.infer<typeof outcomesShape>, null> = {
  ...STEP,
  name: 'corpus.record-outcomes',
  summary: 'Record files of a batch of which nothing had to be made.',
  effect: 'write',
  input: outcomesShape,
  output: z.null(),
  run: async (call, { job_id, outcomes }) => {
    await record(call, job_id, outcomes);
    return null;
  },
};

async function record({ tx, zone }: Call, job_id: string, outcomes: readonly OutcomeRow[]): Promise<void> {
  const { zone_id } = zone;
  await keepOutcomes(tx, { zone_id, job_id }, outcomes);
  const documents = outcomes.flatMap(({ document_id }) => document_id ?? []);
  await keepBases(tx, zone_id, { kind: 'job', thing_id: job_id, documents });
}

type Making = Pick<NewDocument, 'source' | 'path' | 'title' | 'stem' | 'modality'> & BatchAttempt;

/** A document in hand: the state that is made of it, and the one that is shown. */
export interface Claimed {
  readonly document_id: string;
  readonly state: number;
  readonly shown: number;
}

/** Null while another job is at it. */
export const claimFile: Operation<Making, Claimed | null> = {
  ...STEP,
  name: 'corpus.claim-document',
  summary: 'Take the turn of a document, or make one.',
  effect: 'write',
  input: own<Making>(),
  output: own<Claimed | null>(),
  run: async (call, { job_id, attempt, ...made }) => {
    const { tx, zone } = call;
    const { zone_id } = zone;
    const found =
      (await findByPlace(tx, zone_id, made)) ??
      (await insertDocument(tx, { ...made, zone_id, document_id: newUuid(call.now) }, call.now));
    if (await isHeld(call, found, { job_id, attempt })) return null;
    const state = found.claim_state + 1;
    await claimDocument(tx, found, { job_id, attempt, state });
    return { document_id: found.document_id, state, shown: found.state };
  },
};

async function isHeld({ tx, zone }: Call, row: DocumentRow, by: BatchAttempt): Promise<boolean> {
  if (row.claim_job === null || row.claim_job === by.job_id) return false;
  const job = await findJob(tx, zone.zone_id, row.claim_job);
  return job?.status === 'running' && job.attempt === row.claim_attempt;
}

const heldShape = attemptShape.extend({ document_id: z.string(), state: z.number() });
type Held = z.infer<typeof heldShape>;

/** CONFLICT where another attempt has taken the document over. */
async function checkHeld({ tx, zone }: Call, { job_id, attempt, document_id, state }: Held): Promise<void> {
  const row = await tx.get(
    `SELECT 1 AS one FROM corpus_documents WHERE zone_id = ? AND document_id = ? AND claim_job = ? AND claim_attempt = ?
       AND claim_state = ?`,
    [zone.zone_id, document_id, job_id, attempt, state],
  );
  if (!row) throw new Fault('CONFLICT', 'Another attempt is at this document', { reason: 'LEASE_LOST' });
}

const adding = heldShape.extend({ blocks: own<readonly BlockRow[]>() });

export const addBlocks: Operation<z.infer<typeof adding>, null> = {
  ...STEP,
  name: 'corpus.add-blocks',
  summary: 'Add blocks of atoms to a state that is not shown yet.',
  effect: 'write',
  grows: true,
  input: adding,
  output: z.null(),
  run: async (call, { blocks, ...held }) => {
    await checkHeld(call, held);
    await insertBlocks(call.tx, { zone_id: call.zone.zone_id, ...held }, blocks);
    return null;
  },
};

const showing = heldShape.extend({
  facts: own<DocumentFacts>(),
  blobs: own<readonly NewBlob[]>(),
  blocks: own<readonly BlockRow[]>(),
  outcome: own<OutcomeRow>(),
});

/** Atoms of states before are still to be removed: {@link dropOldBlocks}. */
export const showFile: Operation<z.infer<typeof showing>, null> = {
  ...STEP,
  name: 'corpus.show-document',
  summary: 'Show the new state of a document.',
  effect: 'write',
  grows: true,
  input: showing,
  output: z.null(),
  run: async (call, { facts, blobs, blocks, outcome, ...held }) => {
    const { tx, zone } = call;
    await checkHeld(call, held);
    const of = { zone_id: zone.zone_id, document_id: held.document_id, state: held.state };
    await nameTexts(tx, blobs, call.now);
    await insertBlocks(tx, of, blocks);
    await showDocument(tx, of, { facts, now: call.now });
    await record(call, held.job_id, [outcome]);
    return null;
  },
};

const dropping = heldShape.extend({ shown: z.number(), release: z.boolean() });
const rest = z.object({ left: z.boolean() });

/** `release`: the turn ends with the last of them. */
export const dropOldBlocks: Operation<z.infer<typeof dropping>, z.infer<typeof rest>> = {
  ...STEP,
  name: 'corpus.drop-old-blocks',
  summary: 'Remove a slice of the atoms of states that are not shown.',
  effect: 'write',
  input: dropping,
  output: rest,
  run: async (call, { shown, release, ...held }) => {
    await checkHeld(call, held);
    const { zone_id } = call.zone;
    const { document_id } = held;
    const left =
      (await removeOtherBlocks(call.tx, { zone_id, document_id, state: shown }, SLICE_BLOCKS)) >= SLICE_BLOCKS;
    if (!left && release) await releaseDocument(call.tx, zone_id, document_id);
    return { left };
  },
};

export const ingestSteps = [
  beginBatch,
  refuseBatch,
  lookAtDocuments,
  recordOutcomes,
  claimFile,
  addBlocks,
  showFile,
  dropOldBlocks,
] as const;
