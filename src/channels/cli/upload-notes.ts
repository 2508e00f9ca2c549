/**
 * Uploads that were begun and not finished, so that the same command goes on where it was killed: one JSON object in the
 * user's configuration directory, what is uploaded where → address of the upload. Losing it costs time only.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../../base/parse-json.ts';

/** Older ones have expired on the server. */
const KEPT_MS = 24 * 3_600_000;

interface Note {
  readonly location: string;
  readonly begun_at: number;
}

export interface Notes {
  find(what: string): string | undefined;
  keep(what: string, location: string): void;
  drop(what: string): void;
}

export function uploadNotes(configHome: string, now: () => number): Notes {
  const file = join(configHome, 'nexus', 'uploads.json');
  const read = (): Record<string, Note> => {
    try {
      return parseJson(readFileSync(file, 'utf8')) as Record<string, Note>;
    } catch {
      return {};
    }
  };
  const write = (notes: Readonly<Record<string, Note>>): void => {
    mkdirSync(join(configHome, 'nexus'), { recursive: true, mode: 0o700 });
    const kept = Object.entries(notes).filter(([, { begun_at }]) => begun_at > now() - KEPT_MS);
    // Written beside and renamed, so that a crash leaves the old file whole.
    const beside = `${file}.${process.pid}`;
    writeFileSync(beside, JSON.stringify(Object.fromEntries(kept)), { mode: 0o600 });
    renameSync(beside, file);
  };
  return {
    find: (what) => read()[what]?.location,
    keep: (what, location) => write({ ...read(), [what]: { location, begun_at: now() } }),
    drop: (what) => {
      const { [what]: _gone, ...others } = read();
      write(others);
    },
  };
}
