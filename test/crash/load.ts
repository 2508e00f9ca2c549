/** Writers that go on until the server is gone, and the journal of what each was told. */
import { type Act, type Chance, chanceOf, nextAct, type Tree, upTo, type Writer } from './acts.ts';
import type { Child } from './program.ts';

/** A call that was sent; events and audit rows carry its id. */
export interface Sent {
  readonly id: string;
  readonly method: string;
  readonly events: number;
}

export interface Acknowledged extends Sent {
  /** Revision of its newest event, as the answer said. */
  readonly revision: number;
}

export interface Refused extends Sent {
  readonly code: string;
  readonly reason: unknown;
}

/** The journal of one writer. */
export interface Journal {
  readonly home: string;
  readonly acknowledged: readonly Acknowledged[];
  /** The call that ended the writing, since nobody knows its outcome. */
  readonly unknown: (Sent & { readonly told: boolean }) | undefined;
  /** The writer's tree after all that was acknowledged, and after the unknown call as well. */
  readonly tree: Tree;
  readonly treeIfDone: Tree;
  /** Lines it appended to the shared log. */
  readonly lines: readonly string[];
  /** Calls that the server refused. A killed one refuses none. */
  readonly refused: readonly Refused[];
}

export interface Load {
  /** Folder of the round. */
  readonly root: string;
  /** Begins every request id. */
  readonly prefix: string;
  readonly writers: number;
  readonly seed: number;
  /** No blob files. */
  readonly inline?: boolean;
}

/** All writers append to it. */
export const logOf = (root: string): string => `${root}/log`;

/** When to stop, and whom to tell of progress. */
export interface Watch {
  isOver(): boolean;
  onAcknowledged(): void;
}

/** Runs all writers until the server is gone or `isOver` says so. */
export async function runLoad(child: Child, load: Load, watch: Watch): Promise<Journal[]> {
  const shared = load.inline ? [] : sharedContents(chanceOf(load.seed), load.prefix);
  const all = Array.from({ length: load.writers }, (_, n) =>
    runWriter(child, writerOf(load, n, shared), { load, watch }),
  );
  return Promise.all(all);
}

function sharedContents(chance: Chance, prefix: string): string[] {
  return Array.from({ length: 4 }, (_, n) => `${prefix} shared ${n} `.repeat(4_000 + upTo(chance, 8_000)));
}

const writerOf = (load: Load, n: number, shared: readonly string[]): Writer => ({
  home: `${load.root}/w${n}`,
  name: `${load.prefix}w${n}`,
  chance: chanceOf(load.seed + n + 1),
  shared,
});

interface Scene {
  readonly load: Load;
  readonly watch: Watch;
}

async function runWriter(child: Child, writer: Writer, { load, watch }: Scene): Promise<Journal> {
  const acknowledged: Acknowledged[] = [];
  const refused: Refused[] = [];
  const lines: string[] = [];
  let tree: Tree = new Map();
  for (let n = 0; !watch.isOver(); n++) {
    // No id begins another one.
    const id = `${writer.name}n${n}.`;
    const act = writer.chance() < 0.1 ? appendLine(load.root, id, tree) : nextAct(writer, tree);
    if (act.method === 'append') lines.push(id);
    const sent: Sent = { id, method: act.method, events: act.events };
    const outcome = await child.call<Written>({ method: act.method, params: act.params, id });
    if (outcome.kind === 'unknown') {
      const unknown = { ...sent, told: outcome.told };
      return { home: writer.home, acknowledged, unknown, tree, treeIfDone: act.after, lines, refused };
    }
    if (outcome.kind === 'refused') {
      refused.push({ ...sent, code: outcome.code, reason: outcome.data.reason });
      continue;
    }
    acknowledged.push({ ...sent, revision: revisionOf(outcome.result) });
    tree = act.after;
    watch.onAcknowledged();
  }
  return { home: writer.home, acknowledged, unknown: undefined, tree, treeIfDone: tree, lines, refused };
}

function appendLine(root: string, id: string, tree: Tree): Act {
  return { method: 'append', params: { path: logOf(root), content: `${id}\n` }, events: 1, after: tree };
}

interface Revised {
  readonly revision: number;
}
type Written = Revised | readonly Revised[];

/** Of one answer, or of the last of a batch. */
const revisionOf = (written: Written): number =>
  'revision' in written ? written.revision : Math.max(...written.map(({ revision }) => revision));
