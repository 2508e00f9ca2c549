/**
 * Where large bodies wait. Guarantees: the bodies of one zone take at most SPOOL_BYTES together, whatever those of others
 * take; a name that a killed process left goes at the next start, one that a living process has just made stays.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../base/faults.ts';
import { SPOOL_NAME, type SpoolHome } from '../channels/http/body/spool.ts';
import { makeFolders } from '../engines/folders.ts';

/** A spool has its name for an instant only; older ones have nobody. */
const LEFT_AFTER_MS = 60_000;

export interface SpoolPlace {
  readonly directory: string;
  /** Bytes of one zone. */
  readonly maximum: number;
  /** No other process puts spools there. */
  readonly alone: boolean;
}

/** Makes the directory, empty of what was left in it. Callers without a zone share one budget. */
export function openSpools(place: SpoolPlace): (zone_id: string | undefined) => SpoolHome {
  const { directory, maximum } = place;
  makeFolders(directory);
  removeLeftovers(place);
  const used = new Map<string | undefined, number>();
  return (zone_id) => ({
    directory,
    reserve: (bytes) => {
      const wanted = (used.get(zone_id) ?? 0) + bytes;
      if (wanted > maximum) throw overfull(maximum);
      used.set(zone_id, wanted);
    },
    release: (bytes) => {
      const left = (used.get(zone_id) ?? 0) - bytes;
      if (left > 0) used.set(zone_id, left);
      else used.delete(zone_id);
    },
  });
}

const overfull = (maximum: number): Fault =>
  new Fault(
    'UNAVAILABLE',
    `More than ${maximum} bytes of the zone are being received; try again, or send a large file as a resumable upload (nexus upload)`,
    { limit: 'SPOOL_BYTES', maximum },
  );

function removeLeftovers({ directory, alone }: SpoolPlace): void {
  for (const name of readdirSync(directory)) {
    if (!SPOOL_NAME.test(name)) continue;
    const path = join(directory, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Number.POSITIVE_INFINITY };
    if (alone || Date.now() - mtimeMs > LEFT_AFTER_MS) rmSync(path, { force: true });
  }
}
