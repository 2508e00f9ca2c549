/** What calls may use of backups: the places where they are kept, and the state of the whole server. */
import type { Depot } from '../../ports/depot.ts';

export interface BackupDesk {
  /** Where backups go unless somebody says otherwise. */
  readonly destination: string;
  /** INVALID_PARAMS where the text is no destination, or it cannot be written, read and deleted there. */
  probe(destination: string): Promise<void>;
  /** To look at what is kept there. UPSTREAM_FAILED where it is out of reach. */
  open(destination: string): Promise<Depot>;
  /**
   * The state becomes that of a backup, on all nodes, after a backup of what there is; gives the id of that. Nothing has
   * changed where it throws.
   */
  restore(asked: {
    readonly destination: string;
    readonly backup_id: string;
    readonly signal: AbortSignal;
  }): Promise<string>;
  /** All of one zone, as pieces of whole lines. */
  exportZone(asked: { readonly zone_id: string; readonly signal: AbortSignal }): AsyncIterable<Uint8Array>;
  /** A zone of what one was exported as: all of it, or an error and nothing. BACKUP_DAMAGED, ALREADY_EXISTS, CONFLICT. */
  importZone(asked: {
    /** Where its bytes are: in the blob store unless they are here. */
    readonly file: { readonly sha256: string; readonly size: number; readonly inline: Uint8Array | null };
    readonly zone_id: string | undefined;
    readonly contents: ContentKeeping;
    readonly signal: AbortSignal;
  }): Promise<ImportedZone>;
}

export interface ImportedZone {
  readonly zone_id: string;
  readonly from: string;
  readonly rows: number;
  readonly contents: number;
  readonly keys_left_out: number;
}

interface NewContent {
  readonly sha256: string;
  readonly size: number;
  readonly utf8: boolean;
}

/** Contents that no row names yet; collection spares them for an hour. */
export interface ContentKeeping {
  /** Before their bytes go to the blob store. */
  reserve(contents: readonly NewContent[]): Promise<void>;
  keep(contents: readonly (NewContent & { readonly inline: Uint8Array })[]): Promise<void>;
}
