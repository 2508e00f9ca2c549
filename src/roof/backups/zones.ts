/**
 * One zone, out of a running server and into one. Guarantees: contents are durable, and spared from collection, before a row
 * names them; nothing of an import can be seen before its last byte was looked at, and then all of it.
 */
import { Fault } from '../../base/faults.ts';
import type { Config } from '../../config.ts';
import type { BackupDesk, ContentKeeping } from '../../core/call/backups.ts';
import type { Rings } from '../../core/rings.ts';
import { zoneTopic } from '../../core/zone-watch.ts';
import { scratchIn } from '../../engines/disk/scratch.ts';
import { exportZone } from '../../features/backups/zone-export.ts';
import { loadZone } from '../../features/backups/zone-load.ts';
import { type ContentHead, readZone, type ZoneTaking } from '../../features/backups/zone-read.ts';
import { INLINE_BYTES_MAX } from '../../features/content/content.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MakeScratch, ScratchFile } from '../../ports/scratch.ts';
import type { Sql } from '../../ports/sql.ts';
import { withSql } from '../offline.ts';
import { scratchDirectory } from './depots.ts';
import { stateOf } from './state.ts';

export interface ZoneParts {
  readonly config: Config;
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly rings: Rings;
}

type Importing = Parameters<BackupDesk['importZone']>[0];

export const zoneDesk = (parts: ZoneParts): Pick<BackupDesk, 'exportZone' | 'importZone'> => {
  const { config, sql, blobs } = parts;
  const scratch = scratchIn(scratchDirectory(config));
  return {
    exportZone: ({ zone_id, signal }) => exportZone({ sql, stateOf, blobs, scratch, signal }, zone_id),
    importZone: async (asked) => {
      const rows = await scratch();
      const contents = new Contents({ blobs, scratch, keeping: asked.contents });
      try {
        const pieces = piecesOf(blobs, asked);
        const { zone_id: from } = await readZone(
          pieces,
          contents.taking((line) => rows.append(Buffer.from(`${line}\n`))),
        );
        await contents.settle();
        const zone_id = asked.zone_id ?? from;
        const made = await load(parts, { rows: await rows.finish(), from, zone_id });
        return { ...made, zone_id, from, contents: contents.taken };
      } finally {
        await contents.close();
        await rows.remove();
      }
    },
  };
};

async function* piecesOf(blobs: Blobs, { file, signal }: Importing): AsyncGenerator<Uint8Array> {
  if (file.inline) {
    yield file.inline;
    return;
  }
  for await (const piece of blobs.read(file.sha256, 0, file.size)) {
    signal.throwIfAborted();
    yield piece;
  }
}

type Loading = Pick<Parameters<typeof loadZone>[1], 'rows' | 'from' | 'zone_id'>;

async function load({ config, clock, rings }: ZoneParts, loading: Loading): ReturnType<typeof loadZone> {
  const made = await withSql(config, (sql) =>
    sql.write(loading.zone_id, (tx) => loadZone(tx, { ...loading, stateOf, now: clock.now() })),
  );
  rings.ring(zoneTopic(loading.zone_id));
  return made;
}

interface Small {
  readonly sha256: string;
  readonly size: number;
  readonly utf8: boolean;
  readonly inline: Uint8Array;
}

/** Bytes of small contents that are kept by one write. */
const BATCH_BYTES = 1024 * 1024;

interface ContentParts {
  readonly blobs: Blobs;
  readonly scratch: MakeScratch;
  readonly keeping: ContentKeeping;
}

/** Contents on their way in: small ones some at a time, a large one by a file. */
class Contents {
  taken = 0;
  readonly #parts: ContentParts;
  #small: Small[] = [];
  #smallBytes = 0;
  #pieces: Buffer[] = [];
  #file: ScratchFile | undefined;

  constructor(parts: ContentParts) {
    this.#parts = parts;
  }

  taking(row: ZoneTaking['row']): ZoneTaking {
    return {
      row,
      contentBegins: async ({ size }) => {
        this.#pieces = [];
        if (size > INLINE_BYTES_MAX) this.#file = await this.#parts.scratch();
      },
      bytes: async (bytes) => {
        if (this.#file) await this.#file.append(bytes);
        else this.#pieces.push(bytes);
      },
      contentEnds: (head) => this.#keep(head),
    };
  }

  async settle(): Promise<void> {
    const blobs = this.#small;
    this.#small = [];
    this.#smallBytes = 0;
    if (blobs.length > 0) await this.#parts.keeping.keep(blobs);
  }

  async close(): Promise<void> {
    await this.#file?.remove();
    this.#file = undefined;
  }

  async #keep({ content: sha256, size, utf8 }: ContentHead): Promise<void> {
    this.taken++;
    const { blobs, keeping } = this.#parts;
    if (!this.#file) {
      this.#small.push({ sha256, size, utf8: utf8 === 1, inline: Buffer.concat(this.#pieces) });
      this.#smallBytes += size;
      if (this.#smallBytes > BATCH_BYTES) await this.settle();
      return;
    }
    await keeping.reserve([{ sha256, size, utf8: utf8 === 1 }]);
    const kept = await this.#file.finish();
    if (kept.sha256 !== sha256) throw new Fault('UNAVAILABLE', 'The disk does not give back what it took');
    await blobs.put(kept);
    await this.close();
  }
}
