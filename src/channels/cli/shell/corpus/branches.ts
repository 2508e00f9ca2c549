/** Branches and remixes as people read them: lineages as tables of events, two texts one below the other. */

import { plural } from '../../../../base/plural.ts';
import type { BranchComparison, BranchList } from '../../../../features/corpus/branches/branches.operations.ts';
import type { EvolveManyOutput, EvolveOutput } from '../../../../features/corpus/branches/evolve.operations.ts';
import type { BranchGraph } from '../../../../features/corpus/branches/graph.ts';
import type { BranchTimeline } from '../../../../features/corpus/branches/history.operations.ts';
import type { MergeOutput } from '../../../../features/corpus/branches/merge.operations.ts';
import type { Replay } from '../../../../features/corpus/branches/replays.ts';
import type { ComposeOutput, MakeOutput } from '../../../../features/corpus/remix/compose.operations.ts';
import type { RemixList, RemixObject } from '../../../../features/corpus/remix/remix-object.ts';
import type { Command } from '../../command.ts';
import { paint, type Terminal, timeText } from '../../terminal.ts';
import { dim, lines, number, shownBy, tell, titles } from '../views.ts';
import { allowedText } from './governance.ts';
import { hinted } from './hints.ts';
import { beginningOf, fieldsText, moreOf, tellText } from './texts.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a summary of a change says, beside which event it was and what that was given. */
const changeText = ({ event: _event, ...summary }: Fields, known: Fields = {}): string =>
  fieldsText(Object.fromEntries(Object.entries(summary).filter(([name]) => !Object.hasOwn(known, name))));

const BRANCHES = [...titles('branch', 'mode'), number('version'), dim('created'), ...titles('from')];

const list = shownBy('branch list', (terminal, { branches }: BranchList, asked) => {
  const rows = branches.map((one) => [
    one.id,
    one.mode,
    String(one.branch_version),
    timeText(one.created_at),
    one.parent_branch_id === null ? `document ${one.root_document_id}` : `branch ${one.parent_branch_id}`,
  ]);
  tell(terminal, { columns: BRANCHES, rows });
  moreOf(terminal, { asked, shown: rows.length, noun: 'branch' });
});

const evolve = shownBy('branch evolve', (terminal, answer: EvolveOutput) => {
  lines(terminal, { branch: answer.new_branch_id, event: answer.event_id, did: changeText(answer.diff_summary) });
  terminal.err(`  its text: nexus branch replay ${answer.new_branch_id}\n`);
});

const evolveMany = shownBy('branch evolve-many', (terminal, answer: EvolveManyOutput) => {
  const columns = [number('#'), ...titles('branch', 'event')];
  const rows = answer.branch_ids.map((id, n) => [String(n + 1), id, answer.event_ids[n] ?? '']);
  tell(terminal, { columns, rows });
  tellText(terminal, answer.final_preview);
});

const merge = shownBy('branch merge', (terminal, answer: MergeOutput) =>
  lines(terminal, {
    branch: answer.new_branch_id,
    event: answer.event_id,
    strategy: answer.strategy,
    'last common': answer.lca_branch_id ?? 'none',
    did: changeText(answer.diff_summary),
    sides: fieldsText(answer.conflict_semantics),
  }),
);

const verifiedText = (terminal: Terminal, verified: boolean): string =>
  verified
    ? paint(terminal, 'green', 'its events make the text that is kept')
    : paint(terminal, 'red', 'its events make ANOTHER text than is kept');

const isVerified = ({ replay_snapshot }: Pick<Replay, 'replay_snapshot'>): number => (replay_snapshot.verified ? 0 : 1);

const EVENTS = [number('#'), dim('when'), ...titles('event', 'branch', 'with', 'did')];

const timeline = shownBy(
  'branch timeline',
  (terminal, { events, replay_snapshot: { preview, verified } }: BranchTimeline) => {
    const rows = events.map((one, n) => [
      String(n + 1),
      timeText(one.created_at),
      one.event_type,
      one.branch_id,
      fieldsText(one.event_payload),
      changeText(one.diff_summary, one.event_payload),
    ]);
    tell(terminal, { columns: EVENTS, rows });
    tellText(terminal, preview);
    terminal.err(`${verifiedText(terminal, verified)}\n`);
  },
  isVerified,
);

const replay = shownBy(
  'branch replay',
  (terminal, answer: Replay) => {
    const { branch_id: branch, event_count, text_hash: hash, preview, replay_snapshot } = answer;
    lines(terminal, { branch, events: String(event_count), hash });
    tellText(terminal, preview);
    terminal.err(`${verifiedText(terminal, replay_snapshot.verified)}\n`);
  },
  isVerified,
);

const compare = shownBy('branch compare', (terminal, answer: BranchComparison) => {
  const { left_branch_id, right_branch_id, preview_left, preview_right, same, distance } = answer;
  terminal.out(`${paint(terminal, 'dim', left_branch_id)}\n${beginningOf(preview_left, PREVIEW)}\n\n`);
  terminal.out(`${paint(terminal, 'dim', right_branch_id)}\n${beginningOf(preview_right, PREVIEW)}\n\n`);
  const differ = `${plural(distance, 'character')} of their beginnings differ`;
  terminal.out(
    same ? `${paint(terminal, 'green', 'equal')}\n` : `${paint(terminal, 'yellow', 'not equal')}: ${differ}\n`,
  );
});
const PREVIEW = 500;

const GRAPH = [dim('when'), ...titles('event', 'branch', 'lineage', 'from')];

const graph = shownBy('branch graph', (terminal, { nodes, edges, summary }: BranchGraph) => {
  const branchOf = new Map(nodes.map(({ id, branch_id }) => [id, branch_id]));
  const from = Map.groupBy(edges, ({ target }) => target);
  const rows = nodes.map((one) => [
    timeText(one.created_at),
    one.event_type,
    one.branch_id,
    one.lineage_role === 'primary' ? 'own' : 'merged in',
    (from.get(one.id) ?? []).map(({ source }) => branchOf.get(source) ?? source).join(', '),
  ]);
  tell(terminal, { columns: GRAPH, rows });
  const merged = plural(summary.secondary_lineage_branch_count, 'branch');
  terminal.err(`${plural(summary.event_count, 'event')}, ${summary.lineage_depth} deep, ${merged} merged in\n`);
});

const sideText = (document: string | null, branch: string | null): string =>
  branch !== null ? `branch ${branch}` : document !== null ? `document ${document}` : '';

const compose = shownBy('remix compose', (terminal, answer: ComposeOutput) => {
  lines(terminal, {
    remix: answer.remix_artifact_id ?? '',
    branch: answer.new_branch_id ?? '',
    strategy: `${answer.strategy}, seed ${answer.seed}`,
    mode: answer.mode,
    atoms: answer.source_atom_refs.length === 0 ? '' : String(answer.source_atom_refs.length),
    judged: allowedText(answer.governance_trace),
  });
  tellText(terminal, String(answer.remixed_text));
});

const make = shownBy('remix make', (terminal, answer: MakeOutput) =>
  lines(terminal, {
    branch: answer.new_branch_id,
    event: answer.event_id,
    strategy: answer.strategy,
    did: changeText(answer.diff_summary),
  }),
);

const REMIXES = [
  ...titles('remix', 'strategy'),
  number('seed'),
  ...titles('mode'),
  dim('created'),
  ...titles('source', 'target', 'branch'),
];

const remixes = shownBy('remix list', (terminal, { remixes: all, total }: RemixList, asked) => {
  const rows = all.map((one) => [
    one.remix_artifact_id,
    one.strategy,
    String(one.seed),
    one.mode,
    timeText(one.created_at),
    one.source_document_id ?? '',
    one.target_document_id ?? '',
    one.branch_id ?? '',
  ]);
  tell(terminal, { columns: REMIXES, rows });
  moreOf(terminal, { asked, shown: rows.length, total, noun: 'remix' });
});

const get = shownBy('remix get', (terminal, one: RemixObject) => {
  lines(terminal, {
    remix: one.remix_artifact_id,
    strategy: `${one.strategy}, seed ${one.seed}`,
    mode: one.mode,
    source: sideText(one.source_document_id, one.source_branch_id),
    target: sideText(one.target_document_id, one.target_branch_id),
    branch: one.branch_id ?? '',
    judged: allowedText(one.governance_trace),
    created: timeText(one.created_at),
  });
  tellText(terminal, String(one.remixed_text));
});

export const branchViews: readonly Command[] = [
  ...[evolve, evolveMany, merge, list, timeline, replay, compare, graph],
  ...[compose, make, remixes, get],
].map(hinted);
