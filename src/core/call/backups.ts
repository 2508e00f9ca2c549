/** What calls may use of backups: the places where they are kept, and the state of the whole server. */
import type { Depot } from '../../ports/depot.ts';

export interface BackupDesk {
  /** Where backups go unless somebody says otherwise. */
  readonly destination: string;
  /** INVALID_PARAMS where the text is no destination, or it cannot be written, read and deleted there. */
  probe(destination: string): Promise<void>;
  /** UPSTREAM_FAILED where it is out of reach. */
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
}
