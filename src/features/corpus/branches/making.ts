/**
 * Making branches ahead of the transaction that keeps them. Guarantees: their texts are computed and durable before a row names
 * them; what takes more than a few milliseconds is computed beside the event loop; a text that is large is held once at a time.
 */

import { newUuid } from '../../../base/ids.ts';
import { AT_ONCE_BYTES } from '../../../core/call/computing.ts';
import type { Preparation } from '../../../core/operation.ts';
import type { Blobs } from '../../../ports/blobs.ts';
import type { NewBlob } from '../../content/content.sql.ts';
import { type KeptText, keepTextBytes, readKept } from '../documents/texts.ts';
import { hashOf } from '../text/rules.ts';
import type { Base } from './bases.ts';
import type { BranchEvent } from './events/apply.ts';
import {
  type ComingEvent,
  type Evolving,
  evolve,
  evolveTask,
  type MadeEvent,
  type MergeMade,
  type Merging,
  makeMerge,
  mergeTask,
  type TextBytes,
} from './evolving.ts';

/** Bytes of texts, and events, that one computation beside the event loop gives. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_EVENTS = 256;

/** A branch whose text is stored. Plain data: it crosses threads. */
export type NewBranch = Omit<MadeEvent, 'bytes'> & { readonly blob: NewBlob };

export type Making = Pick<Preparation, 'blobs' | 'computing' | 'limits' | 'run' | 'tokens'>;

const EMPTY: TextBytes = { bytes: new Uint8Array(), text_hash: hashOf('') };

export const bytesOf = async (text: KeptText | null, blobs: Blobs): Promise<TextBytes> =>
  text ? { bytes: await readKept(blobs, text), text_hash: text.sha256 } : EMPTY;

/** Stores a text ahead of the transaction whose rows name it. */
export const storeText = (
  { bytes, text_hash: sha256 }: TextBytes,
  keeping: Pick<Making, 'blobs' | 'run'>,
): Promise<NewBlob> => keepTextBytes({ bytes, sha256 }, keeping);

const stored = async ({ bytes, ...made }: MadeEvent, making: Making): Promise<NewBranch> => ({
  ...made,
  blob: await storeText({ bytes, text_hash: made.text_hash }, making),
});

/** About how many bytes an event has to do with, on so long a text. */
function weightOf({ event_type, payload }: BranchEvent, bytes: number): number {
  const own = JSON.stringify(payload).length;
  return own + (event_type === 'glyph_fusion' ? bytes * String(payload.fused).length : bytes);
}

const isShort = ({ base, events }: Evolving): boolean => {
  let weight = 0;
  for (const event of events) {
    weight += weightOf(event, base.bytes.byteLength);
    if (weight > AT_ONCE_BYTES) return false;
  }
  return true;
};

const evolved = async (asked: Evolving, { computing }: Making): Promise<MadeEvent[]> =>
  isShort(asked)
    ? evolve({ ...asked, pauseBytes: AT_ONCE_BYTES })
    : computing.run(evolveTask, { ...asked, events: asked.events.slice(0, BATCH_EVENTS) });

const newIds = ({ tokens }: Making) => {
  const now = tokens.now();
  return { branch_id: newUuid(now), event_id: newUuid(now) };
};

/** Branches one on the other, the first on the base. `events` are validated; `isMany`: faults name the one that is refused. */
export async function makeBranches(
  base: Base,
  { events, isMany }: { readonly events: readonly BranchEvent[]; readonly isMany: boolean },
  making: Making,
): Promise<NewBranch[]> {
  const coming: ComingEvent[] = events.map((event) => ({ ...event, ...newIds(making) }));
  const limits = { bytesMax: making.limits.INGEST_TEXT_BYTES, pauseBytes: BATCH_BYTES };
  const made: NewBranch[] = [];
  let at = await bytesOf(base.text, making.blobs);
  while (made.length < coming.length) {
    const first = isMany ? made.length : undefined;
    const some = await evolved({ ...limits, base: at, events: coming.slice(made.length), first }, making);
    at = some.at(-1) ?? at;
    for (const one of some) made.push(await stored(one, making));
  }
  return made;
}

export type MergeNames = Pick<Merging, 'strategy' | 'left_branch_id' | 'right_branch_id' | 'lca_branch_id'>;

export async function mergeBranches(
  left: Base,
  right: Base,
  { names, making }: { readonly names: MergeNames; readonly making: Making },
): Promise<Omit<MergeMade, 'made'> & { readonly branch: NewBranch }> {
  const merging: Merging = {
    ...names,
    ...newIds(making),
    left: await bytesOf(left.text, making.blobs),
    right: await bytesOf(right.text, making.blobs),
    bytesMax: making.limits.INGEST_TEXT_BYTES,
  };
  const size = merging.left.bytes.byteLength + merging.right.bytes.byteLength;
  const { made, conflict_semantics } =
    size <= AT_ONCE_BYTES ? makeMerge(merging) : await making.computing.run(mergeTask, merging);
  return { branch: await stored(made, making), conflict_semantics };
}
