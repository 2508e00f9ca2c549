/** What of the state belongs to one zone and goes with it elsewhere (docs/backup.md). A test compares it with the schema. */
import { isZoneId } from '../../base/ids.ts';
import type { State, StateTable } from './dump.ts';

/** In the order in which they are put in. */
export const ZONE_TABLES = [
  'zones',
  'access_schemas',
  'keys',
  'tuples',
  'events',
  'event_marks',
  'file_states',
  'tree_snapshots',
  'tree_branches',
  'tree_merges',
  'schedules',
  'agents',
  'agent_lives',
  'agent_capabilities',
  'mailboxes',
  'messages',
] as const;

/** The other tables of the state, and why. */
export const ZONE_LEAVES: Readonly<Record<string, string>> = {
  blobs: 'contents go along as bytes',
  tree_plans: 'empty between transactions',
  share_ends: 'ends of shares with a zone of this database that is no more',
  jobs: 'work of this server: it would be done twice',
  job_attempts: 'the same',
  job_artifacts: 'the same',
  job_counts: 'the same',
  mounts: 'stores outside, with secrets sealed for this database',
  saved_mounts: 'the same',
  mcp_mounts: 'the same',
  mount_files: 'what is known of these stores',
  mount_pending: 'the same',
  mount_intents: 'the same',
  sync_mounts: 'the same',
  sync_attempts: 'the same',
  sync_conflicts: 'the same',
  corpus_documents: 'made again there by ingesting',
  corpus_blocks: 'the same',
  corpus_batches: 'the same',
  corpus_outcomes: 'the same',
  corpus_bases: 'the same',
  corpus_runs: 'the same',
  corpus_run_layers: 'the same',
  corpus_ml_jobs: 'the same',
  corpus_job_paths: 'the same',
  corpus_remixes: 'the same',
  corpus_branches: 'stand on documents, which do not come along',
  corpus_policies: 'of the whole server',
  bricks: 'of the whole server',
  feature_flags: 'of the whole server',
};

/** Columns that differ from what the row says: numbers of this database, and what of the zone does not come along. */
const AS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  zones: { mounts_revision: '0' },
  file_states: { blob_id: '(SELECT b.sha256 FROM blobs b WHERE b.blob_id = file_states.blob_id)' },
};

/** The part of the state that is of this zone. */
export function zoneState({ schema, tables }: State, zone_id: string): State {
  if (!isZoneId(zone_id)) throw new Error(`${zone_id} is no id of a zone`);
  const known = new Map(tables.map((table) => [table.name, table]));
  return {
    schema,
    tables: ZONE_TABLES.flatMap((name): StateTable[] => {
      const table = known.get(name);
      return table ? [{ ...table, where: `zone_id = '${zone_id}'`, as: { ...table.as, ...AS[name] } }] : [];
    }),
  };
}

/** Columns that name the zone of their row. */
export const isZoneColumn = (column: string): boolean => column === 'zone_id' || column === 'subject_zone_id';
