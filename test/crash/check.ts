/**
 * A restarted server against the journals of what it acknowledged before it was killed. Each breach is one line: an
 * acknowledged write that is missing, changed, or logged otherwise than once; a write without an answer that is there
 * in part; anything the rows themselves say.
 */
import { createHash } from 'node:crypto';
import type { Entry, Tree } from './acts.ts';
import { type Acknowledged, type Journal, type Load, logOf, type Sent } from './load.ts';
import type { Child } from './program.ts';
import { type LoggedCall, lookInto, type Rows, type Verified } from './rows.ts';

export interface Checking {
  readonly child: Child;
  readonly directory: string;
  readonly load: Load;
  readonly journals: readonly Journal[];
  /** Newest revision before the round. */
  readonly newestBefore: number;
  readonly verified: Verified;
}

export interface Checked {
  readonly violations: readonly string[];
  /** Of the calls without an answer: how many are there wholly. */
  readonly doneUnknown: number;
  readonly newest: number;
  /** The tree of the round, as it stays. */
  readonly tree: Tree;
}

export async function check(checking: Checking): Promise<Checked> {
  const { child, directory, load, journals } = checking;
  const rows = lookInto(directory, load.prefix, checking.verified);
  const listed = await listTree(child, load.root);
  const unknown = journals.flatMap((journal) => journal.unknown ?? []);
  const done = unknown.filter(({ id }) => rows.calls.has(id));
  const violations = [
    ...rows.violations,
    ...journals.flatMap(({ acknowledged }) => acknowledged.flatMap((call) => wronglyLogged(call, rows))),
    ...journals.flatMap(({ acknowledged }) => wronglyNumbered(acknowledged, checking.newestBefore)),
    ...unknown.flatMap((call) => halfDone(call, rows.calls.get(call.id))),
    ...strangers(journals, rows),
    ...journals.flatMap((journal) => otherTree(journal, listed, rows)),
    ...(await otherBytes(child, listed)),
    ...(await otherLines(child, load.root, { journals, rows })),
  ];
  return { violations, doneUnknown: done.length, newest: rows.newest, tree: listed };
}

function wronglyLogged(call: Acknowledged, { calls }: Rows): string[] {
  const { events = 0, audits = 0, last } = calls.get(call.id) ?? {};
  const found: string[] = [];
  if (events !== call.events) found.push(`${events} events instead of ${call.events}`);
  if (audits !== 1) found.push(`${audits} audit rows`);
  if (last !== call.revision) found.push(`the answer said revision ${call.revision}, the event says ${last}`);
  return found.map((what) => `acknowledged ${call.method} ${call.id}: ${what}`);
}

/** A writer calls one by one, so its revisions grow; and all are newer than what was there before. */
function wronglyNumbered(acknowledged: readonly Acknowledged[], newestBefore: number): string[] {
  let before = newestBefore;
  return acknowledged.flatMap(({ id, revision }) => {
    const grown = revision > before;
    before = revision;
    return grown ? [] : [`${id} has revision ${revision}, which is not newer than what came before`];
  });
}

function halfDone(call: Sent, logged: LoggedCall | undefined): string[] {
  if (!logged || (logged.events === call.events && logged.audits === 1)) return [];
  return [
    `${call.method} ${call.id} had no answer: ${logged.events} of ${call.events} events, ${logged.audits} audit rows`,
  ];
}

/** Every logged call was made, and not refused. */
function strangers(journals: readonly Journal[], { calls }: Rows): string[] {
  const sent = new Set(
    journals.flatMap(({ acknowledged, unknown }) =>
      [...acknowledged, ...(unknown ? [unknown] : [])].map(({ id }) => id),
    ),
  );
  return [...calls.keys()]
    .filter((id) => !sent.has(id))
    .map((id) => `${id} is logged, though it was refused or never sent`);
}

const shown = (entry: Entry | undefined): string =>
  entry ? `${entry.kind} version ${entry.version} of ${entry.size} bytes, etag ${entry.etag}` : 'nothing';
const isSame = (one: Entry | undefined, other: Entry | undefined): boolean =>
  one?.kind === other?.kind &&
  one?.etag === other?.etag &&
  one?.version === other?.version &&
  one?.size === other?.size;

function otherTree(journal: Journal, listed: Tree, rows: Rows): string[] {
  const done = journal.unknown !== undefined && rows.calls.has(journal.unknown.id);
  const wanted = done ? journal.treeIfDone : journal.tree;
  const within = [...listed.keys()].filter((path) => path.startsWith(`${journal.home}/`));
  const paths = new Set([...wanted.keys(), ...within]);
  return [...paths]
    .filter((path) => !isSame(wanted.get(path), listed.get(path)))
    .map((path) => `${path}: ${shown(listed.get(path))} instead of ${shown(wanted.get(path))}`);
}

interface Listed extends Omit<Entry, 'kind'> {
  readonly path: string;
  readonly type: 'file' | 'directory';
}

interface Page {
  readonly files: readonly Listed[];
  readonly next_cursor: string | null;
}

/** All entries below a folder, as the server tells them. */
export async function listTree(child: Child, folder: string): Promise<Tree> {
  const tree = new Map<string, Entry>();
  const there = await child.ok<{ is_directory: boolean }>('is_directory', { path: folder });
  if (!there.is_directory) return tree;
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const params = cursor ? { path: folder, cursor } : { path: folder, recursive: true, details: true, limit: 10_000 };
    const page: Page = await child.ok('list', params);
    for (const { path, type, etag, version, size } of page.files) {
      tree.set(path, { kind: type === 'file' ? 'f' : 'd', etag, version, size });
    }
    cursor = page.next_cursor;
  }
  return tree;
}

/** Every file is read through the server. */
async function otherBytes(child: Child, listed: Tree): Promise<string[]> {
  const files = [...listed].filter(([, { kind }]) => kind === 'f');
  const violations: string[] = [];
  const readSome = async (): Promise<void> => {
    for (let next = files.pop(); next; next = files.pop()) {
      const [path, { etag }] = next;
      const asked = { method: 'read', params: { path, encoding: 'base64' } };
      const outcome = await child.call<{ content: string }>(asked);
      const bytes = outcome.kind === 'done' ? Buffer.from(outcome.result.content, 'base64') : undefined;
      const hash = bytes && createHash('sha256').update(bytes).digest('hex');
      if (hash !== etag) violations.push(`${path}: read as ${hash ?? outcome.kind}, its etag is ${etag}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, readSome));
  return violations;
}

interface Appended {
  readonly journals: readonly Journal[];
  readonly rows: Rows;
}

/** The shared log holds each line whose call was logged, once, and no other. */
async function otherLines(child: Child, root: string, { journals, rows }: Appended): Promise<string[]> {
  const wanted = journals.flatMap(({ lines }) => lines).filter((line) => rows.calls.has(line));
  const asked = { method: 'read', params: { path: logOf(root), encoding: 'utf-8' } };
  const outcome = await child.call<string>(asked);
  const text = outcome.kind === 'done' ? outcome.result : '';
  const lines = text.split('\n').slice(0, -1);
  if ([...lines].sort().join() === [...wanted].sort().join() && (text === '' || text.endsWith('\n'))) return [];
  return [`the shared log has ${lines.length} lines, ${wanted.length} were appended`];
}
