/**
 * A document made of a file (corpus.md §4). Guarantees: what is new is shown in one commit; an attempt that is aborted anywhere
 * leaves the document as it was; of a large text a few blocks are held at a time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from '../../../core/operation.ts';
import type { NewBlob } from '../../content/content.sql.ts';
import type { JobRun } from '../../jobs/job-types.ts';
import { announceBy } from '../../mounts/fetch.ts';
import type { BlockRow } from '../documents/blocks.sql.ts';
import type { DocumentOptions } from '../documents/document-object.ts';
import type { DocumentFacts } from '../documents/documents.sql.ts';
import { atomsOf, type Level, type LevelMade } from '../documents/levels.ts';
import { keepText, readKept } from '../documents/texts.ts';
import { CONFLICT_REASON, hasConflictMarks } from '../text/conflict.ts';
import { countCharacters } from '../text/rules.ts';
import type { BatchPayload, FileOutcome, OutcomeStatus, Scope } from './batch.ts';
import { outcomeOf } from './batch.ts';
import { type Extracted, extract, splitBeside } from './contents.ts';
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
  const { text } = extracted;
  const isConflict = file.modality === 'text' && text !== null && hasConflictMarks(text);
  const announce = announceBy(step);
  const kept = text === null ? undefined : await keepText(text, { blobs: run.tools.blobs, run: announce.run });
  const held = await claim(making);
  const levels = isConflict || text === null ? [] : making.asked.levels;
  const atoms = await addAtoms(making, held, { text: text ?? '', levels });
  const status = statusOf({ extracted, isConflict });
  const blobs: NewBlob[] = [{ ...stored }, ...(kept ? [kept] : [])];
  const checksum = stored.sha256;
  const facts = factsOf(making, { extracted, kept, isConflict, checksum, made: atoms.made });
  const warning = extracted.warning === undefined ? null : `${making.shown}: ${extracted.warning}`;
  const { document_id } = held;
  const outcome = outcomeOf(making.shown, status, { document_id, checksum, warning, atoms: atomsOf(atoms.made) });
  run.signal.throwIfAborted();
  await step(showFile, { ...held.by, facts, blobs, blocks: atoms.rest, outcome: { ...outcome, n: making.n } });
  await dropOld(run, { ...held.by, shown: held.by.state, release: true });
  return outcome;
}

const stepsOf =
  ({ tools, zone_id }: JobRun) =>
  <I, O>(operation: Operation<I, O>, input: I): Promise<O> =>
    tools.step(operation, zone_id, input);

async function extractFrom({ run, file }: Making, stored: Awaited<ReturnType<SourceFile['keep']>>): Promise<Extracted> {
  const bytes = file.modality === 'binary' ? new Uint8Array() : await readKept(run.tools.blobs, stored);
  const { modality, title } = file;
  const asked = { modality, bytes, filename: title, checksum: stored.sha256, size: stored.size };
  return extract(run, asked);
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

async function addAtoms(
  { run }: Making,
  held: Held,
  { text, levels }: { readonly text: string; readonly levels: readonly Level[] },
): Promise<Atoms> {
  const made: LevelMade[] = [];
  let rest: BlockRow[] = [];
  let bytes = 0;
  if (levels.length === 0) return { made, rest };
  for await (const piece of splitBeside(run, { text: Buffer.from(text, 'utf8'), levels })) {
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
  readonly extracted: Extracted;
  readonly isConflict: boolean;
}

function statusOf({ extracted, isConflict }: Come): OutcomeStatus {
  if (isConflict) return 'conflict';
  return extracted.warning === undefined ? 'ingested' : 'ingested_with_warnings';
}

function factsOf(
  { asked, file }: Making,
  come: Come & {
    readonly checksum: string;
    readonly kept: NewBlob | undefined;
    readonly made: readonly LevelMade[];
  },
): DocumentFacts {
  const { extracted, isConflict, checksum, kept, made } = come;
  const { atomize, force: _force, atom_levels: _levels, atom_tracks: _tracks, ...given } = asked.options;
  const options: DocumentOptions = {
    ingest_scope: asked.scope,
    atom_tracks: asked.tracks,
    active_atom_levels: asked.levels,
    ...file.moment,
    ...(Object.keys(given).length > 0 ? { given } : {}),
  };
  const done = extracted.warning === undefined ? 'ingested' : 'ingested_with_warnings';
  return {
    title: file.title,
    stem: variantStem(file.title),
    modality: file.modality,
    checksum,
    size_bytes: file.size,
    status: isConflict ? 'conflict' : atomize || done !== 'ingested' ? done : 'parsed',
    conflict_reason: isConflict ? CONFLICT_REASON : null,
    modality_status: isConflict ? 'failed' : extracted.status,
    levels: JSON.stringify(made),
    text_hash: kept?.sha256 ?? null,
    text_bytes: kept?.size ?? 0,
    text_chars: extracted.text === null ? 0 : countCharacters(extracted.text),
    segments: JSON.stringify(extracted.segments),
    options: JSON.stringify(options),
  };
}
