/**
 * A document made of a file (corpus.md §4). Guarantees: what is new is shown in one commit; an attempt that is aborted anywhere
 * leaves the document as it was; of a large text a few blocks are held at a time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation, StoredBytes } from '../../../core/operation.ts';
import type { NewBlob } from '../../content/content.sql.ts';
import type { JobRun } from '../../jobs/job-types.ts';
import { announceBy } from '../../mounts/fetch.ts';
import type { BlockRow } from '../documents/blocks.sql.ts';
import type { DocumentOptions } from '../documents/document-object.ts';
import type { DocumentFacts } from '../documents/documents.sql.ts';
import { atomsOf, type Level, type LevelMade } from '../documents/levels.ts';
import { keepTextBytes, readKept } from '../documents/texts.ts';
import { extractBeside } from '../extraction/extract.ts';
import type { Extracted } from '../extraction/extracted.ts';
import { CONFLICT_REASON } from '../text/conflict.ts';
import type { BatchPayload, FileOutcome, Scope } from './batch.ts';
import { outcomeOf } from './batch.ts';
import { splitBeside } from './contents.ts';
import type { SourceFile } from './files.ts';
import { addBlocks, type Claimed, claimFile, dropOldBlocks, showFile } from './steps.operations.ts';
import { variantStem } from './titles.ts';

/** What all files of a batch are asked. */
export interface Asked {
  readonly scope: Scope;
  readonly tracks: readonly string[];
  /** None where no atoms are to be made. */
  readonly levels: readonly Level[];
  readonly options: BatchPayload['parse_options'];
}

export interface Making {
  readonly run: JobRun;
  readonly asked: Asked;
  readonly file: SourceFile;
  /** As clients see it. */
  readonly shown: string;
  /** Its place in the batch. */
  readonly n: number;
}

/** How often it looks whether the document is free, in milliseconds. */
const TURN_MS = 100;
/** Bytes of blocks that one transaction adds. */
const ADD_BYTES = 512 * 1024;

export async function makeDocument(making: Making): Promise<FileOutcome> {
  const { run, file } = making;
  const step = stepsOf(run);
  const stored = await file.keep();
  const extracted = await extractFrom(making, stored);
  const kept = await keepTextOf(run, extracted);
  const held = await claim(making);
  const { made, rest } = await addAtoms(making, held, extracted);
  const come: Come = { checksum: stored.sha256, extracted, made };
  const facts = factsOf(making, come);
  const outcome = outcomeOf(making.shown, outcomeStatus(extracted), {
    document_id: held.document_id,
    checksum: stored.sha256,
    warning: extracted.warning === null ? null : `${making.shown}: ${extracted.warning}`,
    atoms: atomsOf(made),
  });
  run.signal.throwIfAborted();
  const blobs: NewBlob[] = [stored, ...kept];
  await step(showFile, { ...held.by, facts, blobs, blocks: rest, outcome: { ...outcome, n: making.n } });
  await dropOld(run, { ...held.by, shown: held.by.state, release: true });
  const { modality } = file;
  run.tools.notes.ingested({ modality, status: outcome.status, made });
  return outcome;
}

const stepsOf =
  ({ tools, zone_id }: JobRun) =>
  <I, O>(operation: Operation<I, O>, input: I): Promise<O> =>
    tools.step(operation, zone_id, input);

async function extractFrom({ run, file }: Making, stored: StoredBytes): Promise<Extracted> {
  const { modality, title: filename } = file;
  const { blobs, limits } = run.tools;
  const bytes = modality === 'binary' ? new Uint8Array() : await readKept(blobs, stored);
  return extractBeside(
    { computing: run.tools.computing, signal: run.signal },
    {
      modality,
      bytes,
      filename,
      checksum: stored.sha256,
      limits: { text_bytes: limits.INGEST_TEXT_BYTES, pdf_pages: limits.PDF_PAGES },
    },
  );
}

async function keepTextOf(run: JobRun, { text }: Extracted): Promise<NewBlob[]> {
  if (!text) return [];
  return [await keepTextBytes(text, { blobs: run.tools.blobs, run: announceBy(stepsOf(run)).run })];
}

interface Held extends Claimed {
  readonly by: {
    readonly job_id: string;
    readonly attempt: number;
    readonly document_id: string;
    readonly state: number;
  };
}

/** Waits while another job is at the document. */
async function claim({ run, file }: Making): Promise<Held> {
  const { job_id, attempt, signal } = run;
  const { place, title, modality } = file;
  const asked = { ...place, title, modality, stem: variantStem(title), job_id, attempt };
  for (;;) {
    const claimed = await stepsOf(run)(claimFile, asked);
    if (!claimed) {
      await sleep(TURN_MS, undefined, { signal });
      continue;
    }
    const { document_id, state, shown } = claimed;
    const held = { ...claimed, by: { job_id, attempt, document_id, state } };
    // What an attempt before began and did not show.
    if (state > shown + 1) await dropOld(run, { ...held.by, shown, release: false });
    return held;
  }
}

export async function dropOld(run: JobRun, asked: Parameters<typeof dropOldBlocks.run>[1]): Promise<void> {
  while ((await stepsOf(run)(dropOldBlocks, asked)).left) run.signal.throwIfAborted();
}

interface Atoms {
  readonly made: readonly LevelMade[];
  /** Blocks that go with the commit that shows them. */
  readonly rest: readonly BlockRow[];
}

async function addAtoms({ run, asked }: Making, held: Held, { text }: Extracted): Promise<Atoms> {
  const made: LevelMade[] = [];
  let rest: BlockRow[] = [];
  let bytes = 0;
  if (!text || text.has_conflict_marks || asked.levels.length === 0) return { made, rest };
  for await (const piece of splitBeside(run, { text: text.bytes, levels: asked.levels })) {
    run.signal.throwIfAborted();
    if (piece.made) made.push(piece.made);
    for (const block of piece.blocks) {
      rest.push(block);
      bytes += block.bytes.byteLength;
      if (bytes < ADD_BYTES) continue;
      await stepsOf(run)(addBlocks, { ...held.by, blocks: rest });
      [rest, bytes] = [[], 0];
    }
  }
  return { made, rest };
}

interface Come {
  readonly checksum: string;
  readonly extracted: Extracted;
  readonly made: readonly LevelMade[];
}

const outcomeStatus = ({ text, warning }: Extracted): 'conflict' | 'ingested' | 'ingested_with_warnings' => {
  if (text?.has_conflict_marks) return 'conflict';
  return warning === null ? 'ingested' : 'ingested_with_warnings';
};

function factsOf({ asked, file }: Making, { checksum, extracted, made }: Come): DocumentFacts {
  const { text, segments } = extracted;
  const came = outcomeStatus(extracted);
  const isConflict = came === 'conflict';
  return {
    title: file.title,
    stem: variantStem(file.title),
    modality: file.modality,
    checksum,
    size_bytes: file.size,
    status: came === 'ingested' && !asked.options.atomize ? 'parsed' : came,
    conflict_reason: isConflict ? CONFLICT_REASON : null,
    modality_status: isConflict ? 'failed' : extracted.status,
    levels: JSON.stringify(made),
    text_hash: text?.sha256 ?? null,
    text_bytes: text?.bytes.byteLength ?? 0,
    text_chars: text?.characters ?? 0,
    segments: JSON.stringify(segments),
    options: JSON.stringify(optionsOf(asked, file)),
  };
}

function optionsOf({ scope, tracks, levels, options }: Asked, file: SourceFile): DocumentOptions {
  const { atomize: _made, force: _again, atom_levels: _levels, atom_tracks: _tracks, ...given } = options;
  return {
    ingest_scope: scope,
    atom_tracks: tracks,
    active_atom_levels: levels,
    ...file.moment,
    ...(Object.keys(given).length > 0 ? { given } : {}),
  };
}
