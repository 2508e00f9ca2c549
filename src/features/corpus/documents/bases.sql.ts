/** Which documents a thing stands on. */
import type { RowsInsert, Tx } from '../../../ports/sql.ts';

export type BaseKind = 'run' | 'branch' | 'remix' | 'job';

export interface Thing {
  readonly kind: BaseKind;
  readonly thing_id: string;
}

const baseRows: RowsInsert = {
  into: 'corpus_bases',
  columns: ['zone_id', 'kind', 'thing_id', 'document_id'],
  tail: 'ON CONFLICT (zone_id, kind, thing_id, document_id) DO NOTHING',
};

/** Written with the thing. */
export const keepBases = (
  tx: Tx,
  zone_id: string,
  { kind, thing_id, documents }: Thing & { readonly documents: Iterable<string> },
): Promise<void> =>
  tx.insert(
    baseRows,
    [...new Set(documents)].map((document_id) => [zone_id, kind, thing_id, document_id]),
  );

export async function listBases(tx: Tx, zone_id: string, { kind, thing_id }: Thing): Promise<string[]> {
  const rows = await tx.all<{ document_id: string }>(
    'SELECT document_id FROM corpus_bases WHERE zone_id = ? AND kind = ? AND thing_id = ? ORDER BY document_id',
    [zone_id, kind, thing_id],
  );
  return rows.map(({ document_id }) => document_id);
}
