/** Rows of analyses and of their layers. */
import type { RowsInsert, Tx } from '../../../ports/sql.ts';
import type { Condition, Page } from '../documents/documents.sql.ts';

export interface RunRow {
  readonly zone_id: string;
  readonly run_id: string;
  readonly document_id: string | null;
  readonly branch_id: string | null;
  readonly mode: string;
  readonly execution_mode: string;
  readonly plugin_profile: string | null;
  /** The job that made it. */
  readonly job_id: string | null;
  readonly shadow_job_id: string | null;
  readonly modality: string;
  /** JSON. */
  readonly plugin_health: string;
  readonly created_at: number;
}

const COLUMNS = [
  'zone_id',
  'run_id',
  'document_id',
  'branch_id',
  'mode',
  'execution_mode',
  'plugin_profile',
  'job_id',
  'shadow_job_id',
  'modality',
  'plugin_health',
  'created_at',
] as const satisfies readonly (keyof RunRow)[];
const ALL = COLUMNS.join(', ');
const runRows: RowsInsert = { into: 'corpus_runs', columns: COLUMNS };

export interface LayerRow {
  readonly layer: string;
  /** JSON. */
  readonly output: string;
  readonly confidence: number;
  readonly provider_name: string;
  readonly provider_version: string;
  readonly runtime_ms: number;
  readonly fallback_reason: string | null;
  /** JSON. */
  readonly skipped: string;
}

const OF_LAYER = [
  'layer',
  'output',
  'confidence',
  'provider_name',
  'provider_version',
  'runtime_ms',
  'fallback_reason',
  'skipped',
] as const satisfies readonly (keyof LayerRow)[];
const layerRows: RowsInsert = { into: 'corpus_run_layers', columns: ['zone_id', 'run_id', 'n', ...OF_LAYER] };

type RunKey = Pick<RunRow, 'zone_id' | 'run_id'>;

/** A run with its layers, in their order. */
export async function insertRun(tx: Tx, run: RunRow, layers: readonly LayerRow[]): Promise<void> {
  await tx.insert(runRows, [COLUMNS.map((column) => run[column])]);
  await tx.insert(
    layerRows,
    layers.map((layer, n) => [run.zone_id, run.run_id, n, ...OF_LAYER.map((column) => layer[column])]),
  );
}

export async function deleteRun(tx: Tx, { zone_id, run_id }: RunKey): Promise<void> {
  for (const table of ['corpus_run_layers', 'corpus_runs']) {
    await tx.run(`DELETE FROM ${table} WHERE zone_id = ? AND run_id = ?`, [zone_id, run_id]);
  }
}

export const findRun = (tx: Tx, { zone_id, run_id }: RunKey): Promise<RunRow | undefined> =>
  tx.get<RunRow>(`SELECT ${ALL} FROM corpus_runs WHERE zone_id = ? AND run_id = ?`, [zone_id, run_id]);

export const findRunOfJob = (tx: Tx, zone_id: string, job_id: string): Promise<RunRow | undefined> =>
  tx.get<RunRow>(`SELECT ${ALL} FROM corpus_runs WHERE zone_id = ? AND job_id = ?`, [zone_id, job_id]);

export const listLayers = (tx: Tx, { zone_id, run_id }: RunKey): Promise<LayerRow[]> =>
  tx.all<LayerRow>(`SELECT ${OF_LAYER.join(', ')} FROM corpus_run_layers WHERE zone_id = ? AND run_id = ? ORDER BY n`, [
    zone_id,
    run_id,
  ]);

/** Newest first. `where` speaks of corpus_runs. */
export const listRuns = (
  tx: Tx,
  zone_id: string,
  { where, page }: { readonly where: Condition; readonly page: Page },
): Promise<RunRow[]> =>
  tx.all<RunRow>(
    `SELECT ${ALL} FROM corpus_runs WHERE zone_id = ?${where.sql} ORDER BY created_at DESC, run_id DESC LIMIT ? OFFSET ?`,
    [zone_id, ...where.params, page.limit, page.offset],
  );

/** The job may use plugins of kind ML, as whoever submitted it was allowed to then. */
export async function allowMl(tx: Tx, zone_id: string, job_id: string): Promise<void> {
  await tx.run('INSERT INTO corpus_ml_jobs (zone_id, job_id) VALUES (?, ?)', [zone_id, job_id]);
}

export async function mayUseMl(tx: Tx, zone_id: string, job_id: string): Promise<boolean> {
  const row = await tx.get('SELECT 1 AS one FROM corpus_ml_jobs WHERE zone_id = ? AND job_id = ?', [zone_id, job_id]);
  return row !== undefined;
}

/** The job may use the mode RAW, as far as its flag goes: it was open to whoever submitted it. */
export async function allowRaw(tx: Tx, zone_id: string, job_id: string): Promise<void> {
  await tx.run('INSERT INTO corpus_raw_jobs (zone_id, job_id) VALUES (?, ?)', [zone_id, job_id]);
}

export async function mayUseRaw(tx: Tx, zone_id: string, job_id: string): Promise<boolean> {
  const row = await tx.get('SELECT 1 AS one FROM corpus_raw_jobs WHERE zone_id = ? AND job_id = ?', [zone_id, job_id]);
  return row !== undefined;
}
