/** Analyses as people read them: a line for each layer, with what it found and how sure it is. */

import { plural } from '../../../../base/plural.ts';
import type { AnalyzeOutput } from '../../../../features/corpus/analysis/analyze.operations.ts';
import type { Rhetoric } from '../../../../features/corpus/analysis/rhetoric.ts';
import type { RunObject, RunSummary } from '../../../../features/corpus/analysis/run-object.ts';
import type { ShadowOutput } from '../../../../features/corpus/analysis/runs.operations.ts';
import type { Command } from '../../command.ts';
import { type Terminal, timeText } from '../../terminal.ts';
import { dim, lines, number, shownBy, tell, titles, words } from '../views.ts';
import { hinted } from './hints.ts';
import { beginningOf, moreOf } from './texts.ts';

type Output = Readonly<Record<string, unknown>>;

/** Items of a list that are shown. */
const ITEMS = 6;
/** Characters of what a layer found. */
const FOUND = 160;

/** What people call a found thing: its label or trigger, `all 3` of a pair, else itself. */
function itemText(item: unknown): string {
  if (Array.isArray(item)) return item.join(' ');
  if (typeof item !== 'object' || item === null) return String(item);
  const { label, trigger, marker } = item as { label?: unknown; trigger?: unknown; marker?: unknown };
  return String(label ?? trigger ?? marker ?? JSON.stringify(item));
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) {
    const more = value.length > ITEMS ? ', …' : '';
    return value.slice(0, ITEMS).map(itemText).join(', ') + more;
  }
  if (typeof value === 'object' && value !== null) return foundIn(value as Output);
  return String(value);
}

const isNothing = (value: unknown): boolean =>
  value === null || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0);

/** `words 6, different 6 …`: names and values, what is nothing left out. */
const foundIn = (output: Output): string =>
  Object.entries(output)
    .filter(([, value]) => !isNothing(value))
    .map(([name, value]) => [name.replaceAll('_', ' '), valueText(value)])
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');

const LAYERS = [{ title: 'layer' }, number('sure'), dim('by'), { title: 'found' }];

interface Layer {
  readonly name: string;
  readonly sure: number | undefined;
  readonly by: string | undefined;
  readonly output: Output;
}

const tellLayers = (terminal: Terminal, layers: readonly Layer[]): void =>
  tell(terminal, {
    columns: LAYERS,
    rows: layers.map(({ name, sure, by, output }) => [
      name,
      sure === undefined ? '' : sure.toFixed(2),
      by ?? '',
      beginningOf(foundIn(output), FOUND),
    ]),
  });

const run = shownBy('analysis run', (terminal, answer: AnalyzeOutput) => {
  const { analysis_run_id, job_id, status, mode, layers } = answer;
  lines(terminal, { analysis: analysis_run_id ?? '', job: job_id ?? '', status, mode });
  const made = Object.entries(layers).map(([name, output]) => ({
    name,
    sure: answer.confidence_bundle[name],
    by: answer.plugin_provenance[name]?.provider_name,
    output,
  }));
  if (made.length > 0) {
    terminal.out('\n');
    tellLayers(terminal, made);
  }
  if (status === 'queued') terminal.err(`  nexus job get ${job_id} tells its analysis_run_id when it is done\n`);
  if (status === 'shadow_queued') terminal.err(`  nexus analysis shadow ${analysis_run_id} compares the two\n`);
});

const get = shownBy('analysis get', (terminal, one: RunObject) => {
  lines(terminal, {
    analysis: one.analysis_run_id,
    document: one.document_id ?? '',
    branch: one.branch_id ?? '',
    mode: one.mode,
    ran: one.execution_mode,
    profile: one.plugin_profile ?? '',
    job: one.job_id ?? '',
    shadow: one.shadow_job_id ?? '',
    modality: one.run_metadata.source_modality,
    created: timeText(one.created_at),
  });
  terminal.out('\n');
  tellLayers(
    terminal,
    one.layer_outputs.map(({ layer_name: name, confidence: sure, provider_name: by, output }) => ({
      name,
      sure,
      by,
      output,
    })),
  );
});

const RUNS = [...titles('analysis', 'mode'), words('ran'), ...titles('profile', 'of'), dim('created')];

const list = shownBy('analysis list', (terminal, { runs }: { readonly runs: readonly RunSummary[] }, asked) => {
  const rows = runs.map((one) => [
    one.analysis_run_id,
    one.mode,
    one.execution_mode,
    one.plugin_profile ?? '',
    one.document_id === null ? `branch ${one.branch_id}` : `document ${one.document_id}`,
    timeText(one.created_at),
  ]);
  tell(terminal, { columns: RUNS, rows });
  moreOf(terminal, { asked, shown: rows.length, noun: 'analysis' });
});

const shadow = shownBy('analysis shadow', (terminal, answer: ShadowOutput) => {
  const { comparison } = answer;
  lines(terminal, {
    analysis: answer.analysis_run_id,
    shadow: answer.shadow?.analysis_run_id ?? '',
    job: answer.shadow_job_id,
    status: answer.shadow_status ?? 'gone',
    outputs: comparison === null ? '' : comparison.same ? 'equal' : 'not equal',
  });
  if (comparison === null) return;
  terminal.out('\n');
  const rows = Object.entries(comparison.layers).map(([name, { same_output, changed_keys, confidence_delta }]) => [
    name,
    same_output ? 'yes' : 'no',
    String(confidence_delta),
    changed_keys.join(', '),
  ]);
  tell(terminal, { columns: [...titles('layer', 'equal'), number('surer by'), ...titles('changed')], rows });
});

const rhetoric = shownBy('analysis rhetoric', (terminal, answer: Rhetoric) => {
  const { token_count, marker_counts } = answer.explainability;
  const score = (value: number, name: string): string =>
    `${value.toFixed(4)} (${plural(marker_counts[name] ?? 0, 'word')})`;
  lines(terminal, {
    words: String(token_count),
    ethos: score(answer.ethos_score, 'ethos'),
    pathos: score(answer.pathos_score, 'pathos'),
    logos: score(answer.logos_score, 'logos'),
    strategies: answer.strategies.join(', '),
    fallacies: answer.fallacies.join(', '),
  });
});

export const analysisViews: readonly Command[] = [run, get, list, shadow, rhetoric].map(hinted);
