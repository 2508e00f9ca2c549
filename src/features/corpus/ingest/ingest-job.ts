/**
 * The job `ingest_batch` (corpus.md §4). Guarantees: one file after another, each in its own commits, none of which stops the
 * batch; a batch that is refused as a whole did nothing; a later attempt of the same job does not read again what an earlier one
 * finished, and keeps its outcome.
 */
import { Fault, faultToWire } from '../../../base/faults.ts';
import type { Attributes } from '../../../core/call/tracing.ts';
import type { Operation } from '../../../core/operation.ts';
import type { JobRun, JobType } from '../../jobs/job-types.ts';
import { optionsOf, shownPath } from '../documents/document-object.ts';
import type { DocumentPlace, DocumentRow } from '../documents/documents.sql.ts';
import { standOnPaths } from '../documents/job-bases.ts';
import { selectLevels } from '../text/selection.ts';
import {
  type BatchPayload,
  type BatchResult,
  batchPayload,
  type FileOutcome,
  outcomeOf,
  resultOf,
  scopeOfBatch,
} from './batch.ts';
import { isTextInZone, openFile, type SourceFile, unreadable } from './files.ts';
import { linkDocuments } from './links.operations.ts';
import { type Asked, dropOld, makeDocument } from './make.ts';
import type { OutcomeRow } from './outcomes.sql.ts';
import { planBatch, type Source, zonePathsOf } from './plan.ts';
import { inSpan } from './spans.ts';
import { beginBatch, lookAtDocuments, recordOutcomes, refuseBatch } from './steps.operations.ts';

export const INGEST = 'ingest_batch';

export const ingestBatch: JobType<BatchPayload, BatchResult> = {
  type: INGEST,
  description: 'Ingests files of the corpus folder or of the zone: text, atoms, links.',
  input: batchPayload,
  role: 'operator',
  brick: 'corpus',
  queued: (call, { job_id, payload }) => standOnPaths(call, { job_id }, zonePathsOf(call.limits, payload.source_paths)),
  run: ingest,
  artifact: ({ ingest_job_id, documents_ingested }) => ({
    type: `${INGEST}_result`,
    ref: `/api/v1/ingest/jobs/${ingest_job_id}`,
    payload: JSON.stringify({ ingest_job_id, documents_ingested }),
  }),
};

async function ingest(payload: BatchPayload, run: JobRun): Promise<BatchResult> {
  let files = 0;
  return inSpan(run, { name: 'ingest.batch', attributes: () => ({ 'nexus.files': files }) }, async () => {
    const { asked, outcomes } = await ingestAll(payload, run);
    files = outcomes.length;
    return resultOf(run.job_id, asked.scope, outcomes);
  });
}

interface Done {
  readonly asked: Asked;
  readonly outcomes: readonly FileOutcome[];
}

async function ingestAll(payload: BatchPayload, run: JobRun): Promise<Done> {
  const { job_id, attempt } = run;
  const step = <I, O>(operation: Operation<I, O>, input: I): Promise<O> =>
    run.tools.step(operation, run.zone_id, input);
  const begun = await step(beginBatch, { job_id, attempt });
  for (const { document_id, claim_state, state } of begun.left) {
    await dropOld(run, { job_id, attempt, document_id, state: claim_state, shown: state, release: true });
  }
  const { asked, plan } = await prepare(payload, run, begun.revision).catch(async (thrown: unknown) => {
    if (thrown instanceof Fault) await step(refuseBatch, { job_id, fault: faultToWire(thrown) });
    throw thrown;
  });
  const batch = new Batch(run, asked, {
    revision: begun.revision,
    modalities: filterOf(payload),
    done: begun.outcomes,
  });
  for (let at = 0; at < plan.length; at += TOGETHER) {
    const some = plan.slice(at, at + TOGETHER);
    await batch.lookAt(some);
    for (const source of some) await batch.take(source);
  }
  const outcomes = await batch.end();
  const made = outcomes.filter(({ status }) => status === 'ingested' || status === 'ingested_with_warnings');
  await step(linkDocuments, { document_ids: made.flatMap(({ document_id }) => document_id ?? []) });
  return { asked, outcomes };
}

async function prepare({ parse_options: options, source_paths }: BatchPayload, run: JobRun, as_of: number) {
  const { tracks, levels } = selectLevels(options);
  const { tools, zone_id } = run;
  const plan = await planBatch(
    {
      zone_id,
      as_of,
      folder: tools.folder,
      limits: tools.limits,
      act: (operation, input) => tools.act(operation, run, input),
      isText: (path) => isTextInZone(run, path, as_of),
    },
    source_paths,
  );
  const scope = scopeOfBatch({ source_paths });
  const asked: Asked = { scope, tracks, levels: options.atomize ? levels : [], options };
  return { asked, plan };
}

const filterOf = ({ modalities }: BatchPayload): ReadonlySet<string> =>
  new Set(modalities.map((modality) => modality.trim().toLowerCase()));

interface BatchParts {
  readonly revision: number;
  /** None: all of them. */
  readonly modalities: ReadonlySet<string>;
  /** Of earlier attempts. */
  readonly done: readonly OutcomeRow[];
}

/** Files whose documents are looked at together; outcomes that are recorded together, where nothing had to be made. */
const TOGETHER = 100;

class Batch {
  private readonly run: JobRun;
  private readonly asked: Asked;
  private readonly parts: BatchParts;
  private readonly outcomes: FileOutcome[];
  /** How often a path was finished by earlier attempts and has not come again. */
  private readonly done = new Map<string, number>();
  private waiting: OutcomeRow[] = [];
  /** By source and path. */
  private known = new Map<string, DocumentRow>();
  private readonly made = new Set<string>();

  constructor(run: JobRun, asked: Asked, parts: BatchParts) {
    this.run = run;
    this.asked = asked;
    this.parts = parts;
    this.outcomes = [...parts.done];
    for (const { path } of parts.done) this.done.set(path, (this.done.get(path) ?? 0) + 1);
  }

  async lookAt(sources: readonly Source[]): Promise<void> {
    const { tools, zone_id } = this.run;
    const places = sources.map(({ kind, path }): DocumentPlace => ({ source: kind, path }));
    const rows = await tools.step(lookAtDocuments, zone_id, places);
    this.known = new Map(rows.map((row) => [placeKey(row), row]));
  }

  async take(source: Source): Promise<void> {
    this.run.signal.throwIfAborted();
    const shown = source.kind === 'zone' ? shownPath({ source: 'zone', path: source.path }) : source.path;
    const before = this.done.get(shown) ?? 0;
    if (before > 0) {
      this.done.set(shown, before - 1);
      return;
    }
    const n = this.outcomes.length;
    const { outcome, isRecorded } = await this.outcomeOf(source, { shown, n });
    this.outcomes.push(outcome);
    if (isRecorded) return;
    this.waiting.push({ ...outcome, n });
    if (this.waiting.length >= TOGETHER) await this.record();
  }

  async end(): Promise<readonly FileOutcome[]> {
    await this.record();
    return this.outcomes;
  }

  private async record(): Promise<void> {
    if (this.waiting.length === 0) return;
    const { job_id, tools, zone_id } = this.run;
    await tools.step(recordOutcomes, zone_id, { job_id, outcomes: this.waiting });
    this.waiting = [];
  }

  private async outcomeOf(source: Source, at: At): Promise<{ outcome: FileOutcome; isRecorded: boolean }> {
    const file = await openFile(this.run, source, this.parts.revision);
    if (typeof file === 'string') return { outcome: outcomeOf(at.shown, 'error', { error: file }), isRecorded: false };
    try {
      return await this.ingestFile(file, at);
    } catch (thrown) {
      const error = this.run.signal.aborted ? undefined : errorOf(thrown);
      if (error === undefined) throw thrown;
      return { outcome: outcomeOf(at.shown, 'error', { error }), isRecorded: false };
    } finally {
      await file.close();
    }
  }

  private async ingestFile(file: SourceFile, { shown, n }: At): Promise<{ outcome: FileOutcome; isRecorded: boolean }> {
    const { modalities } = this.parts;
    if (modalities.size > 0 && !modalities.has(file.modality)) {
      return { outcome: outcomeOf(shown, 'skipped'), isRecorded: false };
    }
    const row = await this.documentOf(file.place);
    const stored = await file.keep();
    const { sha256: checksum } = stored;
    if (row && this.isUnchanged(row, checksum)) {
      const { document_id } = row;
      return { outcome: outcomeOf(shown, 'unchanged', { document_id, checksum }), isRecorded: false };
    }
    const making = { run: this.run, asked: this.asked, file: { ...file, keep: async () => stored }, shown, n };
    let atoms = 0;
    const attributes = (): Attributes => ({ 'nexus.modality': file.modality, 'nexus.atoms': atoms });
    this.made.add(placeKey(file.place));
    const outcome = await inSpan(this.run, { name: 'ingest.document', attributes }, async () => {
      const made = await makeDocument(making);
      atoms = made.atoms;
      return made;
    });
    return { outcome, isRecorded: true };
  }

  /** One that this batch has made is another than it was when the batch looked. */
  private async documentOf(place: DocumentPlace): Promise<DocumentRow | undefined> {
    const key = placeKey(place);
    if (!this.made.has(key)) return this.known.get(key);
    const [row] = await this.run.tools.step(lookAtDocuments, this.run.zone_id, [place]);
    return row;
  }

  private isUnchanged(row: DocumentRow, checksum: string): boolean {
    if (this.asked.options.force || row.checksum !== checksum) return false;
    if (row.status === 'new' || row.status === 'conflict') return false;
    return optionsOf(row).active_atom_levels.join() === this.asked.levels.join();
  }
}

const placeKey = ({ source, path }: DocumentPlace): string => `${source} ${path}`;

interface At {
  readonly shown: string;
  readonly n: number;
}

/** What is wrong with a file is its outcome; anything else ends the attempt. */
const OF_THE_FILE = ['BAD_REQUEST', 'LIMIT_EXCEEDED', 'INVALID_PARAMS', 'REVISION_GONE'];
function errorOf(thrown: unknown): string | undefined {
  if (thrown instanceof Fault) return OF_THE_FILE.includes(thrown.code) ? thrown.message : undefined;
  return unreadable(thrown);
}
