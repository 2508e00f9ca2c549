/**
 * Documents as clients ask for them (corpus.md §14). Guarantees: one that the caller may not see is not found, not listed and
 * not counted; a list costs the same number of statements whatever its length.
 */

import { z } from 'zod';
import { pageParams } from '../../../base/page-params.ts';
import { type Operation, ofBrick, type StoredBytes } from '../../../core/operation.ts';
import {
  type DocumentObject,
  documentObject,
  EXTRACT_BYTES,
  provenanceOf,
  provenanceShape,
  toDocument,
} from './document-object.ts';
import { countDocuments, type DocumentRow, listDocuments, listVariants } from './documents.sql.ts';
import { getDocument, seenDocuments } from './sight.ts';
import { countAtoms } from './stored.ts';
import { findKept, type KeptText, readKept } from './texts.ts';

const ROOT = '/api/v1/documents';
export const VIEWER = { role: 'viewer' } as const;
export const documentId = z.string().describe('id of the document');
export const onlyDocument = z.object({ document_id: documentId });
export type OnlyDocument = z.infer<typeof onlyDocument>;

const pageInput = z.object({
  ...pageParams({ unless: 1000 }),
});
const listOutput = z.object({ documents: z.array(documentObject), total: z.number() });
export type DocumentList = z.infer<typeof listOutput>;

const list: Operation<z.infer<typeof pageInput>, DocumentList> = {
  name: 'document.list',
  summary: 'List documents, oldest first.',
  effect: 'read',
  who: VIEWER,
  input: pageInput,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: ROOT, tolerant: true },
  cli: { words: 'document list' },
  examples: [{ title: 'all of them', input: {} }],
  run: async (call, page) => {
    const { tx } = call;
    const { zone_id } = call.zone;
    const where = await seenDocuments(call);
    const rows = await listDocuments(tx, zone_id, { where, page });
    const counted = await countAtoms(tx, zone_id, rows);
    return {
      documents: rows.map((row) => toDocument(row, counted(row))),
      total: await countDocuments(tx, zone_id, where),
    };
  },
};

const variantShape = z.object({ document_id: z.string(), variant_group: z.string(), variant_type: z.string() });

const getOutput = documentObject.extend({
  title: z.string(),
  size_bytes: z.number(),
  provenance: provenanceShape,
  variants: z.array(variantShape),
});
export type DocumentDetails = z.infer<typeof getOutput>;

interface Found {
  readonly row: DocumentRow;
  readonly shown: DocumentObject;
  readonly variants: z.infer<typeof variantShape>[];
  readonly kept: KeptText | undefined;
}

const get: Operation<OnlyDocument, DocumentDetails, OnlyDocument, Found> = {
  name: 'document.get',
  summary: 'Show a document with where it came from and its variants.',
  effect: 'read',
  who: VIEWER,
  input: onlyDocument,
  output: getOutput,
  faults: ['NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/:document_id`, tolerant: true },
  cli: { words: 'document get', args: ['document_id'] },
  run: async (call, { document_id }) => {
    const { tx } = call;
    const row = await getDocument(call, document_id);
    const siblings = await listVariants(tx, row, await seenDocuments(call));
    const isIngested = siblings.some((one) => one.document_id === row.document_id);
    const variants = siblings.filter((one) => isIngested && one.document_id !== row.document_id);
    return {
      row,
      shown: toDocument(row, (await countAtoms(tx, row.zone_id, [row]))(row)),
      variants: variants.map((one) => ({
        document_id: one.document_id,
        variant_group: `sibling::${row.stem}`,
        variant_type: 'sibling_representation',
      })),
      kept: row.text_hash === null ? undefined : await findKept(tx, row.text_hash),
    };
  },
  finish: async ({ row, shown, variants, kept }, { blobs }) => {
    const head = kept ? await readKept(blobs, kept, { end: EXTRACT_BYTES }) : new Uint8Array();
    const provenance = provenanceOf(row, Buffer.from(head).toString('utf8'));
    return { ...shown, title: row.title, size_bytes: row.size_bytes, provenance, variants };
  },
};

const textOutput = z.object({ content: z.custom<StoredBytes>((value) => typeof value === 'object' && value !== null) });
export type DocumentText = z.infer<typeof textOutput>;

/** Of the empty text, which no blob is kept for. */
const NO_TEXT: StoredBytes = {
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  size: 0,
  inline: new Uint8Array(),
};

const text: Operation<OnlyDocument, DocumentText> = {
  name: 'document.text',
  summary: 'Read the text that was extracted from a document.',
  effect: 'read',
  who: VIEWER,
  ownDoor: true,
  input: onlyDocument,
  output: textOutput,
  faults: ['NOT_FOUND'],
  run: async (call, { document_id }) => {
    const { text_hash } = await getDocument(call, document_id);
    const kept = text_hash === null ? undefined : await findKept(call.tx, text_hash);
    return { content: kept ?? NO_TEXT };
  },
};

export const documentOperations = ofBrick('corpus', [list, get, text]);
