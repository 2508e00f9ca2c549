/**
 * Who sees which documents, and what stands on them (corpus.md §2). Guarantees: the right to read the path is asked anew each
 * time, on the snapshot of the call; what is not seen is not there: not found, not listed, not counted.
 */
import { Fault } from '../../../base/faults.ts';
import { isUuid } from '../../../base/ids.ts';
import type { Call } from '../../../core/operation.ts';
import { belowAny, inPathSet } from '../../files/within.ts';
import { type BaseKind, listBases } from './bases.sql.ts';
import { type Condition, type DocumentRow, findDocument, findDocuments } from './documents.sql.ts';

type Looking = Pick<Call, 'access' | 'tx' | 'zone'>;

const maySee = async ({ access }: Looking, { source, path }: DocumentRow): Promise<boolean> =>
  // The operator's folder is everybody's in zone root, and in a zone that was imported from an export of root.
  source === 'disk' || access.allows('read', path);

export const documentNotFound = (): Fault => new Fault('NOT_FOUND', 'Document not found');

/** The document, where it is there and the caller may see it; undefined otherwise. An id in capitals is the same. */
export async function findSeen(call: Looking, document_id: string): Promise<DocumentRow | undefined> {
  if (!isUuid(document_id)) return undefined;
  const row = await findDocument(call.tx, call.zone.zone_id, document_id.toLowerCase());
  return row && (await maySee(call, row)) ? row : undefined;
}

/** NOT_FOUND unless it is there and may be seen. */
export async function getDocument(call: Looking, document_id: string): Promise<DocumentRow> {
  const row = await findSeen(call, document_id);
  if (!row) throw documentNotFound();
  return row;
}

/** Are all of them there, and may the caller see each? */
export async function seesDocuments(call: Looking, ids: readonly string[]): Promise<boolean> {
  if (ids.length === 0) return true;
  const rows = await findDocuments(call.tx, call.zone.zone_id, ids);
  if (rows.length < new Set(ids).size) return false;
  for (const row of rows) if (!(await maySee(call, row))) return false;
  return true;
}

/** May the caller see a thing, by the documents that it stands on? */
export const seesThing = async (call: Looking, kind: BaseKind, thing_id: string): Promise<boolean> =>
  seesDocuments(call, await listBases(call.tx, call.zone.zone_id, { kind, thing_id }));

/** Of documents, in a statement on corpus_documents. */
export async function seenDocuments(call: Looking): Promise<Condition> {
  const readable = await call.access.readable();
  if (readable.everything) return { sql: '', params: [] };
  const { sql, params } = inPathSet('corpus_documents.path', readable, call.tx.dialect);
  return { sql: ` AND (corpus_documents.source = 'disk' OR ${sql})`, params: params.map(String) };
}

/** Of things that stand on documents, in a statement where `id` is the column of their id, named with its table. */
export async function seenThings(call: Looking, kind: BaseKind, id: string): Promise<Condition> {
  const readable = await call.access.readable();
  if (readable.everything) return { sql: '', params: [] };
  return {
    sql: ` AND NOT EXISTS (SELECT 1 FROM corpus_bases b JOIN corpus_documents d ON d.zone_id = b.zone_id AND d.document_id = b.document_id
      WHERE b.zone_id = ? AND b.kind = ? AND b.thing_id = ${id} AND d.source = 'zone' AND NOT ${belowAny('d.path', call.tx.dialect)})`,
    params: [call.zone.zone_id, kind, JSON.stringify(readable.roots)],
  };
}
