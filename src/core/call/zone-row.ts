/** A zone as calls see it. Plain data. */

/** The zone's row as the call's snapshot has it. */
export interface ZoneRow {
  readonly zone_id: string;
  readonly phase: string;
  readonly limits: string;
  readonly seq: number;
  readonly seq_at: number;
  readonly access_revision: number;
  readonly audit_seq: number;
  /** Of its newest audit row. */
  readonly audit_hash: string;
  readonly used_storage_bytes: number;
  readonly used_files: number;
  readonly used_keys: number;
  readonly used_tuples: number;
  readonly oldest_revision: number;
  /** Of the last change of its mounts; 0 where there are none. */
  readonly mounts_revision: number;
}

/** Counters of a zone that have limits; the name of the limit is `max_` + this. */
export type Counter = 'storage_bytes' | 'files' | 'keys' | 'tuples';
