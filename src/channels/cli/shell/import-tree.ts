/**
 * `nexus files import DIR /path`: brings a local directory tree in. Guarantees: what could not be taken is named, never
 * skipped silently; small files travel in batches, each all or nothing; running it again writes the same tree.
 */
import { createHash } from 'node:crypto';
import { lstat, open, opendir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { bytesParam, filePath, type Transport } from '../../../../client/transport.ts';
import { plural } from '../../../base/plural.ts';
import { type Scene, UsageError } from '../command.ts';
import { show } from '../show.ts';
import { bytesText, safe, type Terminal } from '../terminal.ts';
import { startBar, telling } from './bar.ts';

/** Files of a batch, and bytes of one; larger files travel alone, as a stream. */
const BATCH_FILES = 500;
const BATCH_BYTES = 4 * 1024 * 1024;
const ALONE_BYTES = 512 * 1024;
/** Batches on their way at once. */
const LANES = 4;

interface LocalFile {
  readonly local: string;
  readonly path: string;
  readonly size: number;
}

interface Skipped {
  readonly path: string;
  readonly reason: string;
}

interface Survey {
  readonly files: LocalFile[];
  readonly bytes: number;
  readonly skipped: Skipped[];
}

/** Everything below a directory; links and special files are named as skipped. */
async function survey(root: string, target: string): Promise<Survey> {
  const files: LocalFile[] = [];
  const skipped: Skipped[] = [];
  let bytes = 0;
  const folders: (readonly [string, string])[] = [[root, target === '/' ? '' : target.replace(/\/+$/, '')]];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    const [local, path] = folder;
    const entries = await opendir(local).catch((thrown: NodeJS.ErrnoException) => thrown);
    if (entries instanceof Error) {
      if (local === root) throw new UsageError(`cannot read ${local}: ${entries.code}`);
      skipped.push({ path: local, reason: reasonOf(entries) });
      continue;
    }
    for await (const entry of entries) {
      const from = join(local, entry.name);
      const to = `${path}/${entry.name}`;
      if (/[\u0000-\u001f\u007f\ufffd]/.test(entry.name)) skipped.push({ path: from, reason: 'name' });
      else if (entry.isDirectory()) folders.push([from, to]);
      else if (!entry.isFile())
        skipped.push({ path: from, reason: entry.isSymbolicLink() ? 'symbolic link' : 'special file' });
      else {
        const { size } = await lstat(from);
        files.push({ local: from, path: to, size });
        bytes += size;
      }
    }
  }
  return { files, bytes, skipped };
}

const reasonOf = (failure: NodeJS.ErrnoException): string => failure.code ?? failure.message;

/** Batches of small files, and large ones alone. */
function* batchesOf(files: readonly LocalFile[]): Generator<LocalFile[]> {
  let batch: LocalFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (file.size > ALONE_BYTES) {
      yield [file];
      continue;
    }
    if (batch.length >= BATCH_FILES || bytes + file.size > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length > 0) yield batch;
}

interface Progress {
  files: number;
  bytes: number;
  /** Bytes of contents seen for the first time. */
  fresh: number;
  readonly seen: Set<string>;
  readonly skipped: Skipped[];
}

async function sendBatch(transport: Transport, batch: readonly LocalFile[], progress: Progress): Promise<void> {
  const [only] = batch;
  if (only && batch.length === 1 && only.size > ALONE_BYTES) return sendAlone(transport, only, progress);
  const files: { path: string; content: object }[] = [];
  for (const file of batch) {
    const bytes = await readFile(file.local).catch((thrown: NodeJS.ErrnoException) => thrown);
    if (bytes instanceof Error) {
      progress.skipped.push({ path: file.local, reason: reasonOf(bytes) });
      continue;
    }
    count(progress, createHash('sha256').update(bytes).digest('hex'), bytes.byteLength);
    files.push({ path: file.path, content: bytesParam(bytes) });
  }
  if (files.length > 0) await transport.rpc('write_batch', { files });
}

async function sendAlone(transport: Transport, file: LocalFile, progress: Progress): Promise<void> {
  const opened = await open(file.local).catch((thrown: NodeJS.ErrnoException) => thrown);
  if (opened instanceof Error) {
    progress.skipped.push({ path: file.local, reason: reasonOf(opened) });
    return;
  }
  const body = Readable.toWeb(opened.createReadStream());
  const answer = (await transport.rest({ method: 'PUT', path: filePath(file.path), body })) as {
    etag: string;
    size: number;
  };
  count(progress, answer.etag, answer.size);
}

function count(progress: Progress, hash: string, size: number): void {
  progress.files++;
  progress.bytes += size;
  if (progress.seen.has(hash)) return;
  progress.seen.add(hash);
  progress.fresh += size;
}

const BAR = { format: ' {bar} {percentage}% | {value}/{total} files | {size} | {eta_formatted} left' };

export async function importTree(scene: Scene, local: string, target: string): Promise<void> {
  const { terminal } = scene;
  const began = performance.now();
  const transport = scene.transport();
  // Whether a server answers is known before a large tree has been gone through.
  await transport.rest({ method: 'GET', path: '/healthz' });
  const total = await survey(local, target);
  const progress: Progress = { files: 0, bytes: 0, fresh: 0, seen: new Set(), skipped: total.skipped };
  const batches = batchesOf(total.files);
  await telling(terminal, 'what was sent stays; the same line again writes the rest', async () => {
    const bar = await startBar(terminal, { ...BAR, total: total.files.length, shown: { size: '0 B' } });
    const lane = async (): Promise<void> => {
      for (const batch of batches) {
        await sendBatch(transport, batch, progress);
        bar?.update(progress.files, { size: bytesText(progress.bytes) });
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane)).finally(() => bar?.stop());
  });
  report(terminal, progress, { target, seconds: (performance.now() - began) / 1000 });
}

function report(terminal: Terminal, progress: Progress, end: { target: string; seconds: number }): void {
  const { files, bytes, fresh, skipped } = progress;
  const saved = bytes - fresh;
  if (terminal.json) {
    show(terminal, {
      path: end.target,
      files,
      bytes,
      unique_bytes: fresh,
      saved_bytes: saved,
      skipped,
      seconds: end.seconds,
    });
    return;
  }
  const share = bytes > 0 ? Math.round((saved / bytes) * 100) : 0;
  terminal.err(
    `${plural(files, 'file')}, ${bytesText(bytes)} into ${safe(end.target)} in ${end.seconds.toFixed(1)} s\n`,
  );
  terminal.err(`equal contents are kept once: ${bytesText(saved)} saved (${share}%)\n`);
  if (skipped.length === 0) return;
  terminal.err(`${skipped.length} not taken:\n`);
  for (const one of skipped.slice(0, 10)) terminal.err(`  ${safe(one.path)}: ${one.reason}\n`);
  if (skipped.length > 10) terminal.err(`  … and ${skipped.length - 10} more; --json names them all\n`);
}
