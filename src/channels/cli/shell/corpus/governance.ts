/** Decisions of governance and seed texts as people read them. */
import type { ListedDecision } from '../../../../features/corpus/governance/decisions.ts';
import type { Evaluated } from '../../../../features/corpus/governance/governance.operations.ts';
import type { SeedFetched, SeedList } from '../../../../features/corpus/seeds/seeds.operations.ts';
import type { Command } from '../../command.ts';
import { type Style, type Terminal, timeText } from '../../terminal.ts';
import { dim, lines, number, shownBy, tell, titles } from '../views.ts';
import { hinted } from './hints.ts';

type Trace = ListedDecision['decision_trace'];

/** What was found may go out, or not. */
export const allowedText = ({ allow, mode, hits }: Pick<Trace, 'allow' | 'mode' | 'hits'>): string => {
  const terms = [...new Set(hits.map(({ term }) => term))];
  const found = terms.length === 0 ? 'nothing found' : `found ${terms.join(', ')}`;
  return `${allow ? 'allowed' : 'blocked'} in ${mode}: ${found}`;
};

const STYLES: Readonly<Record<string, Style>> = { allowed: 'green', blocked: 'red' };
const judged = { title: 'judged', style: (cell: string): Style | undefined => STYLES[cell] };

const DECISIONS = [dim('when'), judged, ...titles('mode'), number('policy'), ...titles('found', 'audit row')];

const decisions = shownBy('governance list', (terminal, answer: { readonly decisions: readonly ListedDecision[] }) => {
  const rows = answer.decisions.map((one) => [
    timeText(one.created_at),
    one.allow ? 'allowed' : 'blocked',
    one.mode,
    `version ${one.decision_trace.policy_version}`,
    one.policy_hits.join(', '),
    one.audit_id,
  ]);
  tell(terminal, { columns: DECISIONS, rows });
});

const HITS = [...titles('term', 'as it stands'), number('from'), number('to')];

function tellHits(terminal: Terminal, { hits, hit_count }: Trace): void {
  if (hits.length === 0) return;
  terminal.out('\n');
  const rows = hits.map((one) => [one.term, one.matched_text, String(one.start), String(one.end)]);
  tell(terminal, { columns: HITS, rows });
  if (hit_count !== undefined) terminal.err(`… ${rows.length} of ${hit_count}\n`);
}

const evaluate = shownBy('governance evaluate', (terminal, { decision_trace: trace, audit_id }: Evaluated) => {
  lines(terminal, {
    judged: allowedText(trace),
    policy: `version ${trace.policy_version}: ${trace.mode_rationale}, from ${trace.hard_block_threshold} on`,
    'audit row': audit_id,
  });
  tellHits(terminal, trace);
});

const THERE: Readonly<Record<string, Style>> = { ingested: 'green', 'not here': 'dim' };
const there = { title: 'is', style: (cell: string): Style | undefined => THERE[cell] };

const seeds = shownBy('seed-text list', (terminal, answer: SeedList) => {
  const rows = answer.seeds.map((one) => [
    one.title,
    one.author,
    one.atomization_status === 'provisioned' ? 'ingested' : one.local_path === null ? 'not here' : 'fetched',
    one.local_path ?? one.source_url,
  ]);
  tell(terminal, { columns: [...titles('title', 'author'), there, ...titles('where')], rows });
  if (answer.seeds.some((one) => one.atomization_status !== 'provisioned')) {
    terminal.err('an admin gets one: nexus seed-text fetch TITLE\n');
  }
});

const fetched = shownBy('seed-text fetch', (terminal, answer: SeedFetched) =>
  lines(terminal, {
    title: answer.title,
    is: answer.status === 'provisioned' ? 'fetched and ingested' : 'here already',
    document: answer.document_id ?? '',
    path: answer.local_path ?? '',
  }),
);

export const governanceViews: readonly Command[] = [decisions, evaluate, seeds, fetched].map(hinted);
