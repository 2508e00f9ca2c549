/** What a branch is made on, and who sees one (corpus.md §2, §9). */
import { Fault } from '../../../base/faults.ts';
import { isUuid } from '../../../base/ids.ts';
import { type Limits, limitExceeded } from '../../../base/limits.ts';
import type { Call } from '../../../core/operation.ts';
import { listBases } from '../documents/bases.sql.ts';
import { getDocument, seesThing } from '../documents/sight.ts';
import { findKept, type KeptText } from '../documents/texts.ts';
import { type BranchRow, findBranch } from './branches.sql.ts';
import { badRequest } from './events/event.ts';

type Looking = Pick<Call, 'access' | 'tx' | 'zone'>;

/** The same for an unknown id and for one that is not seen. */
const branchNotFound = (id: string): Fault => new Fault('NOT_FOUND', `Branch ${id.slice(0, 64)} not found`);

/** NOT_FOUND unless it is there and the caller sees all documents that it stands on. */
export async function getBranch(call: Looking, branch_id: string): Promise<BranchRow> {
  const row = isUuid(branch_id) ? await findBranch(call.tx, call.zone.zone_id, branch_id.toLowerCase()) : undefined;
  if (row && (await seesThing(call, 'branch', row.branch_id))) return row;
  throw branchNotFound(branch_id);
}

/** A branch or a document on which a branch is made. Plain data. */
export interface Base {
  readonly parent: Pick<BranchRow, 'branch_id' | 'branch_version'> | null;
  readonly root_document_id: string | null;
  /** Documents that it stands on. */
  readonly documents: readonly string[];
  /** Null where a document has none, which is as an empty one. */
  readonly text: KeptText | null;
}

export interface BaseNames {
  readonly parent_branch_id?: string | null | undefined;
  readonly root_document_id?: string | null | undefined;
}

export async function baseOfBranch(call: Looking, branch_id: string): Promise<Base> {
  const row = await getBranch(call, branch_id);
  const documents = await listBases(call.tx, row.zone_id, { kind: 'branch', thing_id: row.branch_id });
  const text = (await findKept(call.tx, row.text_hash)) ?? null;
  return { parent: row, root_document_id: row.root_document_id, documents, text };
}

export async function baseOfDocument(call: Looking, document_id: string): Promise<Base> {
  const row = await getDocument(call, document_id);
  if (row.status === 'conflict') throw new Fault('CONFLICT', 'Document is conflicted; no branch can begin with it');
  const text = row.text_hash === null ? null : ((await findKept(call.tx, row.text_hash)) ?? null);
  return { parent: null, root_document_id: row.document_id, documents: [row.document_id], text };
}

/** NOT_FOUND, CONFLICT or BAD_REQUEST, in this order. */
export function getBase(call: Looking, { parent_branch_id, root_document_id }: BaseNames): Promise<Base> {
  if (parent_branch_id) return baseOfBranch(call, parent_branch_id);
  if (root_document_id) return baseOfDocument(call, root_document_id);
  throw badRequest('root_document_id is required when parent_branch_id is not provided');
}

/** LIMIT_EXCEEDED where so many events more would make a lineage too long. */
export function checkLineage({ parent }: Base, more: number, limits: Limits): void {
  const actual = (parent?.branch_version ?? 0) + more;
  const maximum = limits.LINEAGE_EVENTS;
  if (actual > maximum) throw limitExceeded('LINEAGE_EVENTS', maximum, { actual, what: 'events of a lineage' });
}
