/**
 * `nexus upload FILE PATH`: a large file, in a way that survives everything. Guarantees: the same command goes on where an
 * earlier one was killed or cut off, as long as the local file is what it was; what the server has is not sent again.
 */
import { createReadStream, realpathSync, type Stats, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { NexusError, UnreachableError } from '../../../../client/errors.ts';
import type { HttpAnswer, RestCall, Transport } from '../../../../client/transport.ts';
import { type Scene, type Typed, UsageError } from '../command.ts';
import { bytesText } from '../terminal.ts';
import { type Notes, uploadNotes } from '../upload-notes.ts';
import { startBar, telling } from './bar.ts';
import { goesTo } from './options.ts';

const ROOT = '/api/v2/uploads';
const VERSION = { 'tus-resumable': '1.0.0' };
/** Tries without a byte that got through, and the milliseconds between two of them. */
const TRIES_MAX = 8;
const PAUSE_MS = 250;
const PAUSE_MAX_MS = 10_000;

interface Uploading {
  readonly transport: Transport;
  readonly notes: Notes;
  readonly local: string;
  readonly path: string;
  readonly size: number;
  /** What is uploaded where, as it is noted. */
  readonly what: string;
  readonly contentType: string | undefined;
  /** Told how many bytes are on their way or there. */
  readonly told: (bytes: number) => void;
}

export interface Uploaded {
  readonly upload_id: string;
  readonly path: string;
  readonly size: number;
  readonly etag: string | null;
  readonly version: number | null;
  /** Bytes that the server had already. */
  readonly resumed_at: number;
}

export async function uploadShown(scene: Scene, typed: Typed): Promise<Uploaded> {
  const [local = '', target = '/'] = typed.args;
  const { size, mtimeMs } = statOf(local);
  const named = goesTo(target, local);
  const path = named.startsWith('/') ? named : `/${named}`;
  const transport = scene.transport();
  const zone = String(typed.options.tenant ?? scene.settings.zone ?? '');
  const type = typed.options['content-type'];
  const uploading = {
    transport,
    notes: uploadNotes(scene.settings.configHome, Date.now),
    local,
    path,
    size,
    what: JSON.stringify([transport.url, zone, path, realpathSync(local), size, mtimeMs]),
    contentType: typeof type === 'string' ? type : undefined,
  };
  return telling(scene.terminal, 'the same line goes on where this one was', async () => {
    const bar = await startBar(scene.terminal, {
      format: '{bar} {percentage}%  {value}/{total}',
      formatValue: (value, _options, kind) => (kind === 'percentage' ? String(value) : bytesText(value)),
      total: size,
    });
    try {
      return await uploadFile({ ...uploading, told: (bytes) => bar?.update(bytes) });
    } finally {
      bar?.stop();
    }
  });
}

function statOf(local: string): Stats {
  const stat = statSync(local, { throwIfNoEntry: false });
  if (!stat) throw new UsageError(`cannot read ${local}: ENOENT`);
  if (!stat.isFile())
    throw new UsageError(`${local} is no plain file; nexus put takes pipes, nexus file import directories`);
  return stat;
}

async function uploadFile(uploading: Uploading): Promise<Uploaded> {
  let resumed: number | undefined;
  let furthest = -1;
  for (let tries = 0; ; tries++) {
    try {
      const { location, offset } = await findOrBegin(uploading);
      resumed ??= offset;
      if (offset > furthest) tries = 0;
      furthest = Math.max(furthest, offset);
      const answer = await sendFrom(uploading, location, offset);
      uploading.notes.drop(uploading.what);
      return {
        upload_id: location.split('/').at(-1) ?? '',
        path: uploading.path,
        size: uploading.size,
        etag: answer.headers.get('etag')?.replaceAll('"', '') ?? null,
        version: Number(answer.headers.get('x-nexus-version')) || null,
        resumed_at: resumed,
      };
    } catch (thrown) {
      if (tries >= TRIES_MAX || !mayPass(thrown)) throw thrown;
      await sleep(Math.min(PAUSE_MS * 2 ** tries, PAUSE_MAX_MS));
    }
  }
}

/** A connection that was cut, a server that starts again, another writer, an offset that moved meanwhile. */
function mayPass(thrown: unknown): boolean {
  if (thrown instanceof UnreachableError) return true;
  if (!(thrown instanceof NexusError)) return false;
  const moved = thrown.code === 'CONFLICT' && ['OFFSET_MISMATCH', 'LEASE_LOST'].includes(String(thrown.data.reason));
  return moved || thrown.status === 423 || thrown.status === 429 || thrown.status === 503;
}

interface Place {
  readonly location: string;
  readonly offset: number;
}

async function findOrBegin(uploading: Uploading): Promise<Place> {
  const { transport, notes, what } = uploading;
  const known = notes.find(what);
  if (known !== undefined) {
    try {
      const answer = await ask(transport, { method: 'HEAD', path: known, headers: VERSION });
      return { location: known, offset: Number(answer.headers.get('upload-offset')) };
    } catch (thrown) {
      if (!(thrown instanceof NexusError && (thrown.status === 404 || thrown.status === 410))) throw thrown;
    }
  }
  const answer = await ask(transport, {
    method: 'POST',
    path: ROOT,
    headers: { ...VERSION, 'upload-length': String(uploading.size), 'upload-metadata': metadataOf(uploading) },
  });
  const location = answer.headers.get('location') ?? '';
  notes.keep(what, location);
  return { location, offset: Number(answer.headers.get('upload-offset')) };
}

/** Read to its end, empty as it is: the connection would be kept open for the rest otherwise. */
async function ask(transport: Transport, call: RestCall): Promise<HttpAnswer> {
  const answer = await transport.raw(call);
  await answer.text();
  return answer;
}

function metadataOf({ path, contentType }: Uploading): string {
  const pair = (key: string, value: string): string => `${key} ${Buffer.from(value).toString('base64')}`;
  return [pair('path', path), ...(contentType === undefined ? [] : [pair('content_type', contentType)])].join(',');
}

function sendFrom({ transport, local, told }: Uploading, location: string, offset: number): Promise<HttpAnswer> {
  let at = offset;
  const source = createReadStream(local, { start: offset, highWaterMark: 256 * 1024 });
  const counted = Readable.from(
    (async function* () {
      for await (const piece of source as AsyncIterable<Buffer>) {
        yield piece;
        at += piece.length;
        told(at);
      }
    })(),
  );
  return ask(transport, {
    method: 'PATCH',
    path: location,
    headers: { ...VERSION, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
    body: Readable.toWeb(counted),
  });
}
