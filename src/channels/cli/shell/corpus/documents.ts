/** Documents, their atoms and their integrity as people read them. */

import { plural } from '../../../../base/plural.ts';
import type { AtomPage } from '../../../../features/corpus/documents/atoms.operations.ts';
import type { DocumentDetails, DocumentList } from '../../../../features/corpus/documents/documents.operations.ts';
import type { GraphAnswer } from '../../../../features/corpus/graph/graph.operations.ts';
import type { Check, Integrity } from '../../../../features/corpus/graph/integrity.ts';
import type { Command } from '../../command.ts';
import { bytesText, paint, type Terminal, timeText } from '../../terminal.ts';
import { type Asked, dim, lines, number, shownBy, tell, titles, words } from '../views.ts';
import { HOW_TO_MEND, hinted } from './hints.ts';
import { beginningOf, moreOf } from './texts.ts';

const DOCUMENTS = [
  ...titles('document', 'modality'),
  words('status'),
  number('atoms'),
  dim('updated'),
  ...titles('path'),
];

const list = shownBy('document list', (terminal, { documents, total }: DocumentList, asked) => {
  const rows = documents.map((one) => [
    one.id,
    one.modality,
    one.ingest_status,
    String(one.atom_count),
    timeText(one.updated_at),
    one.path,
  ]);
  tell(terminal, { columns: DOCUMENTS, rows });
  moreOf(terminal, { asked, shown: rows.length, total, noun: 'document' });
});

/** What a document was found to hold: names and figures, no lists. */
const figuresIn = (segments: Readonly<Record<string, unknown>>): string =>
  Object.entries(segments)
    .filter(([name, value]) => (typeof value === 'number' || typeof value === 'string') && !SAID.has(name))
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`)
    .join(', ');
/** By other lines. */
const SAID = new Set(['filename', 'size_bytes', 'char_count', 'embedding_ref']);

const get = shownBy('document get', (terminal, one: DocumentDetails) => {
  const { provenance: from, variants } = one;
  const links = (from.cross_modal_links ?? []).map((link) => `${link.target_modality} ${link.target_document_id}`);
  const graph = one.graph_projection_status === 'complete' ? '' : one.graph_projection_status;
  lines(terminal, {
    document: one.id,
    title: one.title,
    path: one.path,
    version: one.source.version === undefined ? '' : `${one.source.version}, revision ${one.source.revision}`,
    status: one.ingest_status,
    error: one.conflict_reason ?? '',
    modality: one.modality,
    size: bytesText(one.size_bytes),
    text: from.text_chars === 0 ? '' : plural(from.text_chars, 'character'),
    holds: figuresIn(from.segments),
    headings: firstOf(from.segments.heading_candidates),
    citations: firstOf(from.segments.citation_markers),
    atoms: one.atom_count === 0 ? '0' : `${one.atom_count}: ${from.atomization.active_atom_levels.join(', ')}`,
    graph,
    created: timeText(one.created_at),
    updated: timeText(one.updated_at),
    links: links.join(', '),
    variants: variants.map(({ document_id }) => document_id).join(', '),
  });
  if (from.extracted_text.trim() !== '') terminal.out(`\n${beginningOf(from.extracted_text)}\n`);
  if (one.conflict_flag) terminal.err(`  ${HOW_TO_MEND}\n`);
  else if (from.text_chars > 0) terminal.err(`  all of it: nexus document text ${one.id}\n`);
});

const NAMED_MAX = 8;
function firstOf(values: unknown): string {
  if (!Array.isArray(values) || values.length === 0) return '';
  const names = values.slice(0, NAMED_MAX).map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  return names.join(', ') + (values.length > NAMED_MAX ? `, … (${values.length})` : '');
}

const ATOMS = [number('ordinal'), number('length'), ...titles('content', 'file')];

const atoms = shownBy('document atoms', (terminal, answer: AtomPage, asked) => {
  const named = answer.atoms.some(({ glyph }) => glyph !== undefined);
  const rows = answer.atoms.map(({ ordinal, content, metadata, glyph }) => [
    String(ordinal),
    String(metadata.length),
    beginningOf(content),
    metadata.filename,
    ...(glyph ? [glyph.unicode_name, glyph.phoneme_hint ?? ''] : []),
  ]);
  tell(terminal, { columns: [...ATOMS, ...(named ? titles('character', 'sound') : [])], rows });
  moreOf(terminal, { asked, shown: rows.length, total: answer.total, noun: 'atom' });
});

/** Hashes are told by their beginning. */
const HASH = /^[0-9a-f]{64}$/;
const told = (value: Check['found']): string =>
  value === null ? 'not there' : HASH.test(String(value)) ? String(value).slice(0, 12) : String(value);

function tellChecks(terminal: Terminal, { document_id, checks, consistent }: Integrity): void {
  const columns = [{ title: 'check' }, words('is'), number('expected'), number('found')];
  const rows = checks.map((one) => [one.name, one.ok ? 'ok' : 'NOT ok', told(one.expected), told(one.found)]);
  tell(terminal, { columns, rows });
  const whole = consistent ? paint(terminal, 'green', 'whole') : paint(terminal, 'red', 'NOT whole');
  terminal.err(`document ${document_id} is ${whole}\n`);
}

/** What is not whole is a failure of the command. */
const check = shownBy('graph check', tellChecks, ({ consistent }: Integrity) => (consistent ? 0 : 1));

const NODES = ['node', 'level', 'path or content'];

const query = shownBy('graph query', (terminal, { nodes, count }: GraphAnswer, asked: Asked) => {
  const rows = nodes.map((node) =>
    node.label === 'Document'
      ? [node.id, node.modality, node.path]
      : [node.id, node.atom_level, beginningOf(node.content)],
  );
  tell(terminal, { columns: titles(...NODES), rows });
  if (rows.length > 0) terminal.err(`${plural(count.nodes, 'node')}, ${plural(count.edges, 'edge')}\n`);
  else if (asked.node_id === undefined && asked.document_id === undefined) {
    terminal.err('  name a node: doc:DOCUMENT_ID, or an atom as nexus graph query doc:DOCUMENT_ID shows them\n');
  }
});

export const documentViews: readonly Command[] = [list, get, atoms, check, query].map(hinted);
