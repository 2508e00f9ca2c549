/** Rows of documents. Every write of one runs under the lock of its zone. */
import type { Tx } from '../../../ports/sql.ts';
import type { Modality } from '../plugins/plugin.ts';

export type DocumentSource = 'disk' | 'zone';
export type DocumentStatus = 'new' | 'parsed' | 'ingested' | 'ingested_with_warnings' | 'conflict';
export type ModalityStatus = 'complete' | 'partial' | 'pending' | 'failed';

/** Where a document is found. */
export interface DocumentPlace {
  readonly source: DocumentSource;
  /** Absolute on disk, or of the zone. */
  readonly path: string;
}

/** What ingestion says of a document. */
export interface DocumentFacts {
  readonly title: string;
  /** By which variants find one another. */
  readonly stem: string;
  readonly modality: Modality;
  readonly checksum: string;
  readonly size_bytes: number;
  readonly status: DocumentStatus;
  readonly conflict_reason: string | null;
  readonly modality_status: ModalityStatus;
  /** JSON: `LevelMade[]`. */
  readonly levels: string;
  readonly text_hash: string | null;
  readonly text_bytes: number;
  readonly text_chars: number;
  /** JSON. */
  readonly segments: string;
  /** JSON: `DocumentOptions`. */
  readonly options: string;
}

export interface DocumentRow extends DocumentPlace, DocumentFacts {
  readonly zone_id: string;
  readonly document_id: string;
  /** Which blocks are its atoms. */
  readonly state: number;
  /** JSON: links to documents of other modalities. */
  readonly links: string;
  readonly claim_job: string | null;
  readonly claim_attempt: number | null;
  /** The newest state that was begun. */
  readonly claim_state: number;
  readonly created_at: number;
  readonly updated_at: number;
}

const FACTS = [
  'title',
  'stem',
  'modality',
  'checksum',
  'size_bytes',
  'status',
  'conflict_reason',
  'modality_status',
  'levels',
  'text_hash',
  'text_bytes',
  'text_chars',
  'segments',
  'options',
] as const satisfies readonly (keyof DocumentFacts)[];

export const DOCUMENT = [
  'zone_id',
  'document_id',
  'source',
  'path',
  ...FACTS,
  'state',
  'links',
  'claim_job',
  'claim_attempt',
  'claim_state',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof DocumentRow)[];
const ALL = DOCUMENT.join(', ');

/** One that has never been shown is none. */
const SHOWN = "status <> 'new'";

export const findDocument = (tx: Tx, zone_id: string, document_id: string): Promise<DocumentRow | undefined> =>
  tx.get<DocumentRow>(`SELECT ${ALL} FROM corpus_documents WHERE zone_id = ? AND document_id = ? AND ${SHOWN}`, [
    zone_id,
    document_id,
  ]);

export const findDocuments = (tx: Tx, zone_id: string, ids: readonly string[]): Promise<DocumentRow[]> =>
  tx.all<DocumentRow>(
    `SELECT ${ALL} FROM corpus_documents WHERE zone_id = ? AND ${SHOWN}
       AND document_id IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, JSON.stringify(ids)],
  );

/** Also one that was never shown. */
export const findByPlace = (tx: Tx, zone_id: string, place: DocumentPlace): Promise<DocumentRow | undefined> =>
  tx.get<DocumentRow>(`SELECT ${ALL} FROM corpus_documents WHERE zone_id = ? AND source = ? AND path = ?`, [
    zone_id,
    place.source,
    place.path,
  ]);

/** The same of some files. */
export async function listByPlaces(tx: Tx, zone_id: string, places: readonly DocumentPlace[]): Promise<DocumentRow[]> {
  const all: DocumentRow[] = [];
  for (const [source, some] of Map.groupBy(places, (place) => place.source)) {
    const paths = JSON.stringify(some.map(({ path }) => path));
    const where = `zone_id = ? AND source = ? AND path IN (SELECT value FROM ${tx.dialect.textsOf})`;
    all.push(
      ...(await tx.all<DocumentRow>(`SELECT ${ALL} FROM corpus_documents WHERE ${where}`, [zone_id, source, paths])),
    );
  }
  return all;
}

const NOTHING: Omit<DocumentFacts, 'title' | 'stem' | 'modality'> = {
  checksum: '',
  size_bytes: 0,
  status: 'new',
  conflict_reason: null,
  modality_status: 'pending',
  levels: '[]',
  text_hash: null,
  text_bytes: 0,
  text_chars: 0,
  segments: '{}',
  options: '{}',
};

export type NewDocument = Pick<
  DocumentRow,
  'zone_id' | 'document_id' | 'source' | 'path' | 'title' | 'stem' | 'modality'
>;

/** A document that is not shown before its first ingestion has ended. */
export async function insertDocument(tx: Tx, made: NewDocument, now: number): Promise<DocumentRow> {
  const row: DocumentRow = {
    ...NOTHING,
    ...made,
    state: 0,
    links: '[]',
    claim_job: null,
    claim_attempt: null,
    claim_state: 0,
    created_at: now,
    updated_at: now,
  };
  await tx.run(
    `INSERT INTO corpus_documents (${ALL}) VALUES (${DOCUMENT.map(() => '?').join(', ')})`,
    DOCUMENT.map((column) => row[column]),
  );
  return row;
}

/** The attempt of a job that is at a document, and the state that it makes. */
export interface Claim {
  readonly job_id: string;
  readonly attempt: number;
  readonly state: number;
}

export async function claimDocument(tx: Tx, row: DocumentRow, claim: Claim): Promise<void> {
  await tx.run(
    'UPDATE corpus_documents SET claim_job = ?, claim_attempt = ?, claim_state = ? WHERE zone_id = ? AND document_id = ?',
    [claim.job_id, claim.attempt, claim.state, row.zone_id, row.document_id],
  );
}

/** Shows what ingestion came to, from this commit on. Names the blobs, so that they stay. */
export async function showDocument(
  tx: Tx,
  { zone_id, document_id, state }: Pick<DocumentRow, 'zone_id' | 'document_id' | 'state'>,
  { facts, now }: { readonly facts: DocumentFacts; readonly now: number },
): Promise<void> {
  await tx.run(
    `UPDATE corpus_documents SET ${FACTS.map((column) => `${column} = ?`).join(', ')}, state = ?, updated_at = ?,
       raw_blob = (SELECT blob_id FROM blobs WHERE sha256 = ?), text_blob = (SELECT blob_id FROM blobs WHERE sha256 = ?)
     WHERE zone_id = ? AND document_id = ?`,
    [...FACTS.map((column) => facts[column]), state, now, facts.checksum, facts.text_hash, zone_id, document_id],
  );
}

export async function releaseDocument(tx: Tx, zone_id: string, document_id: string): Promise<void> {
  await tx.run(
    'UPDATE corpus_documents SET claim_job = NULL, claim_attempt = NULL WHERE zone_id = ? AND document_id = ?',
    [zone_id, document_id],
  );
}

/** What a job was at when an attempt of it ended; also documents that were never shown. */
export const listClaimed = (tx: Tx, zone_id: string, job_id: string): Promise<DocumentRow[]> =>
  tx.all<DocumentRow>(`SELECT ${ALL} FROM corpus_documents WHERE claim_job = ? AND zone_id = ?`, [job_id, zone_id]);

export async function saveLinks(
  tx: Tx,
  { zone_id, document_id }: Pick<DocumentRow, 'zone_id' | 'document_id'>,
  links: string,
): Promise<void> {
  await tx.run('UPDATE corpus_documents SET links = ? WHERE zone_id = ? AND document_id = ?', [
    links,
    zone_id,
    document_id,
  ]);
}

export interface Page {
  readonly limit: number;
  readonly offset: number;
}

/** A condition on rows of a table that begins with AND; empty where all are seen. */
export interface Condition {
  readonly sql: string;
  readonly params: readonly string[];
}

/** Oldest first. */
export const listDocuments = (
  tx: Tx,
  zone_id: string,
  { where, page }: { readonly where: Condition; readonly page: Page },
): Promise<DocumentRow[]> =>
  tx.all<DocumentRow>(
    `SELECT ${ALL} FROM corpus_documents WHERE zone_id = ? AND ${SHOWN}${where.sql}
     ORDER BY created_at, document_id LIMIT ? OFFSET ?`,
    [zone_id, ...where.params, page.limit, page.offset],
  );

export async function countDocuments(tx: Tx, zone_id: string, where: Condition): Promise<number> {
  const row = await tx.get<{ n: number }>(
    `SELECT COUNT(*) AS n FROM corpus_documents WHERE zone_id = ? AND ${SHOWN}${where.sql}`,
    [zone_id, ...where.params],
  );
  return row?.n ?? 0;
}

/** Ingested ones with the same stem. */
export const listVariants = (
  tx: Tx,
  { zone_id, stem }: Pick<DocumentRow, 'zone_id' | 'stem'>,
  where: Condition,
): Promise<DocumentRow[]> =>
  tx.all<DocumentRow>(
    `SELECT ${ALL} FROM corpus_documents WHERE zone_id = ? AND stem = ? AND status IN ('ingested', 'ingested_with_warnings')
     ${where.sql} ORDER BY created_at, document_id`,
    [zone_id, stem, ...where.params],
  );
