/**
 * The job `integrity_audit` (corpus.md §11): every check of every ingested document of the zone that its submitter may see.
 * Guarantees: bytes are read and hashed, contents are compared block by block; it stops at a cancel and repairs nothing.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { BlobError } from '../../../ports/blobs.ts';
import type { JobRun, JobType } from '../../jobs/job-types.ts';
import type { BlockRow } from '../documents/blocks.sql.ts';
import { keepJobDocuments } from '../documents/job-bases.ts';
import { type LevelMade, levelsOf, placeOfLevel } from '../documents/levels.ts';
import { type KeptText, readKept } from '../documents/texts.ts';
import { LevelDigest } from '../text/blocks.ts';
import { checkBlocks } from '../text/split.ts';
import { blobsOf, blocksToAudit, documentsToAudit, documentToAudit, type Stored } from './integrity.operations.ts';
import { type Check, countChecks, equal, type Integrity, integrityOf } from './integrity.ts';

const PAGE_DOCUMENTS = 100;
/** Blocks of one look, some 200 KiB with the text that they cover. */
const PAGE_BLOCKS = 16;
/** That are told; their number is exact. */
const TOLD_MOST = 1000;

interface Told {
  readonly document_id: string;
  readonly integrity: Integrity;
}
interface AuditResult {
  readonly document_count: number;
  readonly inconsistencies: readonly Told[];
  readonly inconsistency_count: number;
}

export const integrityAudit: JobType<unknown, AuditResult> = {
  type: 'integrity_audit',
  description: 'Compares every ingested document of the zone with what is stored of it.',
  input: z.unknown(),
  role: 'operator',
  brick: 'corpus',
  run: (_payload, run) => audit(run),
};

async function audit(run: JobRun): Promise<AuditResult> {
  const told: Told[] = [];
  let document_count = 0;
  let inconsistency_count = 0;
  for (;;) {
    const page = await run.tools.act(documentsToAudit, run, { offset: document_count, limit: PAGE_DOCUMENTS });
    await standOn(run, page);
    for (const stored of page) {
      run.signal.throwIfAborted();
      const integrity = await auditSettled(run, stored);
      if (!integrity || integrity.consistent) continue;
      inconsistency_count++;
      if (told.length < TOLD_MOST) told.push({ document_id: integrity.document_id, integrity });
    }
    document_count += page.length;
    if (page.length < PAGE_DOCUMENTS) return { document_count, inconsistencies: told, inconsistency_count };
  }
}

/** Documents of the operator's folder are for everybody who may see the job. */
async function standOn({ tools, zone_id, job_id }: JobRun, page: readonly Stored[]): Promise<void> {
  const documents = page.flatMap(({ row }) => (row.source === 'zone' ? row.document_id : []));
  if (documents.length > 0) await tools.step(keepJobDocuments, zone_id, { job_id, documents });
}

/** One that was ingested again while it was looked at is looked at again. */
async function auditSettled(run: JobRun, first: Stored): Promise<Integrity | undefined> {
  for (let stored = first; ; ) {
    const integrity = await auditDocument(run, stored);
    if (integrity.consistent) return integrity;
    const again = await run.tools.act(documentToAudit, run, { document_id: stored.row.document_id });
    if (again?.row.state === stored.row.state) return integrity;
    if (!again) return undefined;
    stored = again;
  }
}

async function auditDocument(run: JobRun, stored: Stored): Promise<Integrity> {
  const { row, counted, text } = stored;
  const checks: Check[] = [];
  for (const [name, sha256, kept] of blobsOf(stored)) checks.push(equal(name, sha256, await hashed(run, kept)));
  checks.push(...countChecks(counted));
  for (const made of levelsOf(row)) {
    const found = await digestOfLevel(run, { stored, made, text });
    checks.push(equal(`atom_digest:${made.level}`, made.digest, found));
  }
  return integrityOf(row, counted, checks);
}

/** Of the bytes that are there; null where there are none, or fewer than there were. */
async function hashed({ tools, signal }: JobRun, kept: KeptText | undefined): Promise<string | null> {
  if (!kept) return null;
  const digest = createHash('sha256');
  if (kept.inline) return digest.update(kept.inline).digest('hex');
  try {
    for await (const piece of tools.blobs.read(kept.sha256, 0, kept.size)) {
      signal.throwIfAborted();
      digest.update(piece);
    }
    return digest.digest('hex');
  } catch (thrown) {
    if (thrown instanceof BlobError) return null;
    throw thrown;
  }
}

interface Level {
  readonly stored: Stored;
  readonly made: LevelMade;
  readonly text: KeptText | undefined;
}

/** Of what is stored, in order; null where a block is not as it was written, or its text is not there. */
async function digestOfLevel(run: JobRun, { stored, made, text }: Level): Promise<string | null> {
  const { document_id, state } = stored.row;
  const digest = new LevelDigest();
  for (let after = -1; ; ) {
    run.signal.throwIfAborted();
    const asked = { document_id, state, level: placeOfLevel(made.level), after, limit: PAGE_BLOCKS };
    const blocks = await run.tools.act(blocksToAudit, run, asked);
    const digests = blocks.length === 0 ? [] : await digestsOf(run, blocks, text);
    for (const one of digests) {
      if (one === null) return null;
      digest.add(one);
    }
    after = blocks.at(-1)?.block ?? after;
    if (blocks.length < PAGE_BLOCKS) return digest.end();
  }
}

async function digestsOf(run: JobRun, blocks: readonly BlockRow[], text: KeptText | undefined) {
  if (!text) return [null];
  const start = blocks[0]?.start_byte ?? 0;
  const end = blocks.at(-1)?.end_byte ?? start;
  // What a damaged row says of its bytes is nothing to go by.
  if (start < 0 || end < start || end > text.size) return [null];
  try {
    const bytes = await readKept(run.tools.blobs, text, { start, end });
    return await run.tools.computing.run(checkBlocks, { blocks, text: bytes, origin: start }, run.signal);
  } catch (thrown) {
    if (thrown instanceof BlobError) return [null];
    throw thrown;
  }
}
