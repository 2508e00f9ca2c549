/** Engines chosen by the configuration: the one place that knows them by name. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BlobsPlace, parseBlobsUrl } from '../config/blobs-url.ts';
import { blobsFolderOf } from '../config/places.ts';
import { type Config, sqliteFileOf } from '../config.ts';
import { openDiskBlobs } from '../engines/disk/disk-blobs.ts';
import { makeFolders } from '../engines/folders.ts';
import type { PoolLimits } from '../engines/postgres/pool.ts';
import { openProcessBell } from '../engines/process/process-bell.ts';
import { placeOf, type S3Place } from '../engines/s3/place.ts';
import type { Bell } from '../ports/bell.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Fence } from '../ports/fence.ts';
import type { Sql } from '../ports/sql.ts';
import type { ThreadRole } from './thread-protocol.ts';

/** SQL of the main thread: reading only on SQLite, whose writes run in the writing thread. */
export async function openServerSql(config: Config, onBroken: (reason: unknown) => void, fence?: Fence): Promise<Sql> {
  return openSql(config, { writer: sqliteFileOf(config) === undefined, share: 'most', onBroken, fence });
}

interface Fenced {
  readonly fence: Fence;
  readonly onBroken: (reason: unknown) => void;
}

/** SQL of a thread of a server, by its role. */
export async function openFencedSql(config: Config, role: ThreadRole, fenced: Fenced): Promise<Sql> {
  return openSql(config, { writer: role === 'writer', share: role === 'reader' ? 'some' : 'all', ...fenced });
}

/** SQL beside a server, which no restore keeps out. */
export async function openThreadSql(
  config: Config,
  role: ThreadRole,
  onBroken: (reason: unknown) => void,
): Promise<Sql> {
  return openSql(config, { writer: role === 'writer', share: role === 'reader' ? 'some' : 'all', onBroken });
}

/** The bell of the nodes that share a database; on SQLite that of this process. */
export async function openBell(config: Config): Promise<Bell> {
  if (sqliteFileOf(config) !== undefined) return openProcessBell();
  const { openPostgresBell } = await import('../engines/postgres/postgres-bell.ts');
  return openPostgresBell(config.DATABASE_URL);
}

/** Part of the connections of a process that one of its threads may have. */
type Share = 'all' | 'most' | 'some';

interface Opening {
  readonly writer: boolean;
  readonly share: Share;
  readonly fence?: Fence | undefined;
  readonly onBroken: (reason: unknown) => void;
}

async function openSql(config: Config, opening: Opening): Promise<Sql> {
  const file = sqliteFileOf(config);
  if (file !== undefined) {
    makeFolders(dirname(file));
    const { openSqlite } = await import('../engines/sqlite/sqlite.ts');
    return openSqlite({ file, ...opening, busyMs: config.DB_BUSY_SECONDS * 1000 });
  }
  const { openPostgres } = await import('../engines/postgres/postgres.ts');
  return openPostgres({
    url: config.DATABASE_URL,
    statementMs: config.limits.OPERATION_MS,
    pool: {
      ...shareOf(connectionsOf(config), opening.share),
      recycleMs: config.DB_POOL_RECYCLE * 1000,
      prePing: config.DB_POOL_PRE_PING,
    },
    fence: opening.fence,
    onBroken: opening.onBroken,
  });
}

/** Connections that stay open, and those beyond. */
type Connections = Pick<PoolLimits, 'size' | 'overflow'>;

const quarterOf = (connections: number): number => Math.min(connections, Math.max(1, Math.floor(connections / 4)));

/**
 * Long reads have a quarter, at least one, and what is left over is for all else, so that a process has as many as it was
 * given. Of a single one there is no part for long reads: they run beside the others.
 */
export function shareOf({ size, overflow }: Connections, share: Share): Connections {
  const all = size + overflow;
  const some = Math.min(all - 1, quarterOf(size) + quarterOf(overflow));
  if (share === 'all') return { size, overflow };
  if (share === 'some') return within(some, quarterOf(size));
  return within(all - some, Math.max(1, size - quarterOf(size)));
}

function within(all: number, wanted: number): Connections {
  const size = Math.min(all, wanted);
  return { size, overflow: all - size };
}

const connectionsOf = ({ DB_POOL_SIZE: size, DB_MAX_OVERFLOW: overflow }: Config): Connections => ({ size, overflow });

/** Are there connections for a thread of long reads? */
export const hasReader = (config: Config): boolean =>
  sqliteFileOf(config) !== undefined || shareOf(connectionsOf(config), 'some').size > 0;

/** Blobs of a process, or of a thread beside those. What speaks to S3 is loaded where it is configured. */
export async function openBlobs(config: Config, opening: 'first' | 'beside' = 'first'): Promise<Blobs> {
  const place = config.BLOBS_URL === '' ? undefined : parseBlobsUrl(config.BLOBS_URL, true);
  if (place?.kind !== 's3') return openDiskBlobs(diskRootOf(config), opening);
  const [{ openS3Blobs }, { outboundOf }] = await Promise.all([
    import('../engines/s3/s3-blobs.ts'),
    import('./outbound.ts'),
  ]);
  return openS3Blobs(s3PlaceOf(config, place), outboundOf(config, 'operator'));
}

/** A bucket with the credentials of this server: those of its own URL, of the settings, or those that the server's blobs have. */
export function s3PlaceOf(config: Config, place: BlobsPlace & { readonly kind: 's3' }): S3Place {
  if (place.credentials) return placeOf(place, { ...place.credentials, sessionToken: undefined });
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, BLOBS_URL } = config;
  if (AWS_ACCESS_KEY_ID === '' || AWS_SECRET_ACCESS_KEY === '') {
    const blobs = BLOBS_URL === '' ? undefined : parseBlobsUrl(BLOBS_URL, true);
    if (blobs?.kind === 's3' && blobs.credentials)
      return s3PlaceOf(config, { ...place, credentials: blobs.credentials });
    throw new Error('s3:// is named, so AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have to be set');
  }
  return placeOf(place, {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN || undefined,
  });
}

/** Directory where large bodies wait. */
export const spoolRootOf = (config: Config): string => join(diskRootOf(config), 'spool');

function diskRootOf(config: Config): string {
  if (config.BLOBS_URL.startsWith('file:')) return fileURLToPath(config.BLOBS_URL);
  return blobsFolderOf(config);
}
