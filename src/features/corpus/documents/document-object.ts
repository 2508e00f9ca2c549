/** A document as clients see it (corpus.md §5, §14). */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { jsonValue } from '../../../base/json-value.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { MODALITIES } from '../plugins/plugin.ts';
import { firstCharacters } from '../text/rules.ts';
import type { DocumentRow } from './documents.sql.ts';
import { atomId, atomNode, documentNode, levelsOf } from './levels.ts';
import type { Counted } from './stored.ts';

const text = z.string().nullable();
const object = z.record(z.string(), jsonValue);

const sourceShape = z.object({
  kind: z.enum(['disk', 'zone']),
  path: z.string(),
  version: z.number().optional(),
  revision: z.number().optional(),
});

export const documentObject = z.object({
  id: z.string(),
  path: z.string(),
  modality: z.enum(MODALITIES),
  ingested: z.boolean(),
  ingest_status: z.enum(['parsed', 'ingested', 'ingested_with_warnings', 'conflict']),
  conflict_flag: z.boolean(),
  conflict_reason: text,
  atom_count: z.number(),
  graph_projected_atom_count: z.number(),
  graph_projection_status: z.enum(['complete', 'partial', 'pending']),
  modality_status: z.record(z.string(), z.string()),
  provider_summary: z.object({ ingestion_provider: z.string(), projection_provider: z.string() }),
  source: sourceShape,
  created_at: z.string(),
  updated_at: z.string(),
});
export type DocumentObject = z.infer<typeof documentObject>;

/** What ingestion was asked, and where the text came from. JSON of the column `options`. */
export interface DocumentOptions {
  readonly ingest_scope: string;
  readonly atom_tracks: readonly string[];
  readonly active_atom_levels: readonly string[];
  /** Of a file of the zone. */
  readonly version?: number;
  readonly revision?: number;
  /** Parse options that mean nothing to Nexus. */
  readonly given?: Readonly<Record<string, unknown>>;
}

export const optionsOf = (row: DocumentRow): DocumentOptions => parseJson<DocumentOptions>(row.options);

/** Absolute on disk, `nexus:///…` of the zone. */
export const shownPath = ({ source, path }: Pick<DocumentRow, 'source' | 'path'>): string =>
  source === 'zone' ? `nexus://${path}` : path;

function sourceOf(row: DocumentRow): z.infer<typeof sourceShape> {
  const { version, revision } = optionsOf(row);
  const moment = row.source === 'zone' ? { version, revision } : {};
  return { kind: row.source, path: shownPath(row), ...moment };
}

export function toDocument(row: DocumentRow, counted: Counted): DocumentObject {
  if (row.status === 'new') throw new Error(`document ${row.document_id} was never shown`);
  return {
    id: row.document_id,
    path: shownPath(row),
    modality: row.modality,
    ingested: row.status !== 'conflict',
    ingest_status: row.status,
    conflict_flag: row.status === 'conflict',
    conflict_reason: row.conflict_reason,
    atom_count: counted.expected,
    graph_projected_atom_count: counted.found,
    graph_projection_status: counted.status,
    modality_status: { [row.modality]: row.modality_status },
    provider_summary: { ingestion_provider: 'builtin', projection_provider: 'local_cache' },
    source: sourceOf(row),
    created_at: isoTime(row.created_at),
    updated_at: isoTime(row.updated_at),
  };
}

/** What its names of files of atoms say. */
export const SCHEMA_VERSION = 'ab01-v1';

export const hypergraphIds = z.object({
  document_node_id: z.string(),
  atom_node_ids: z.array(z.string()),
  atom_node_count: z.number(),
});
export type HypergraphIds = z.infer<typeof hypergraphIds>;

/** Nodes that are named. */
const NODES_NAMED = 100;

/** Nodes of a document in the graph. */
export function hypergraphOf(row: DocumentRow): HypergraphIds {
  const ids: string[] = [];
  let count = 0;
  for (const { level, atoms } of levelsOf(row)) {
    count += atoms;
    for (let ordinal = 1; ordinal <= atoms && ids.length < NODES_NAMED; ordinal++) {
      ids.push(atomNode(atomId(row.document_id, level, ordinal)));
    }
  }
  return { document_node_id: documentNode(row.document_id), atom_node_ids: ids, atom_node_count: count };
}

/** Characters of the text that go along. */
export const EXTRACT_CHARACTERS = 65_536;
/** UTF-8 bytes that hold as many in any case. */
export const EXTRACT_BYTES = EXTRACT_CHARACTERS * 4;

export const provenanceShape = z.object({
  extracted_text: z.string(),
  text_truncated: z.boolean(),
  text_chars: z.number(),
  text_hash: text,
  segments: object,
  checksum: z.string(),
  raw_storage_path: z.string(),
  conflict: z.boolean(),
  conflict_reason: text,
  hypergraph: hypergraphIds,
  ingest_scope: z.string(),
  atomization: z.object({
    atom_tracks: z.array(z.string()),
    active_atom_levels: z.array(z.string()),
    filename_schema_version: z.string(),
  }),
  parse_options: object,
  source: sourceShape,
  cross_modal_links: z.array(object).optional(),
});

/** `head`: the beginning of the text, {@link EXTRACT_BYTES} of it or all there is. */
export function provenanceOf(row: DocumentRow, head: string): z.infer<typeof provenanceShape> {
  const { ingest_scope, atom_tracks, active_atom_levels, given } = optionsOf(row);
  const links = parseJson<z.infer<typeof object>[]>(row.links);
  return {
    extracted_text: firstCharacters(head, EXTRACT_CHARACTERS),
    text_truncated: row.text_chars > EXTRACT_CHARACTERS,
    text_chars: row.text_chars,
    text_hash: row.text_hash,
    segments: parseJson<z.infer<typeof object>>(row.segments),
    checksum: row.checksum,
    raw_storage_path: `blob:${row.checksum}`,
    conflict: row.status === 'conflict',
    conflict_reason: row.conflict_reason,
    hypergraph: hypergraphOf(row),
    ingest_scope,
    atomization: {
      atom_tracks: [...atom_tracks],
      active_atom_levels: [...active_atom_levels],
      filename_schema_version: SCHEMA_VERSION,
    },
    parse_options: (given ?? {}) as z.infer<typeof object>,
    source: sourceOf(row),
    ...(links.length > 0 ? { cross_modal_links: links } : {}),
  };
}
