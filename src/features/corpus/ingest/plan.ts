/**
 * Which files a batch is about (corpus.md §3). Guarantees: a path that leaves its source refuses the whole batch before anything
 * is done; a file that is not there stays in the plan, for its outcome says so. A folder of the zone gives the same files
 * for each attempt, as it is read at one revision.
 */
import { Fault } from '../../../base/faults.ts';
import { type Limits, limitExceeded } from '../../../base/limits.ts';
import { cleanPath } from '../../../base/paths.ts';
import type { Operation } from '../../../core/operation.ts';
import type { CorpusFolder } from '../../../ports/corpus-folder.ts';
import { isSupported } from './modality.ts';
import { filesBelow } from './sources.operations.ts';

export type Source =
  | { readonly kind: 'zone'; readonly path: string }
  /** Absolute and real, or as it was given where nothing is there. */
  | { readonly kind: 'disk'; readonly path: string; readonly there: boolean };

export interface Planning {
  readonly zone_id: string;
  /** Revision at which files of the zone are read. */
  readonly as_of: number;
  readonly folder: CorpusFolder;
  readonly limits: Limits;
  /** Runs a read as whoever submitted the batch. */
  readonly act: <I, O>(operation: Operation<I, O>, input: I) => Promise<O>;
  /** By what a file of the zone holds. */
  isText(path: string): Promise<boolean>;
}

const bad = (message: string): Fault => new Fault('BAD_REQUEST', message);

const ZONE_SCHEME = /^nexus:\/\//i;

type Checking = Pick<Planning, 'zone_id' | 'folder' | 'limits'>;

/** What of a batch can be refused before it is a job: all but how many files lie below its folders. */
export async function checkSources(checking: Checking, source_paths: readonly string[]): Promise<void> {
  await checkPaths(checking, source_paths);
  for (const path of source_paths) {
    if (ZONE_SCHEME.test(path)) zonePathOf(checking, path);
    else await diskSource(checking, path);
  }
}

async function checkPaths(checking: Checking, source_paths: readonly string[]): Promise<void> {
  checkLength(checking, source_paths);
  const ofZone = source_paths.filter((path) => ZONE_SCHEME.test(path));
  if (source_paths.length === 0 || ofZone.length < source_paths.length) await checkFolder(checking);
}

export async function planBatch(planning: Planning, source_paths: readonly string[]): Promise<Source[]> {
  await checkPaths(planning, source_paths);
  if (source_paths.length === 0) return fullScope(planning);
  const plan: Source[] = [];
  for (const path of source_paths) {
    if (ZONE_SCHEME.test(path)) await addZonePath(planning, plan, path);
    else plan.push(await diskSource(planning, path));
    checkLength(planning, plan);
  }
  return plan;
}

export const corpusRootMissing = (): Fault => bad('corpus_root is missing: set NEXUS_CORPUS_ROOT to a directory');

async function checkFolder({ zone_id, folder }: Checking): Promise<void> {
  if (zone_id === 'root' && (await folder.exists())) return;
  throw corpusRootMissing();
}

function checkLength({ limits }: Checking, plan: readonly unknown[]): void {
  const maximum = limits.INGEST_FILES;
  if (plan.length > maximum)
    throw limitExceeded('INGEST_FILES', maximum, { actual: plan.length, what: 'files of a batch' });
}

async function diskSource({ folder }: Checking, path: string): Promise<Source> {
  const file = await folder.open(path);
  if (file === 'OUTSIDE') throw bad(`Path escapes corpus_root and is not allowed: ${path}`);
  await file?.close();
  return { kind: 'disk', path: file?.path ?? path, there: file !== undefined };
}

/** Folders with what programs keep for themselves. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', '.venv', '__pycache__', 'object_storage', '.pytest_cache']);

async function fullScope(planning: Planning): Promise<Source[]> {
  const paths: string[] = [];
  for await (const path of planning.folder.list(LEFT_OUT)) {
    if (!isSupported(path)) continue;
    paths.push(path);
    checkLength(planning, paths);
  }
  return paths.sort().map((path) => ({ kind: 'disk', path, there: true }));
}

async function addZonePath(planning: Planning, plan: Source[], given: string): Promise<void> {
  const path = zonePathOf(planning, given);
  if (!given.endsWith('/')) {
    plan.push({ kind: 'zone', path });
    return;
  }
  for (let from: string | null = ''; from !== null; ) {
    const page: { paths: string[]; next: string | null } = await planning.act(filesBelow, {
      path,
      as_of: planning.as_of,
      from,
    });
    for (const below of page.paths) {
      if (isSupported(below) || (await planning.isText(below))) plan.push({ kind: 'zone', path: below });
      checkLength(planning, plan);
    }
    from = page.next;
  }
}

/** Files and folders of the zone that a batch names, so far as they are some. */
export function zonePathsOf(limits: Limits, source_paths: readonly string[]): string[] {
  const paths: string[] = [];
  for (const given of source_paths) {
    const path = given.replace(ZONE_SCHEME, '');
    if (path === given || !path.startsWith('/')) continue;
    try {
      paths.push(cleanPath(path, limits));
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
    }
  }
  return paths;
}

function zonePathOf({ limits }: Checking, given: string): string {
  const path = given.replace(ZONE_SCHEME, '');
  if (!path.startsWith('/') || /^\/zone(\/|$)/.test(path)) throw bad(`Not a path of this zone: ${given}`);
  try {
    return cleanPath(path, limits);
  } catch (thrown) {
    if (thrown instanceof Fault) throw bad(`${given}: ${thrown.message}`);
    throw thrown;
  }
}
