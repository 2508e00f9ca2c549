/**
 * Scratch files in a directory. Guarantee: a file has no name once it is made, so that whoever is killed leaves nothing
 * behind.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { MakeScratch, ScratchFile } from '../../ports/scratch.ts';
import { throwFull } from './disk-stage.ts';

const PIECE_BYTES = 64 * 1024;

export const scratchIn =
  (directory: string): MakeScratch =>
  async (): Promise<ScratchFile> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, `scratch-${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path);
    const digest = createHash('sha256');
    let size = 0;
    return {
      append: async (bytes) => {
        for (let at = 0; at < bytes.length; ) {
          const { bytesWritten } = await file.write(bytes, at, bytes.length - at, size).catch(throwFull);
          digest.update(bytes.subarray(at, at + bytesWritten));
          at += bytesWritten;
          size += bytesWritten;
        }
      },
      finish: async () => ({ size, sha256: digest.digest('hex'), read: (start, end) => pieces(file, start, end) }),
      remove: () => file.close(),
    };
  };

async function* pieces(file: FileHandle, start: number, end: number): AsyncIterable<Uint8Array> {
  for (let at = start; at < end; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - at));
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) throw new Error(`a scratch file ends at byte ${at}, before ${end}`);
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}
