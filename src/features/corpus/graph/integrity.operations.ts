/** The integrity of a document by its route, and what the audit of a zone reads (corpus.md §11). */

import { z } from 'zod';
import { own } from '../../../base/own-data.ts';
import { type Call, type Operation, ofBrick } from '../../../core/operation.ts';
import type { Blobs } from '../../../ports/blobs.ts';
import { findJob } from '../../jobs/jobs.sql.ts';
import { type BlockRow, pageOfBlocks } from '../documents/blocks.sql.ts';
import { type OnlyDocument, onlyDocument, VIEWER } from '../documents/documents.operations.ts';
import { type DocumentRow, listDocuments } from '../documents/documents.sql.ts';
import { findSeen, getDocument, seenDocuments } from '../documents/sight.ts';
import { type Counted, countAtoms } from '../documents/stored.ts';
import { findKept, type KeptText } from '../documents/texts.ts';
import { type Check, countChecks, equal, type Integrity, integrityOf, integrityShape } from './integrity.ts';

/** A document with what is stored of it. */
export interface Stored {
  readonly row: DocumentRow;
  readonly counted: Counted;
  /** Undefined: no row of it. */
  readonly raw: KeptText | undefined;
  readonly text: KeptText | undefined;
}

async function storedOf(call: Call, rows: readonly DocumentRow[]): Promise<Stored[]> {
  const counted = await countAtoms(call.tx, call.zone.zone_id, rows);
  const all: Stored[] = [];
  for (const row of rows) {
    const raw = await findKept(call.tx, row.checksum);
    const text = row.text_hash === null ? undefined : await findKept(call.tx, row.text_hash);
    all.push({ row, counted: await settled(call, row, counted(row)), raw, text });
  }
  return all;
}

/** What an ingest in hand is just removing is not left over. */
async function settled({ tx, zone }: Call, row: DocumentRow, counted: Counted): Promise<Counted> {
  if (counted.stray === 0 || row.claim_job === null) return counted;
  const job = await findJob(tx, zone.zone_id, row.claim_job);
  return job?.status === 'running' && job.attempt === row.claim_attempt ? { ...counted, stray: 0 } : counted;
}

/** Where they are to be: of a document without text there is none to be looked for. */
export const blobsOf = ({ row, raw, text }: Stored): readonly [string, string, KeptText | undefined][] => [
  ['raw_blob', row.checksum, raw],
  ...(row.text_hash === null
    ? []
    : [['text_blob', row.text_hash, text] satisfies [string, string, KeptText | undefined]]),
];

async function isThere(blobs: Blobs, kept: KeptText | undefined): Promise<boolean> {
  return kept !== undefined && (kept.inline !== null || (await blobs.has(kept.sha256)));
}

const integrity: Operation<OnlyDocument, Integrity, OnlyDocument, Stored> = {
  name: 'graph.check',
  summary: 'Say whether what is stored of a document is whole.',
  effect: 'read',
  who: VIEWER,
  input: onlyDocument,
  output: integrityShape,
  faults: ['NOT_FOUND'],
  http: { method: 'GET', path: '/api/v1/hypergraph/documents/:document_id/integrity', tolerant: true },
  cli: { words: 'graph check', args: ['document_id'] },
  run: async (call, { document_id }) => {
    const [stored] = await storedOf(call, [await getDocument(call, document_id)]);
    if (!stored) throw new Error('one document was asked for and none looked at');
    return stored;
  },
  finish: async (stored, { blobs }) => {
    const checks: Check[] = [];
    for (const [name, sha256, kept] of blobsOf(stored)) {
      checks.push(equal(name, sha256, (await isThere(blobs, kept)) ? sha256 : null));
    }
    return integrityOf(stored.row, stored.counted, [...checks, ...countChecks(stored.counted)]);
  },
};

const AUDITING = { who: { role: 'viewer' }, internal: true, effect: 'read', faults: [], heavy: true } as const;

const behind = z.object({ offset: z.number(), limit: z.number() });

/** A page of the ingested documents that the submitter may see. */
export const documentsToAudit: Operation<z.infer<typeof behind>, readonly Stored[]> = {
  ...AUDITING,
  name: 'corpus.documents-to-audit',
  summary: 'Read a page of documents with what is stored of them.',
  input: behind,
  output: own<readonly Stored[]>(),
  run: async (call, page) => {
    const seen = await seenDocuments(call);
    const where = { ...seen, sql: ` AND status <> 'conflict'${seen.sql}` };
    return storedOf(call, await listDocuments(call.tx, call.zone.zone_id, { where, page }));
  },
};

const one = z.object({ document_id: z.string() });

/** As it is by now; null where it may not be seen any more. */
export const documentToAudit: Operation<z.infer<typeof one>, Stored | null> = {
  ...AUDITING,
  name: 'corpus.document-to-audit',
  summary: 'Read a document with what is stored of it.',
  input: one,
  output: own<Stored | null>(),
  run: async (call, { document_id }) => {
    const row = await findSeen(call, document_id);
    const [stored] = row ? await storedOf(call, [row]) : [];
    return stored ?? null;
  },
};

const pageShape = z.object({
  document_id: z.string(),
  state: z.number(),
  level: z.number(),
  after: z.number(),
  limit: z.number(),
});

export const blocksToAudit: Operation<z.infer<typeof pageShape>, readonly BlockRow[]> = {
  ...AUDITING,
  name: 'corpus.blocks-to-audit',
  summary: 'Read a page of blocks of one level.',
  input: pageShape,
  output: own<readonly BlockRow[]>(),
  run: ({ tx, zone }, { document_id, state, ...page }) =>
    pageOfBlocks(tx, { zone_id: zone.zone_id, document_id, state }, page),
};

export const integrityOperations = [
  ...ofBrick('corpus', [integrity]),
  documentsToAudit,
  documentToAudit,
  blocksToAudit,
];
