/**
 * Keeping branches that were made, in the transaction of a call. Guarantees: rows, what they stand on, the names of their texts
 * and the event of the log commit together; nobody's branch is changed by it, so callers on one parent never wait for, nor undo,
 * each other.
 */
import type { Mode } from '../../../core/call/tokens.ts';
import type { Call } from '../../../core/operation.ts';
import type { NewBlob } from '../../content/content.sql.ts';
import { keepBases } from '../documents/bases.sql.ts';
import { nameTexts } from '../documents/texts.ts';
import { hashOf } from '../text/rules.ts';
import type { Base } from './bases.ts';
import { type BranchRow, insertBranches } from './branches.sql.ts';
import type { NewBranch } from './making.ts';

export interface Keeping {
  readonly base: Base;
  readonly mode: Mode;
  /** One on the other, the first on the base. */
  readonly branches: readonly NewBranch[];
  /** Of a merge. */
  readonly right_branch_id?: string;
  /** What they stand on beside the base: documents of what was merged or remixed into them. */
  readonly documents?: readonly string[];
}

/** The text that a lineage begins with stays, whatever becomes of its document. */
const rootBlob = ({ parent, text }: Base): NewBlob | undefined => {
  if (parent) return undefined;
  return text ? { ...text, utf8: true } : { sha256: hashOf(''), size: 0, utf8: true, inline: new Uint8Array() };
};

export async function keepBranches(call: Call, keeping: Keeping): Promise<void> {
  const { tx, now } = call;
  const { zone_id } = call.zone;
  const { base, branches } = keeping;
  const root = rootBlob(base);
  await nameTexts(tx, [...(root ? [root] : []), ...branches.map(({ blob }) => blob)], now);
  await insertBranches(tx, rowsOf(keeping, { zone_id, root_hash: root?.sha256 ?? null, created_at: now }));
  const documents = [...base.documents, ...(keeping.documents ?? [])];
  for (const { branch_id: thing_id } of branches) await keepBases(tx, zone_id, { kind: 'branch', thing_id, documents });
  for (const { branch_id, event_type } of branches.slice(-1)) {
    const data = { event_type, parent_branch_id: base.parent?.branch_id ?? null, branches: branches.length };
    call.event({ type: 'branch.created', object: { type: 'branch', id: branch_id }, data });
  }
}

function rowsOf(
  { base, mode, branches, right_branch_id }: Keeping,
  { root_hash, ...own }: Pick<BranchRow, 'zone_id' | 'root_hash' | 'created_at'>,
): BranchRow[] {
  const { parent, root_document_id } = base;
  return branches.map(({ blob, preview: _preview, diff_summary, ...branch }, index) => ({
    ...own,
    ...branch,
    payload_bytes: Buffer.byteLength(branch.payload) + (branch.carried !== null && blob.inline ? blob.size : 0),
    diff_summary: JSON.stringify(diff_summary),
    parent_branch_id: (index === 0 ? parent?.branch_id : branches[index - 1]?.branch_id) ?? null,
    right_branch_id: right_branch_id ?? null,
    root_document_id,
    root_hash: index === 0 ? root_hash : null,
    mode,
    branch_version: (parent?.branch_version ?? 0) + index + 1,
  }));
}
