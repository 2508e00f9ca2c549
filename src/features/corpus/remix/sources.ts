/**
 * What a remix is made of (corpus.md §13). Guarantees: whatever is wrong is told in the order of infrastructure.md §1: the mode,
 * what is not there or not seen, what is in conflict, then what makes no sense; source before target, document before branch.
 */
import { Fault } from '../../../base/faults.ts';
import type { Switches } from '../../../core/call/switches.ts';
import type { Mode } from '../../../core/call/tokens.ts';
import type { Call } from '../../../core/operation.ts';
import { type Base, baseOfBranch } from '../branches/bases.ts';
import type { DocumentRow } from '../documents/documents.sql.ts';
import { type LevelMade, levelsOf } from '../documents/levels.ts';
import { findSeen } from '../documents/sight.ts';
import { findKept, type KeptText } from '../documents/texts.ts';
import { getPolicy } from '../governance/decisions.ts';
import type { Policy } from '../governance/evaluate.ts';
import { levelsAmong } from '../text/selection.ts';

export const ROLES = ['source', 'target'] as const;
export type SourceRole = (typeof ROLES)[number];

export interface SideNames {
  readonly document_id: string | null;
  readonly branch_id: string | null;
}

export interface AskedRemix {
  readonly source: SideNames;
  readonly target: SideNames;
  readonly atom_levels: readonly string[];
  readonly mode: Mode;
  readonly switches: Switches;
}

/** One of the two. Plain data. */
export interface Side extends SideNames {
  /** What a branch would be made on: the branch, else the document. Its text is the one that is remixed. */
  readonly base: Base;
  /** Whose atoms are taken. */
  readonly document: { readonly text: KeptText | null; readonly levels: readonly LevelMade[] } | null;
  /** All that it stands on. */
  readonly documents: readonly string[];
}

export interface Sources {
  readonly source: Side;
  readonly target: Side;
  readonly policy: Policy;
}

const missing = (role: SourceRole, what: string, id: string): Fault =>
  new Fault('NOT_FOUND', `${role} ${what} ${id.slice(0, 64)} not found`);

/** What was named and found of a side. */
interface Named {
  readonly role: SourceRole;
  readonly row: DocumentRow | undefined;
  readonly branch: Base | undefined;
}

async function findSide(call: Call, role: SourceRole, { document_id, branch_id }: SideNames): Promise<Named> {
  const row = document_id === null ? undefined : await findSeen(call, document_id);
  if (document_id !== null && !row) throw missing(role, 'document', document_id);
  const branch = branch_id === null ? undefined : await findBranchBase(call, role, branch_id);
  return { role, row, branch };
}

async function findBranchBase(call: Call, role: SourceRole, branch_id: string): Promise<Base> {
  try {
    return await baseOfBranch(call, branch_id);
  } catch (thrown) {
    throw thrown instanceof Fault && thrown.code === 'NOT_FOUND' ? missing(role, 'branch', branch_id) : thrown;
  }
}

const textOf = async ({ tx }: Call, hash: string | null): Promise<KeptText | null> =>
  hash === null ? null : ((await findKept(tx, hash)) ?? null);

async function sideOf(call: Call, { row, branch }: Named): Promise<Side> {
  const document = row ? { text: await textOf(call, row.text_hash), levels: levelsOf(row) } : null;
  const documents = row ? [row.document_id] : [];
  const none = { parent: null, root_document_id: row?.document_id ?? null, documents, text: document?.text ?? null };
  const base = branch ?? none;
  return {
    document_id: row?.document_id ?? null,
    branch_id: branch?.parent?.branch_id ?? null,
    base,
    document,
    documents: [...new Set([...documents, ...base.documents])],
  };
}

export async function getSources(call: Call, { mode, switches, ...asked }: AskedRemix): Promise<Sources> {
  const policy = await getPolicy(call, mode, switches);
  const found = [await findSide(call, 'source', asked.source), await findSide(call, 'target', asked.target)];
  for (const { role, row } of found) {
    if (row?.status === 'conflict') throw new Fault('CONFLICT', `${role} document ${row.document_id} is conflicted`);
  }
  levelsAmong(asked.atom_levels);
  const [source, target] = (await Promise.all(found.map((one) => sideOf(call, one)))) as [Side, Side];
  if (!source.base.text?.size || !target.base.text?.size) {
    throw new Fault('BAD_REQUEST', 'Both source and target must resolve to non-empty text');
  }
  return { source, target, policy };
}
