/**
 * edit (files.md §8). Guarantees: two concurrent edits never lose one, since the outcome is written only over the content
 * that it was computed on; what takes long is computed in a
 * thread of its own, one edit of a caller at a time, so that other calls keep their latency.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { AT_ONCE_BYTES } from '../../core/call/computing.ts';
import { isStale, STALE } from '../../core/call/stale.ts';
import type { Call, Operation, Preparation } from '../../core/operation.ts';
import { collect, type Representation, type Stored, storeContent } from '../content/content.ts';
import { contentOf, writeFile } from './changes.ts';
import type { Edit } from './edit/steps.ts';
import { checkEdits } from './edit.ts';
import {
  type EditAnswer,
  type EditInput,
  type EditParam,
  editAnswer,
  editInput,
  type editOutcome,
} from './edit-shapes.ts';
import { findHead, type Head, headSource } from './head.operations.ts';
import { textBytesOf, textOf, within } from './params.ts';
import { reachOne } from './reach.ts';
import { notText } from './read-shapes.ts';
import { type Edited, type Editing, editAtOnce, editTask, turnOf } from './tasks.ts';
import { checkPrecondition, lookUpFile } from './tree.ts';
import type { View } from './view.ts';
import { viewOf } from './view-of.ts';

/** Content that a preview tells, in bytes (files.md §8). */
const NEW_CONTENT_BYTES = 1024 * 1024;

/** The outcome of edits on a text, where it is there soon: no look at the tree. */
export const computeEdit: Operation<Editing, { readonly edited: Edited | null }> = {
  name: 'file.compute-edit',
  summary: 'What edits make of a text.',
  effect: 'read',
  who: { role: 'operator' },
  internal: true,
  heavy: true,
  input: z.custom<Editing>(),
  output: z.object({ edited: z.custom<Edited | null>() }),
  faults: ['INVALID_PARAMS', 'LIMIT_EXCEEDED'],
  run: async (_call, editing) => ({ edited: editAtOnce(editing) ?? null }),
};

async function edited(editing: Editing, preparation: Preparation): Promise<Edited> {
  const soon = editing.content.byteLength <= AT_ONCE_BYTES ? await preparation.run(computeEdit, editing) : undefined;
  if (soon?.edited) return soon.edited;
  return preparation.computing.run(editTask, { ...editing, by: turnOf(preparation.context.caller) });
}

interface ReadyEdit extends Pick<EditInput, 'path' | 'branch' | 'if_match' | 'preview'> {
  /** Etag that the outcome was computed on. */
  readonly base: string;
  readonly outcome: z.infer<typeof editOutcome>;
  /** Null when nothing is to be written. */
  readonly stored: Stored | null;
  readonly new_content: string | undefined;
}

export const edit: Operation<EditInput, EditAnswer, ReadyEdit> = {
  name: 'file.edit',
  summary: 'Replace texts in a file by quoting them; all edits or none.',
  effect: 'write',
  who: { role: 'operator' },
  input: editInput,
  output: editAnswer,
  faults: [
    'ACCESS_DENIED',
    'FILE_NOT_FOUND',
    'IS_A_DIRECTORY',
    'NOT_A_DIRECTORY',
    'ETAG_MISMATCH',
    'NOT_TEXT',
    'LIMIT_EXCEEDED',
    'CONFLICT',
    'QUOTA_EXCEEDED',
  ],
  rpc: { name: 'edit', aliases: ['edit_file'] },
  cli: { words: 'file edit', args: ['path', 'edits…'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  stale: isStale,
  turn: (input) => JSON.stringify([input.branch, input.path]),
  prepare: async (input, preparation) => {
    const { path, branch, if_match, preview, fuzzy_threshold } = input;
    const edits = await readEdits(input.edits, preparation);
    const found = await preparation.run(findHead, { path, branch, if_match, must_exist: true });
    if (!found) throw new Error(`no head of ${path}`);
    const shown = preparation.context.path_prefix + path;
    checkText(found, shown, preparation);
    const content = await collect(headSource(found, preparation.blobs));
    const options = { fuzzyThreshold: fuzzy_threshold, limits: preparation.limits };
    const { content: made, ...outcome } = await edited({ path: shown, content, edits, options }, preparation);
    const telling = preview && made !== null && made.byteLength <= NEW_CONTENT_BYTES;
    const received = made && !preview ? { incoming: made, asText: true } : undefined;
    return {
      path,
      branch,
      if_match,
      preview,
      base: found.etag,
      outcome,
      stored: received ? await storeContent(received, { permission: 'write', path }, preparation) : null,
      new_content: telling ? Buffer.from(made).toString('utf8') : undefined,
    };
  },
  needs: (ready) => [{ permission: 'write', path: ready.path }],
  reach: (ready) => reachOne(ready.path, ready),
  object: (ready) => ready.path,
  run: async (call, ready) => {
    const view = await viewOf(call, ready);
    const spot = await lookUpFile(call, view, ready.path);
    checkPrecondition(call, spot, ready);
    if (spot.state.etag !== ready.base) return STALE;
    const { outcome, preview, new_content } = ready;
    const now = ready.stored ? await writeEdited(call, view, { spot, stored: ready.stored }) : spot.state;
    return {
      ...outcome,
      preview,
      path: call.shown(ready.path),
      etag: now.etag ?? '',
      version: now.version,
      size: now.size,
      modified_at: isoTime(now.modified_at),
      ...(new_content === undefined ? {} : { new_content }),
    };
  },
};

/** The texts of the edits, in memory: no more of them than an edited content may have. */
async function readEdits(edits: readonly EditParam[], { limits }: Preparation): Promise<Edit[]> {
  within('EDITS', limits, { actual: edits.length, what: 'edits' });
  for (const side of ['old_str', 'new_str'] as const) {
    const actual = edits.reduce((sum, edit) => sum + textBytesOf(edit[side]), 0);
    within('EDIT_BYTES', limits, { actual, what: `bytes of ${side} in all edits` });
  }
  const texts: Edit[] = [];
  for (const [index, { old_str, new_str, ...more }] of edits.entries()) {
    texts.push({
      ...more,
      old_str: await textOf(old_str, `edits.${index}.old_str`),
      new_str: await textOf(new_str, `edits.${index}.new_str`),
    });
  }
  checkEdits(texts, limits.EDITS);
  return texts;
}

/** NOT_TEXT, or LIMIT_EXCEEDED for more than can be edited. */
function checkText(found: Head, shown: string, { limits }: Preparation): void {
  if (!found.utf8) throw notText(shown);
  within('EDIT_BYTES', limits, { actual: found.size, what: shown });
}

interface Written {
  readonly etag: string | null;
  readonly version: number;
  readonly size: number;
  readonly modified_at: number;
}

/** The file keeps its representation, content type and metadata. */
function writeEdited(
  call: Call,
  view: View,
  { spot, stored }: { spot: Awaited<ReturnType<typeof lookUpFile>>; stored: Stored },
): Promise<Written> {
  const encoding = spot.state.encoding as Representation;
  const { content_type } = spot.state;
  const content = { ...contentOf(stored), encoding, content_type, metadata: undefined, reason: 'edit' } as const;
  return writeFile(call, view, { spot, content });
}
