/** Data of an earlier release, as make.ts packs it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

export const ADMIN = 'admin-key-of-upgrades-01';

/** A call that the earlier release answered so. */
export interface Answered {
  readonly method: string;
  readonly params: object;
  readonly result: unknown;
}

export interface Release {
  /** Files of its data directory, as base64: with the database on SQLite, else the blobs only. */
  readonly files: Readonly<Record<string, string>>;
  /** What pg_dump said; empty on SQLite. */
  readonly dump: string;
  readonly answers: readonly Answered[];
  /** Text of a key that it made, of a viewer of `/docs`. */
  readonly key: string;
}

const fileOf = (engine: string): string => join(import.meta.dirname, `release.${engine}.json.gz`);

export function packRelease(engine: string, release: Release): void {
  writeFileSync(fileOf(engine), gzipSync(JSON.stringify(release), { level: 9 }));
}

export const readRelease = (engine: string): Release => JSON.parse(gunzipSync(readFileSync(fileOf(engine))).toString());

export function unpackFiles({ files }: Release, directory: string): void {
  for (const [path, bytes] of Object.entries(files)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, Buffer.from(bytes, 'base64'));
  }
}
