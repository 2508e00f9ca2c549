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
  'corpus_documents',
  'corpus_blocks',
  'corpus_runs',
  'corpus_run_layers',
  'corpus_branches',
  'corpus_remixes',
  'corpus_bases',
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
  corpus_batches: 'of jobs, which stay',
  corpus_outcomes: 'the same',
  corpus_ml_jobs: 'the same',
  corpus_raw_jobs: 'the same',
  corpus_job_paths: 'the same',
  corpus_policies: 'of the whole server',
  bricks: 'of the whole server',
  feature_flags: 'of the whole server',
};

/** Columns that differ from what the row says, for what of the zone does not come along. */
const AS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  zones: { mounts_revision: '0' },
  corpus_documents: { claim_job: 'NULL', claim_attempt: 'NULL', claim_state: 'state' },
};

/** Which rows of a zone go, where not all of them do. */
const WHICH: Readonly<Record<string, string>> = {
  // One that was never shown is what a job has in hand.
  corpus_documents: "status <> 'new'",
  // So are atoms of a state that is not shown.
  corpus_blocks: `EXISTS (SELECT 1 FROM corpus_documents d WHERE d.zone_id = corpus_blocks.zone_id
    AND d.document_id = corpus_blocks.document_id AND d.state = corpus_blocks.state)`,
  corpus_bases: "kind <> 'job'",
};

/** Contents are named by their hashes, since their numbers are those of this database. */
const hashes = ({ name, contents }: StateTable): Record<string, string> =>
  Object.fromEntries(
    contents.map((column) => [column, `(SELECT b.sha256 FROM blobs b WHERE b.blob_id = ${name}.${column})`]),
  );

/** The part of the state that is of this zone. */
export function zoneState({ tables, ...state }: State, zone_id: string): State {
  if (!isZoneId(zone_id)) throw new Error(`${zone_id} is no id of a zone`);
  const known = new Map(tables.map((table) => [table.name, table]));
  return {
    ...state,
    tables: ZONE_TABLES.flatMap((name): StateTable[] => {
      const table = known.get(name);
      if (!table) return [];
      const which = WHICH[name] === undefined ? '' : ` AND ${WHICH[name]}`;
      const where = `${name}.zone_id = '${zone_id}'${which}`;
      return [{ ...table, where, as: { ...table.as, ...hashes(table), ...AS[name] } }];
    }),
  };
}

/** Columns that name the zone of their row. */
export const isZoneColumn = (column: string): boolean => column === 'zone_id' || column === 'subject_zone_id';
