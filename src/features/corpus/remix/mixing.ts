/**
 * The work of a remix: its text, its hashes, the terms that governance looks for, and the event of the branch that is made of
 * it. Pure, and run beside the event loop where it may take long.
 */
import type { Task } from '../../../core/call/computing.ts';
import type { Mode } from '../../../core/call/tokens.ts';
import { validateEvent } from '../branches/events/apply.ts';
import { decoded, evolve, type MadeEvent, type TextBytes } from '../branches/evolving.ts';
import type { Level } from '../documents/levels.ts';
import { findBlocked } from '../governance/evaluate.ts';
import type { Findings } from '../governance/terms.ts';
import { hashOf } from '../text/rules.ts';
import { joinedAtoms } from './levels.ts';
import { payloadHash, type Recipe, type RemixPayload, remixed, rngSeedHex, type Strategy } from './strategies.ts';

/** A side whose atoms are taken: of another text than its own, where `bytes` are given. */
export interface TakenAtoms {
  readonly level: Level;
  readonly bytes: Uint8Array | null;
}

export interface MixedSide {
  readonly text: TextBytes;
  readonly atoms: TakenAtoms | null;
}

/** The ids of both sides. */
export type SourceIds = Pick<
  RemixPayload,
  'source_document_id' | 'source_branch_id' | 'target_document_id' | 'target_branch_id'
>;

export interface Mixing {
  readonly strategy: Strategy;
  readonly seed: number;
  readonly mode: Mode;
  readonly atom_levels: readonly string[];
  readonly ids: SourceIds;
  readonly source: MixedSide;
  readonly target: MixedSide;
  /** That governance looks for. */
  readonly terms: readonly string[];
  readonly bytesMax: number;
  readonly remix_artifact_id: string | null;
  /** The branch that is to be made on the source. */
  readonly branch: { readonly branch_id: string; readonly event_id: string } | null;
}

export interface Mixed {
  readonly text: TextBytes;
  readonly payload_hash: string;
  readonly rng_seed_hex: string;
  readonly findings: Findings;
  readonly made: MadeEvent | null;
}

const workedOn = ({ text, atoms }: MixedSide): string =>
  atoms ? joinedAtoms(decoded(atoms.bytes ?? text.bytes), atoms.level) : decoded(text.bytes);

/** LIMIT_EXCEEDED where its text would have more than so many bytes. */
export function mix(mixing: Mixing): Mixed {
  const { strategy, seed, mode, atom_levels, ids, source, target, bytesMax } = mixing;
  const hashes = { source_hash: source.text.text_hash, target_hash: target.text.text_hash };
  const recipe: Recipe = { strategy, seed, atom_levels, ...hashes };
  const text = remixed(workedOn(source), workedOn(target), { ...recipe, bytesMax });
  const text_hash = hashOf(text);
  const payload_hash = payloadHash({ strategy, seed, mode, ...ids, atom_levels, text_hash });
  const made = mixing.branch && branchOf(mixing, { text, payload_hash, ...mixing.branch });
  return {
    text: { bytes: made?.bytes ?? Buffer.from(text), text_hash },
    payload_hash,
    rng_seed_hex: rngSeedHex(recipe),
    findings: findBlocked(text, mixing),
    made,
  };
}

interface Remixed {
  readonly text: string;
  readonly payload_hash: string;
  readonly branch_id: string;
  readonly event_id: string;
}

function branchOf(mixing: Mixing, { text, payload_hash, ...branch }: Remixed): MadeEvent {
  const { seed, strategy, ids, atom_levels, remix_artifact_id, bytesMax } = mixing;
  const payload = {
    seed,
    strategy,
    remixed_text: text,
    remix_payload_hash: payload_hash,
    ...ids,
    atom_levels,
    remix_artifact_id,
  };
  const event = { ...validateEvent({ event_type: 'remix', payload }), ...branch };
  const [made] = evolve({ base: mixing.source.text, events: [event], bytesMax, pauseBytes: 0 });
  if (!made) throw new Error('a remix made no branch');
  return made;
}

export const mixTask: Task<Mixing, Mixed> = { name: 'remix.mix', compute: mix };
