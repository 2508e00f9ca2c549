/** For tests of this folder: a room for spools in a folder of its own, whose budget and open files can be counted. */

import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Fault } from '../../../base/faults.ts';
import { Spool, type SpooledBytes, SpooledText, type SpoolHome, SpoolRoom } from './spool.ts';

export interface CountedHome extends SpoolHome {
  /** Bytes reserved and not released. */
  held(): number;
  /** Files that still have a name, and on Linux open descriptors of files that have none. */
  leftovers(): string[];
  remove(): void;
}

/** A budget of `budget` bytes over a new folder. */
export function countedHome(budget = Number.POSITIVE_INFINITY): CountedHome {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-spool-'));
  let held = 0;
  return {
    directory,
    reserve: (bytes) => {
      if (held + bytes > budget) throw new Fault('UNAVAILABLE', 'too many bytes are spooled', { reason: 'spool' });
      held += bytes;
    },
    release: (bytes) => {
      held -= bytes;
    },
    held: () => held,
    leftovers: () => [...readdirSync(directory), ...openFiles().filter((path) => path.startsWith(directory))],
    remove: () => rmSync(directory, { recursive: true }),
  };
}

function openFiles(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The descriptor of the listing itself, and others that closed since.
      return [];
    }
  });
}

/** Bytes cut after each of the given fractions of their length. */
export function cut(bytes: Uint8Array, fractions: readonly number[]): Uint8Array[] {
  const at = fractions.map((fraction) => Math.floor(fraction * bytes.length)).sort((a, b) => a - b);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

export const cuts = (most = 8): fc.Arbitrary<number[]> =>
  fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: most });

export async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function spooled(home: SpoolHome, bytes: Uint8Array): Promise<{ bytes: SpooledBytes; room: SpoolRoom }> {
  const room = new SpoolRoom(home);
  const spool = await Spool.open(room);
  await spool.write(bytes);
  return { bytes: await spool.close(), room };
}

/** A parsed body with the spooled strings read back. */
export async function readBack(value: unknown): Promise<unknown> {
  if (value instanceof SpooledText) return (await collect(value.bytes.read())).toString('utf8');
  if (Array.isArray(value)) return Promise.all(value.map(readBack));
  if (value === null || typeof value !== 'object') return value;
  const copy = {};
  for (const [key, held] of Object.entries(value)) {
    const plain = await readBack(held);
    Object.defineProperty(copy, key, { value: plain, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}
