/**
 * How a call and the stores outside meet. A transaction waits for nothing, so one that needs a look at a store, or a change of
 * it, breaks off with a {@link Detour}; what it asked for is done outside of it, and the call runs again with a
 * {@link Passage} that says so (features/mounts/).
 */
import type { BackendConfig, Connector, Entry, Place } from '../../ports/backend.ts';
import type { ToolDesk } from './tool-desk.ts';

/** How changes reach the store: before they are answered, or later. */
export type WriteMode = 'through' | 'back';

/** An active mount, as calls of its zone need it. */
export interface MountPoint {
  /** Of this very mount: another one at the same place has another id. */
  readonly mount_id: string;
  readonly mount_point: string;
  readonly backend_type: string;
  readonly readonly: boolean;
  readonly write_mode: WriteMode;
  /** What the store can do: see Capabilities of the port. */
  readonly rename: boolean;
  readonly directories: boolean;
}

/** What a call is about to read or change of the tree, where some of it may lie outside. */
export interface Reach {
  readonly path: string;
  /** The thing itself, the entries of a directory, or all that is below. */
  readonly depth: 'one' | 'entries' | 'tree';
  /** Its bytes or their hash are needed, not only that it is there. */
  readonly content: boolean;
  /** As it was, or on a branch: no store knows that. */
  readonly past?: boolean;
  /** It is replaced, whatever is there: of a write-back mount that is for the push to find out. */
  readonly blind?: boolean;
  /** It is removed, whatever is there: the same, for the files that are known to be there. */
  readonly removed?: boolean;
  /** It is moved: what a store gets of that later is all that is below, with what files hold. */
  readonly moves?: boolean;
}

/** A look at a store that has to come before the transaction. */
export interface Look extends Omit<Reach, 'past' | 'moves' | 'blind' | 'removed'> {
  readonly mount_id: string;
  /** What is known stays as it is known; only what is new is taken over. */
  readonly onlyNew?: boolean;
}

/** One change of a store. Paths are those of the zone. */
export type Step =
  | {
      readonly op: 'write';
      readonly path: string;
      readonly sha256: string;
      readonly size: number;
      /** Tag of what is to be replaced; null for nothing, undefined for whatever is there. */
      readonly expect: string | null | undefined;
    }
  | { readonly op: 'remove'; readonly path: string; readonly expect: string | null | undefined }
  | { readonly op: 'mkdir'; readonly path: string }
  | { readonly op: 'rmdir'; readonly path: string; readonly recursive: boolean }
  | { readonly op: 'rename'; readonly path: string; readonly from: string; readonly overwrite: boolean };

export interface PlannedStep {
  readonly mount_id: string;
  readonly step: Step;
}

/** A store that is about to be mounted, and where its call has found that it is to lie. */
export interface NewStore {
  readonly mount_point: string;
  readonly backend_type: string;
  readonly config: string;
  /** Sealed. */
  readonly secrets: string;
  readonly place: Place;
}

export type Demand =
  | { readonly kind: 'store'; readonly store: NewStore }
  | { readonly kind: 'look'; readonly looks: readonly Look[] }
  | {
      readonly kind: 'hashes';
      readonly paths: readonly string[];
      /** What they are for; stands in the passage once they were looked for. */
      readonly of: string;
    }
  | {
      readonly kind: 'change';
      readonly steps: readonly PlannedStep[];
      /** Small contents by their hash, which no row has yet. */
      readonly inline: readonly (readonly [string, Uint8Array])[];
    };

export class Detour extends Error {
  readonly demand: Demand;

  constructor(demand: Demand) {
    super('a call needs something of a store outside');
    this.name = 'Detour';
    this.demand = demand;
  }
}

/** What has been done for a call. Plain data: it crosses threads. */
export interface Passage {
  /** Texts of the looks, and what hashes were looked for. */
  readonly looked: readonly string[];
  /** A store that is there now; by its id it can be taken away again. */
  readonly made?: { readonly made_id: string; readonly place: Place };
  readonly change?: {
    readonly intent_id: string;
    readonly steps: readonly PlannedStep[];
    /** What is there now under each path that was written. */
    readonly entries: readonly (readonly [string, Entry])[];
  };
}

/** Kinds of stores, and what operations on mounts need of them. */
export interface Stores {
  readonly connectors: readonly Connector[];
  /** MCP servers, which are mounted too. */
  readonly tools: ToolDesk;
  /**
   * Where a store lies, within the time that a call of one may take. It was reached, unless it is of a kind that is made: then the
   * call that mounts it demands that, once it knows that nothing else is in its way.
   */
  locate(connector: Connector, config: BackendConfig): Promise<Place>;
  /** Secrets as they are stored, and back. */
  seal(secrets: BackendConfig, zone_id: string): string;
  unseal(sealed: string, zone_id: string): BackendConfig;
}
